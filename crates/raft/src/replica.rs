//! The assembled replica.

use crate::apply::Observer;
use crate::codec;
use crate::confirmation::Confirmation;
use crate::contacts::Contacts;
use crate::door::Door;
use crate::forward::{Forwarder, Parcel};
use crate::housekeeping::{Housekeeping, Thresholds};
use crate::log_store::LogStore;
use crate::machine::{Machine, Seen};
use crate::members::{self, Change, NotChanged, NotMoved};
use crate::network::Network;
use crate::new_cluster;
use crate::options::Options;
use crate::pending::{Pending, reason};
use crate::prober::Prober;
use crate::proposer::{PLACES, Proposal, Proposer, Retrier};
use crate::pruner::Pruner;
use crate::reads::{ReadLoop, Waiting};
use crate::shortcut::{ROUNDS, Shortcut, VotesAlone};
use crate::standing::{Known, Leadership, Standing, Told};
use crate::transfer::{self, Outgoing, ReadPart, Reading, Writing};
use crate::transport::{Broken, NoPeers, Purpose, Target, Transport};
use crate::types::{LogId, TypeConfig};
use openraft::Raft;
use openraft::async_runtime::WatchReceiver;
use openraft::metrics::RaftServerMetrics;
use quorate_proto::peer::NotReconfigured;
use quorate_proto::peer::call_reply as proto;
use quorate_proto::peer::call_request::Question;
use quorate_state_machine::{Answer, Fault, Reader, StateMachine, Unavailable};
use quorate_storage::Engine;
use quorate_tasks::inbox::{Sender, inbox};
use quorate_tasks::reply::Ticket;
use quorate_tasks::strand::Patience;
use quorate_tasks::watch;
use quorate_tasks::{Clock, Failure, Group, Moment, Strand, timeout};
use quorate_types::MemberId;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};

/// Proposals that may wait for the proposer; past it a call is told `too many requests`. The coordinator's byte budget is
/// the narrower bound for large commands.
const PROPOSALS_MAX: usize = 65_536;
/// How long a step whose failure ended consensus has to report it: it knows more about it than consensus does.
const REPORT_TIME: Duration = Duration::from_secs(1);
/// A command of more bytes is not carried on by the thread that proposes it: to lay it into the log is another copy.
const CARRIED_HERE_MAX: usize = 64 << 10;
/// How long a change that met no leader waits before the next try, and how often a hand-over is looked at.
const PAUSE: Duration = Duration::from_millis(5);
/// What a member is told that does not belong to its cluster any more.
const REMOVED: &str = "the member has been permanently removed from the cluster: to bring the machine back, remove its data directory and add it as a new member";
/// Reads that may wait for a round.
const READS_MAX: usize = 1 << 20;
/// Parts of whole states that may wait to be read, or written: one a transfer.
const TRANSFERS_MAX: usize = 1024;
/// One member's copy of the state, and its part in the agreement on it. Clones are the same replica.
#[derive(Clone)]
pub struct Replica {
    raft: Raft<TypeConfig, Machine>,
    reader: Reader,
    proposals: Sender<Proposal>,
    reads: Sender<Waiting>,
    pending: Arc<Pending>,
    known: Arc<Known>,
    next_id: Arc<AtomicU64>,
    stopping: watch::Sender<bool>,
    strand: Strand,
    votes_alone: VotesAlone,
    contacts: Contacts,
    door: Door,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    applied: watch::Receiver<Option<u64>>,
    removed: watch::Receiver<bool>,
}

/// What a replica stands on.
pub struct Parts {
    /// Where the state is.
    pub engine: Arc<dyn Engine>,
    /// Where the log is.
    pub disk: Arc<dyn quorate_wal::Disk>,
    /// How the log behaves.
    pub wal: quorate_wal::Options,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// The way to other members: [`NoPeers`](crate::NoPeers) for a cluster of one.
    pub transport: Arc<dyn Transport>,
    /// Who is told of all that is applied from the start on; without it nothing is done for it.
    pub observer: Option<Observer>,
}

impl Parts {
    /// For a cluster of one: no way to others, and nobody is told.
    #[must_use]
    pub fn alone(
        engine: Arc<dyn Engine>,
        disk: Arc<dyn quorate_wal::Disk>,
        wal: quorate_wal::Options,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { engine, disk, wal, clock, transport: Arc::new(NoPeers), observer: None }
    }
}

/// Why a replica did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log cannot be opened.
    #[error("open the log")]
    Log(#[from] quorate_wal::Error),
    /// The state cannot be opened.
    #[error("open the state")]
    State(#[from] Fault),
    /// The settings do not fit together.
    #[error("settle the consensus settings")]
    Options(#[from] Box<openraft::ConfigError>),
    /// openraft stopped while starting.
    #[error("start consensus: {0}")]
    Consensus(String),
    /// The log cannot be rewritten for a member that is to go on alone.
    #[error("force a new cluster of this member alone")]
    ForceNewCluster(#[source] std::io::Error),
    /// This member was removed from its cluster.
    #[error("{REMOVED}")]
    Removed,
    /// There is state, but no log at all: a vote may have been lost with it.
    #[error(
        "the state holds entries up to {applied}, but the log is empty: its folder was removed or replaced; restore it, or remove this member's data and add the member anew"
    )]
    LogMissing {
        /// The last entry in the state.
        applied: u64,
    },
    /// The log begins after the state ends.
    #[error("the log begins after entry {purged}, but the state ends at {}: its folder was removed or is older than the log; restore it, or remove this member's data and add the member anew", applied.map_or_else(|| "nothing".to_owned(), |applied| applied.to_string()))]
    StateMissing {
        /// The last entry that the log no longer holds.
        purged: u64,
        /// The last entry in the state.
        applied: Option<u64>,
    },
}

impl Replica {
    /// Starts a replica on `parts`; everything that runs is started in `group`.
    ///
    /// Returns as soon as openraft runs: committed entries that the engine had not made durable are being applied,
    /// and there may be no leader yet. Call it on the runtime that is to carry consensus.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn start(options: Options, parts: Parts, group: &Group) -> Result<Self, Error> {
        let Parts { engine, disk, wal, clock, transport, observer } = parts;
        let opened = quorate_wal::open(disk, &wal)?;
        report(&opened.recovery);
        let state = StateMachine::open(engine.clone())?;
        check_fit(&opened.log, &state)?;
        if state.reader().newest().is_removed(options.member) {
            return Err(Error::Removed);
        }

        let reader = state.reader();
        let whole = engine.persists_whole().then(|| reader.clone());
        let log = opened.log.clone();
        let (strand, votes_alone) = (Strand::new(), VotesAlone::default());
        let pending = Arc::new(Pending::default());
        let writer = group.stage("wal", opened.inbox, opened.writer);
        if let Some(node) = &options.force_new_cluster {
            new_cluster::force(&log, &state, options.member, node).await?;
        }
        let shortcut = Shortcut { writer, strand: strand.downgrade(), votes_alone: votes_alone.clone() };
        let (machine, seen) = Machine::start(
            engine.clone(),
            state,
            pending.clone(),
            votes_alone.clone(),
            observer,
            options.first_request_id,
            group,
        );

        let contacts = Contacts::new(clock.clone(), options.election_timeout);
        let outgoing = Outgoing::new(clock.clone());
        let (reading, writing) = start_transfers(engine.clone(), group);
        let network = Network {
            transport: transport.clone(),
            contacts: contacts.clone(),
            clock: clock.clone(),
            reading,
            outgoing: outgoing.clone(),
            log: log.clone(),
        };
        let store = LogStore::new(log.clone(), shortcut);
        let raft = start_raft(&strand, &options, (network, store, machine), group).await?;
        let (stopping, is_stopping) = watch::channel(false);
        let common = Common {
            raft: raft.clone(),
            pending: pending.clone(),
            clock: clock.clone(),
            stopping: is_stopping,
            known: Arc::default(),
            contacts: contacts.clone(),
            transport: transport.clone(),
        };
        let Seen { applied, is_pruning, apply } = seen;
        let applied_seen = applied.clone();
        let (proposals, reads) = common.start_doors(options.member, &strand, applied, group);
        common.start_upkeep(log, (whole, outgoing), thresholds(&options), group);
        let pruner = Pruner {
            apply,
            is_pruning,
            pace: options.prune,
            clock: common.clock.clone(),
            stopping: common.stopping.clone(),
        };
        group.task("pruner", pruner.run());
        let removed = common.start_prober(options.member, reader.clone(), group);
        let door = Door {
            reader: reader.clone(),
            raft: raft.clone(),
            strand: strand.clone(),
            member: options.member,
            cluster: options.cluster,
            contacts: contacts.clone(),
            reads: reads.clone(),
            writing,
            leases: Arc::default(),
        };
        let known = common.start_follower(&options, votes_alone.clone(), group);

        let next_id = Arc::new(AtomicU64::new(options.first_request_id));
        let replica = Self {
            raft,
            reader,
            proposals,
            reads,
            pending,
            known,
            next_id,
            stopping,
            strand,
            votes_alone,
            contacts,
            door,
            transport,
            clock,
            applied: applied_seen,
            removed,
        };
        replica.found_or_stand(&options).await?;
        Ok(replica)
    }

    /// Founds the cluster if there is none and this member is to; a member that votes alone stands for election at once.
    async fn found_or_stand(&self, options: &Options) -> Result<(), Error> {
        let consensus = |error: String| Error::Consensus(error);
        if !self.raft.is_initialized().await.map_err(|error| consensus(error.to_string()))? {
            if options.founders.is_empty() && options.force_new_cluster.is_none() {
                return Ok(()); // the leader will send entries
            }
            let alone =
                options.force_new_cluster.iter().map(|node| (options.member.0, node.clone())).collect();
            let founders = if options.force_new_cluster.is_some() { alone } else { options.founders.clone() };
            let founded = self.raft.initialize(founders).await;
            return founded.map_err(|error| consensus(error.to_string()));
        }
        if self.raft.voter_ids().eq([options.member.0]) {
            let trigger = self.raft.trigger();
            trigger.elect(false).await.map_err(|error| consensus(error.to_string()))?;
        }
        Ok(())
    }

    /// An id for a command, above all earlier ones of this member.
    #[must_use]
    pub fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Carries a command through the log. Its ticket gets the outcome, or a rejection; see law R2. Waits for the disk
    /// only if the proposal comes [alone](Proposal::alone); a long one is left to other threads either way.
    ///
    /// # Errors
    /// Too many wait, or the replica has stopped: then nothing happens to the command.
    pub fn propose(&self, proposal: Proposal) -> Result<(), Unavailable> {
        let may_wait = proposal.alone && self.votes_alone.get();
        let patience = if may_wait { Patience::Any } else { Patience::None };
        let is_short = proposal.envelope.len() <= CARRIED_HERE_MAX;
        let turn = if is_short { self.strand.begin(patience) } else { None };
        self.proposals.push(proposal).map_err(|refused| reason(&refused))?;
        turn.map(|turn| turn.run(ROUNDS));
        Ok(())
    }

    /// Tells `ticket` when all that was acknowledged before this call can be read here.
    ///
    /// # Errors
    /// As for [`Replica::propose`].
    pub fn confirm(&self, ticket: Ticket<Answer>, deadline: Moment) -> Result<(), Unavailable> {
        let turn = self.strand.begin(Patience::None);
        self.reads.push(Waiting::new(ticket, deadline)).map_err(|refused| reason(&refused))?;
        turn.map(|turn| turn.run(ROUNDS));
        Ok(())
    }

    /// Where the applied state is read.
    #[must_use]
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// How this member sees the cluster now. Cost: a lock in openraft's metrics, two of ours.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let metrics = self.raft.data_metrics();
        let committed = metrics.borrow_watched().cluster_committed.map_or(0, |id| id.index);
        let leadership = self.known.leadership();
        let contact = match leadership.leader {
            Some(leader) if leader != self.door.member => self.contacts.of(leader),
            _ => self.contacts.quorum(self.door.member, &self.known.voters()),
        };
        let (now, bound) = (self.contacts.now(), self.contacts.bound());
        let Leadership { leader, since, elected, leaders, .. } = leadership.seen(contact, now, bound);
        let connected = leader.and_then(|_| self.contacts.unbroken(contact));
        Standing { leader, since, elected, leaders, connected, term: self.term(), committed }
    }

    /// Since when `other` has been heard of without a break, if it still is.
    #[must_use]
    pub fn active_since(&self, other: MemberId) -> Option<Moment> {
        self.contacts.unbroken(self.contacts.of(other))
    }

    /// Has the members changed by one step, here or by the member that leads. Done once it is applied here, or
    /// once this member has been told that it was removed, if that was the change.
    ///
    /// The change was judged by what [`Replica::reader`] shows when this is called: if that is not the newest membership, nothing is done.
    ///
    /// # Errors
    /// See [`NotChanged`].
    pub fn change_members(
        &self,
        change: Change,
        deadline: Moment,
    ) -> impl Future<Output = Result<(), NotChanged>> + Send + use<> {
        let judged_by = self.reader.newest().membership().map(codec::decode_log_id);
        let replica = self.clone();
        async move { replica.change_judged(judged_by, change, deadline).await }
    }

    async fn change_judged(
        &self,
        judged_by: Option<LogId>,
        change: Change,
        deadline: Moment,
    ) -> Result<(), NotChanged> {
        let made = loop {
            match self.changed(judged_by, &change, deadline).await {
                Some(outcome) => break outcome?,
                None if self.contacts.now() >= deadline => return Err(Unavailable::TimedOut.into()),
                None => self.clock.sleep_until(self.clock.now() + PAUSE).await,
            }
        };
        // Whoever removes itself may not be sent the entry any more.
        let is_own_removal = matches!(change, Change::Remove(member) if member == self.door.member);
        let (mut applied, mut removed) = (self.applied.clone(), self.removed.clone());
        let seen = async {
            tokio::select! {
                biased;
                applied = applied.wait_for(|applied| *applied >= Some(made.index)) => applied,
                told = removed.wait_for(|removed| *removed), if is_own_removal => told,
            }
        };
        match timeout(self.clock.as_ref(), deadline, seen).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Unavailable::Stopped.into()),
            Err(_) => Err(Unavailable::TimedOut.into()),
        }
    }

    /// One try; nothing, if it proved to have changed nothing and may be made again.
    async fn changed(
        &self,
        judged_by: Option<LogId>,
        change: &Change,
        deadline: Moment,
    ) -> Option<Result<LogId, NotChanged>> {
        use quorate_proto::peer::reconfigure_reply::Outcome;
        let Some(leader) = self.known.other_leader() else {
            let changing = members::change(&self.raft, judged_by, change.clone());
            return match timeout(self.clock.as_ref(), deadline, changing).await {
                Ok(members::Reply::Done(id)) => Some(Ok(id)),
                Ok(members::Reply::Refused(reason)) => Some(Err(reason)),
                Ok(members::Reply::NotLeader) => None,
                Err(_) => Some(Err(Unavailable::TimedOut.into())),
            };
        };
        let question = Question::Reconfigure(change.encode(judged_by));
        let asking = self.transport.call(&leader, Purpose::Calls, question);
        match timeout(self.clock.as_ref(), deadline, asking).await {
            Ok(Ok(proto::Answer::Reconfigure(reply))) => match reply.outcome {
                Some(Outcome::Done(id)) => Some(Ok(codec::decode_log_id(id))),
                Some(Outcome::Refused(reason)) if reason == NotReconfigured::NotInSync as i32 => {
                    Some(Err(NotChanged::NotInSync))
                }
                _ => Some(Err(NotChanged::InProgress)),
            },
            Ok(Ok(_) | Err(Broken::NotSent(_))) => None,
            Ok(Err(Broken::Unanswered(_))) => Some(Err(Unavailable::LeaderChanged.into())),
            Err(_) => Some(Err(Unavailable::TimedOut.into())),
        }
    }

    /// Has `target` lead instead of this member. Done once this member sees that it does.
    ///
    /// # Errors
    /// See [`NotMoved`].
    pub async fn move_leader(&self, target: MemberId, deadline: Moment) -> Result<(), NotMoved> {
        let leads = || self.known.leadership().leader == Some(self.door.member);
        if target == self.door.member && leads() {
            return Ok(());
        }
        if !leads() {
            return Err(NotMoved::NotLeader);
        }
        if !self.known.voters().contains(&target) {
            return Err(NotMoved::BadTransferee);
        }
        // openraft neither waits for the target nor takes it back: one that lags behind is not asked.
        while !members::has_caught_up(&self.raft, target) {
            if self.clock.now() >= deadline {
                return Err(NotMoved::TimedOut);
            }
            self.clock.sleep_until(self.clock.now() + PAUSE).await;
        }
        self.raft.trigger().transfer_leader(target.0).await.map_err(|_| NotMoved::Stopped)?;
        while self.known.leadership().leader != Some(target) {
            if self.clock.now() >= deadline {
                return Err(NotMoved::TimedOut);
            }
            self.clock.sleep_until(self.clock.now() + PAUSE).await;
        }
        Ok(())
    }

    /// Hands leadership to whoever is furthest, if this member leads others; waits for `patience` at most.
    pub async fn hand_over(&self, patience: Duration) {
        let me = self.door.member;
        if self.known.leadership().leader != Some(me) {
            return;
        }
        if !self.known.voters().contains(&me) {
            // It was removed: openraft hands over by itself, and nobody tells this member whether that was done.
            self.clock.sleep_until(self.clock.now() + patience).await;
            return;
        }
        let is_fit = |member: &MemberId| {
            *member != me
                && self.active_since(*member).is_some()
                && members::has_caught_up(&self.raft, *member)
        };
        let Some(target) = self.known.voters().into_iter().find(is_fit) else { return };
        match self.move_leader(target, self.clock.now() + patience).await {
            Ok(()) => tracing::info!(to = %target, "handed leadership over before stopping"),
            Err(error) => tracing::warn!(to = %target, %error, "leadership could not be handed over"),
        }
    }

    /// Asks the member that leads, if another one does. Nothing, if it did not answer; what was done is not known then.
    pub async fn ask_leader(&self, question: Question, deadline: Moment) -> Option<proto::Answer> {
        let leader = self.known.other_leader()?;
        let asking = self.transport.call(&leader, Purpose::Calls, question);
        timeout(self.clock.as_ref(), deadline, asking).await.ok()?.ok()
    }

    /// Turns true once this member has learned that it was removed from the cluster, from its log or from another member: it is to
    /// stop then, and will never be let in again.
    #[must_use]
    pub fn removed(&self) -> watch::Receiver<bool> {
        self.removed.clone()
    }

    /// Where other members come in.
    #[must_use]
    pub fn door(&self) -> &Door {
        &self.door
    }

    /// The term, for reply headers. Cost: none.
    #[must_use]
    pub fn term(&self) -> u64 {
        self.known.term()
    }

    /// Stops consensus; calls that wait are told so. The steps end by themselves once the last clone is gone.
    pub async fn stop(&self) {
        self.stopping.send_replace(true);
        if let Err(error) = self.raft.shutdown().await {
            tracing::warn!(%error, "consensus did not end in order");
        }
        self.strand.close();
        self.pending.close();
        let leases = self.door.leases.lock().take();
        drop(leases); // outside the lock: it holds this replica
    }
}

#[cfg(feature = "testing")]
impl Replica {
    /// Drops consensus where it stands, as a power cut would; the rest of the replica is for its group's plug.
    pub fn cut(&self) {
        self.strand.cut();
    }
}

/// What most of the tasks beside consensus need.
struct Common {
    raft: Raft<TypeConfig, Machine>,
    pending: Arc<Pending>,
    clock: Arc<dyn Clock>,
    stopping: watch::Receiver<bool>,
    known: Arc<Known>,
    contacts: Contacts,
    transport: Arc<dyn Transport>,
}

impl Common {
    /// Starts what takes proposals and reads; returns where they are put.
    fn start_doors(
        &self,
        member: MemberId,
        strand: &Strand,
        applied: watch::Receiver<Option<u64>>,
        group: &Group,
    ) -> (Sender<Proposal>, Sender<Waiting>) {
        let (proposals, proposals_inbox) = inbox(PROPOSALS_MAX);
        let (again, again_inbox) = inbox(PROPOSALS_MAX);
        let (reads, reads_inbox) = inbox(READS_MAX);
        let parcels = self.start_forwarder(again.clone(), group);
        let proposer = Proposer {
            raft: self.raft.clone(),
            pending: self.pending.clone(),
            again,
            known: self.known.clone(),
            parcels,
            places: Arc::new(Semaphore::new(PLACES)),
            clock: self.clock.clone(),
        };
        let read_loop = ReadLoop {
            confirmation: Confirmation::new(
                self.raft.clone(),
                member,
                self.transport.clone(),
                self.contacts.clone(),
                self.clock.clone(),
                strand.clone(),
            ),
            transport: self.transport.clone(),
            contacts: self.contacts.clone(),
            clock: self.clock.clone(),
            applied,
        };
        let retrier = Retrier {
            clock: self.clock.clone(),
            pending: self.pending.clone(),
            proposals: proposals.clone(),
            stopping: self.stopping.clone(),
        };
        group.on_strand(strand, "proposer", proposer.run(proposals_inbox));
        group.on_strand(strand, "reads", read_loop.run(reads_inbox));
        group.task("retrier", retrier.run(again_inbox));
        (proposals, reads)
    }

    /// Starts what takes commands to other members; returns where they are put.
    fn start_forwarder(&self, again: Sender<Proposal>, group: &Group) -> Sender<Parcel> {
        let (parcels, parcels_inbox) = inbox(PROPOSALS_MAX);
        let forwarder = Forwarder {
            transport: self.transport.clone(),
            pending: self.pending.clone(),
            again,
            clock: self.clock.clone(),
        };
        group.task("forwarder", forwarder.run(parcels_inbox));
        parcels
    }

    /// Starts what asks others whether they are there; returns where it is seen that this member was removed.
    fn start_prober(&self, member: MemberId, reader: Reader, group: &Group) -> watch::Receiver<bool> {
        let (removed, is_removed) = watch::channel(false);
        let prober = Prober {
            member,
            reader,
            removed,
            transport: self.transport.clone(),
            contacts: self.contacts.clone(),
            known: self.known.clone(),
            clock: self.clock.clone(),
            stopping: self.stopping.clone(),
        };
        group.task("prober", prober.run());
        is_removed
    }

    /// Starts what keeps the standing up to date; returns where that is seen.
    fn start_follower(self, options: &Options, votes_alone: VotesAlone, group: &Group) -> Arc<Known> {
        let known = self.known.clone();
        let follower = Follower {
            raft: self.raft,
            member: options.member,
            known: self.known,
            votes_alone,
            stopping: self.stopping,
            clock: self.clock,
            group: group.clone(),
        };
        group.task("standing", follower.run());
        known
    }

    fn start_upkeep(
        &self,
        log: quorate_wal::Log,
        (whole, outgoing): (Option<Reader>, Outgoing),
        thresholds: Thresholds,
        group: &Group,
    ) {
        let housekeeping = Housekeeping {
            raft: self.raft.clone(),
            log,
            pending: self.pending.clone(),
            clock: self.clock.clone(),
            stopping: self.stopping.clone(),
            thresholds,
            whole,
            outgoing,
        };
        group.task("housekeeping", housekeeping.run());
    }
}

/// Starts what reads and writes whole states; returns where that is asked for.
fn start_transfers(engine: Arc<dyn Engine>, group: &Group) -> (Sender<ReadPart>, Sender<transfer::Part>) {
    let (reading, reading_inbox) = inbox(TRANSFERS_MAX);
    let (writing, writing_inbox) = inbox(TRANSFERS_MAX);
    group.step("snapshot-read", reading_inbox, Reading);
    group.step("snapshot-write", writing_inbox, Writing::new(engine));
    (reading, writing)
}

fn thresholds(options: &Options) -> Thresholds {
    Thresholds {
        entries: options.snapshot_entries,
        bytes: options.snapshot_bytes,
        whole_bytes_min: options.whole_bytes_min,
    }
}

/// Starts openraft on the strand, so that the tasks it starts are there too.
async fn start_raft(
    strand: &Strand,
    options: &Options,
    (network, store, machine): (Network, LogStore, Machine),
    group: &Group,
) -> Result<Raft<TypeConfig, Machine>, Error> {
    let config = Arc::new(options.openraft().validate().map_err(Box::new)?);
    let attended = strand.clone();
    group.task("consensus", async move {
        attended.attend().await;
        Ok(())
    });
    let starting = Raft::new(options.member.0, config, network, store, machine);
    let (done, started) = oneshot::channel();
    strand.spawn(async move { drop(done.send(starting.await)) }); // whoever starts may have been stopped
    let consensus = |error: String| Error::Consensus(error);
    let started = started.await.map_err(|error| consensus(error.to_string()))?;
    started.map_err(|error| consensus(error.to_string()))
}

fn report(recovery: &quorate_wal::Recovery) {
    let quorate_wal::Recovery { segments, batches, entries, disk_bytes, torn, unborn: _ } = recovery;
    tracing::info!(segments, batches, entries, disk_bytes, "opened the log");
    if let Some(torn) = torn {
        let file = torn.file.display();
        tracing::warn!(%file, offset = torn.offset, bytes = torn.bytes, "cut the torn end of the log: a crash interrupted its last write, which nobody was told of");
    }
}

/// Law R4, looked at from the other side: what the log no longer holds must be in the state.
fn check_fit(log: &quorate_wal::Log, state: &StateMachine) -> Result<(), Error> {
    let applied = state.applied().map(|id| id.index);
    let purged = log.purged().map(|mark| mark.index);
    if let Some(purged) = purged
        && applied.is_none_or(|applied| applied < purged)
    {
        return Err(Error::StateMissing { purged, applied });
    }
    match applied {
        Some(applied) if log.vote().is_none() => Err(Error::LogMissing { applied }),
        _ => Ok(()),
    }
}

/// Keeps the standing up to date; ends when consensus does, with an error unless that was asked for.
struct Follower {
    raft: Raft<TypeConfig, Machine>,
    member: MemberId,
    votes_alone: VotesAlone,
    known: Arc<Known>,
    stopping: watch::Receiver<bool>,
    clock: Arc<dyn Clock>,
    group: Group,
}

impl Follower {
    fn told(&self, metrics: &RaftServerMetrics<TypeConfig>) -> Told {
        let membership = &metrics.membership_config;
        let elsewhere = metrics.current_leader.filter(|leader| *leader != self.member.0).and_then(|leader| {
            let node = membership.nodes().find(|(id, _)| **id == leader)?.1.clone();
            Some(Target { member: MemberId(leader), node })
        });
        Told {
            term: metrics.vote.leader_id.term,
            leader: metrics.current_leader.map(MemberId),
            elsewhere,
            voters: membership.voter_ids().map(MemberId).collect(),
            others: membership
                .nodes()
                .filter(|(id, _)| **id != self.member.0)
                .map(|(id, node)| Target { member: MemberId(*id), node: node.clone() })
                .collect(),
        }
    }

    async fn run(self) -> Result<(), Failure> {
        let mut metrics = self.raft.server_metrics();
        loop {
            {
                let metrics = metrics.borrow_watched();
                self.known.note(self.told(&metrics), self.clock.now());
                self.votes_alone.set(metrics.membership_config.voter_ids().eq([self.member.0]));
            }
            if metrics.changed().await.is_err() {
                break; // the core has ended
            }
        }
        let patience = self.clock.now() + REPORT_TIME;
        if *self.stopping.borrow()
            || timeout(self.clock.as_ref(), patience, self.group.failed()).await.is_ok()
        {
            return Ok(());
        }
        let running = self.raft.metrics().borrow_watched().running_state.clone();
        Err(running.err().map_or_else(|| "consensus ended by itself".into(), Into::into))
    }
}
