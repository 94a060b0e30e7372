//! A consensus of one, in memory and at once: the double of [`Consensus`].

use crate::consensus::{
    Consensus, LeaseQuestion, NotMoved, NotReconfigured, Reconfiguration, Standing, Submission,
};
use crate::lease::LeaseClock;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, pending, ready};
use parking_lot::Mutex;
use quorate_proto::log;
use quorate_state_machine::{
    Answer, Attributes, Command, Effects, Entry, Fault, Installed, Kind, Payload, Prepared, Reader,
    StateMachine, Unavailable, spaces,
};
use quorate_storage::{Engine, View};
use quorate_storage_memory::MemoryEngine;
use quorate_tasks::Moment;
use quorate_tasks::reply::Ticket;
use quorate_types::MemberId;
use quorate_watch::Feed;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Applies each command while it is submitted, to a state on a volatile engine.
pub struct LocalConsensus {
    reader: Reader,
    next_id: AtomicU64,
    inner: Mutex<Inner>,
}

struct Inner {
    state: StateMachine,
    feed: Option<Feed>,
    leases: Option<LeaseClock>,
    manner: Manner,
    /// Whether what compaction frees goes at once, or not before `prune`.
    prunes: bool,
    /// How it sees the cluster, if not as its leader.
    standing: Option<Standing>,
    /// What was taken and never answered.
    held: Vec<Submission>,
    /// Since when it is connected to whom, if not always.
    contact: BTreeMap<MemberId, Option<Moment>>,
    /// How the next changes of the members end.
    setbacks: VecDeque<NotReconfigured>,
}

/// How a [`LocalConsensus`] treats what it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Applies it and answers.
    Prompt,
    /// Takes it and never answers, as if a quorum were gone.
    Silent,
    /// Refuses it.
    Refusing(Unavailable),
}

/// The member that a [`LocalConsensus`] is.
pub const MEMBER: MemberId = MemberId(7);
/// The term it is in.
pub const TERM: u64 = 3;

impl LocalConsensus {
    /// An empty state, with this member in it.
    ///
    /// # Errors
    /// Only if the state machine cannot begin on an empty engine, which would be a bug in it.
    pub fn new() -> Result<Self, Fault> {
        Self::on(Arc::new(MemoryEngine::volatile(spaces::ALL)))
    }

    /// The same on an empty engine of the caller's.
    ///
    /// # Errors
    /// As [`LocalConsensus::new`], or the engine failed.
    pub fn on(engine: Arc<dyn Engine>) -> Result<Self, Fault> {
        let mut state = StateMachine::open(engine)?;
        let node = log::Node {
            id: MEMBER.0,
            name: "seven".into(),
            peer_urls: vec!["http://seven:2380".into()],
            ..log::Node::default()
        };
        let configs = vec![log::VoterSet { voters: vec![MEMBER.0] }];
        let membership = Payload::Membership(log::Membership { configs, nodes: vec![node] });
        let founding = Entry { id: log::LogId { term: TERM, index: 0 }, payload: membership };
        state.apply(&[founding], &mut Vec::new())?;
        let reader = state.reader();
        let inner = Inner {
            state,
            feed: None,
            leases: None,
            manner: Manner::Prompt,
            prunes: true,
            standing: None,
            held: Vec::new(),
            contact: BTreeMap::new(),
            setbacks: VecDeque::new(),
        };
        Ok(Self { reader, next_id: AtomicU64::new(1), inner: Mutex::new(inner) })
    }

    /// Has the log say that these belong to the cluster from here on; those of them that are neither learners nor wait for
    /// a vote have one.
    pub fn reform(&self, nodes: Vec<log::Node>) {
        self.inner.lock().reform(nodes);
    }

    /// Has `member` say how it is called, as it does when it starts.
    pub fn introduce(&self, member: MemberId, name: &str) {
        let attributes = Attributes { name: name.into(), client_urls: vec![format!("http://{name}:2379")] };
        let kind = Kind::SetMemberAttributes { member, attributes };
        let command = Command { id: self.next_id(), user: String::new(), auth_revision: 0, kind };
        self.inner.lock().apply(command.encode());
    }

    /// Is connected to `other` since then, or not at all; until told so it always was.
    pub fn connect(&self, other: MemberId, since: Option<Moment>) {
        self.inner.lock().contact.insert(other, since);
    }

    /// Answers the next change of the members with `setback`, and after it the one that follows.
    pub fn set_back(&self, setback: NotReconfigured) {
        self.inner.lock().setbacks.push_back(setback);
    }

    /// Tells `feed` of every change from here on.
    pub fn tell(&self, feed: Feed) {
        self.inner.lock().feed = Some(feed);
    }

    /// Tells `leases` of every lease from here on.
    pub fn tell_leases(&self, leases: LeaseClock) {
        self.inner.lock().leases = Some(leases);
    }

    /// Whether anybody watches, by the feed it tells.
    pub fn is_watched(&self) -> bool {
        self.inner.lock().feed.as_ref().is_some_and(Feed::is_watched)
    }

    /// Treats everything in this manner from here on.
    pub fn behave(&self, manner: Manner) {
        self.inner.lock().manner = manner;
    }

    /// Sees the cluster so from here on, whatever it does.
    pub fn stand(&self, standing: Standing) {
        self.inner.lock().standing = Some(standing);
    }

    /// From here on what compaction frees stays until [`LocalConsensus::prune`].
    pub fn keep_pruning_back(&self) {
        self.inner.lock().prunes = false;
    }

    /// Replaces the state by the one that `view` shows, as a member does that was behind. False if that is not newer.
    ///
    /// # Errors
    /// It is none.
    pub fn install(&self, view: &dyn View) -> Result<bool, Fault> {
        let mut inner = self.inner.lock();
        let prepared = Prepared::copy(inner.state.engine().as_ref(), view)?;
        let Installed::Done(effects) = inner.state.install(prepared)? else { return Ok(false) };
        inner.tell(effects);
        Ok(true)
    }

    /// Removes what compaction freed.
    ///
    /// # Errors
    /// None: a volatile engine does not fail.
    pub fn prune(&self) -> Result<(), Fault> {
        while self.inner.lock().state.prune(usize::MAX)? {}
        Ok(())
    }
}

impl Inner {
    /// The next entry of the log.
    fn entry(&self, payload: Payload) -> Entry {
        let index = self.state.applied().map_or(0, |id| id.index + 1);
        Entry { id: log::LogId { term: TERM, index }, payload }
    }

    fn reform(&mut self, nodes: Vec<log::Node>) {
        let votes = |node: &&log::Node| !node.is_learner && !node.is_pending_voter;
        let voters = nodes.iter().filter(votes).map(|node| node.id).collect();
        let membership = log::Membership { configs: vec![log::VoterSet { voters }], nodes };
        let entry = self.entry(Payload::Membership(membership));
        self.state.apply(&[entry], &mut Vec::new()).expect("a volatile engine does not fail");
    }

    /// A voter-to-be gets its vote only from a leader that runs: here it waits for ever.
    fn reconfigure(&mut self, change: Reconfiguration) {
        let membership = self.state.membership().membership.clone().unwrap_or_default();
        let (mut nodes, id) = (membership.nodes, change.member().0);
        match change {
            Reconfiguration::Add { peer_urls, is_learner, .. } => nodes.push(log::Node {
                id,
                peer_urls,
                is_learner: true,
                is_pending_voter: !is_learner,
                ..log::Node::default()
            }),
            Reconfiguration::Remove { .. } => nodes.retain(|node| node.id != id),
            Reconfiguration::Promote { .. } => {
                nodes.iter_mut().filter(|node| node.id == id).for_each(|node| node.is_learner = false);
            }
            Reconfiguration::Update { peer_urls, .. } => {
                nodes.iter_mut().filter(|node| node.id == id).for_each(|node| {
                    node.peer_urls.clone_from(&peer_urls);
                });
            }
        }
        self.reform(nodes);
    }

    fn apply(&mut self, envelope: Bytes) -> Answer {
        let entry = self.entry(Payload::Commands(vec![envelope]));
        let mut outcomes = Vec::new();
        let effects = self.state.apply(&[entry], &mut outcomes).expect("a volatile engine does not fail");
        if self.prunes {
            while self.state.prune(usize::MAX).expect("a volatile engine does not fail") {}
        }
        self.tell(effects);
        Answer::Applied(outcomes.remove(0).outcome)
    }

    fn tell(&self, effects: Effects) {
        let Effects { changes, leases, replaced } = effects;
        if let Some(feed) = &self.feed {
            feed.push(changes);
            replaced.into_iter().for_each(|revision| feed.jump(revision));
        }
        if let Some(clock) = &self.leases {
            clock.note(&leases);
            replaced.into_iter().for_each(|_| clock.follow());
        }
    }
}

impl Consensus for LocalConsensus {
    fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    fn submit(&self, submission: Submission) -> Result<(), Unavailable> {
        let mut inner = self.inner.lock();
        match inner.manner {
            Manner::Prompt => submission.ticket.answer(inner.apply(submission.envelope)),
            Manner::Silent => inner.held.push(submission),
            Manner::Refusing(reason) => return Err(reason),
        }
        Ok(())
    }

    fn confirm(&self, ticket: Ticket<Answer>, _deadline: Moment) -> Result<(), Unavailable> {
        match self.inner.lock().manner {
            Manner::Prompt => ticket.answer(Answer::Current),
            Manner::Silent => {}
            Manner::Refusing(reason) => return Err(reason),
        }
        Ok(())
    }

    fn reader(&self) -> &Reader {
        &self.reader
    }

    fn term(&self) -> u64 {
        TERM
    }

    fn standing(&self) -> Standing {
        let committed = self.reader.applied_index().unwrap_or(0);
        let (leader, since) = (Some(MEMBER), Moment::default());
        let leads = Standing {
            leader,
            since,
            elected: Some(since),
            leaders: 1,
            connected: Some(since),
            term: TERM,
            committed,
        };
        self.inner.lock().standing.unwrap_or(leads)
    }

    fn active_since(&self, other: MemberId) -> Option<Moment> {
        self.inner.lock().contact.get(&other).copied().unwrap_or(Some(Moment::default()))
    }

    fn ask_leader(
        &self,
        _question: LeaseQuestion,
        _deadline: Moment,
    ) -> BoxFuture<'static, Result<Option<i64>, Unavailable>> {
        // It leads itself, or nobody does.
        Box::pin(std::future::ready(Err(Unavailable::NoLeader)))
    }

    fn reconfigure(
        &self,
        change: Reconfiguration,
        _deadline: Moment,
    ) -> BoxFuture<'static, Result<(), NotReconfigured>> {
        let mut inner = self.inner.lock();
        if let Some(setback) = inner.setbacks.pop_front() {
            return ready(Err(setback)).boxed();
        }
        match inner.manner {
            Manner::Prompt => inner.reconfigure(change),
            Manner::Silent => return pending().boxed(),
            Manner::Refusing(reason) => return ready(Err(reason.into())).boxed(),
        }
        ready(Ok(())).boxed()
    }

    /// The new leader is one that does nothing: all that is seen of it is that it leads.
    fn move_leader(&self, target: MemberId, _deadline: Moment) -> BoxFuture<'static, Result<(), NotMoved>> {
        match self.inner.lock().manner {
            Manner::Prompt => {}
            Manner::Silent => return pending().boxed(),
            Manner::Refusing(reason) => return ready(Err(reason.into())).boxed(),
        }
        self.stand(Standing { leader: Some(target), ..self.standing() });
        ready(Ok(())).boxed()
    }
}
