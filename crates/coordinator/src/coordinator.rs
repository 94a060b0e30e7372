//! The calls.

mod compaction;
mod ends;
mod lease;
mod long;
mod maintenance;
mod members;
mod space;
mod stream;
mod txn;

pub use compaction::Compaction;
pub use lease::{Granted, Remaining};
pub use long::{LongRange, Ranged};
pub use maintenance::{KeyHash, StateHash};
pub use stream::{End, Piece, RangeStream};

use crate::admission::Limits;
use crate::call::{Call, Patience};
use crate::check;
use crate::consensus::{Consensus, Standing, Submission};
use crate::errands::{self, Errands};
use crate::error::{Error, Invalid};
use crate::lease::LeaseClock;
use crate::time_out::timed_out;
use crate::watch::Watching;
use crate::work::Work;
use bytes::Bytes;
use quorate_mvcc::{Deleted, Found, Query, ReadError, Tier};
use quorate_state_machine::{
    Alarm, Answer, ClusterVersion, Command, DeleteRange, Kind, Outcome, Packed, Published, Put, Reader,
    Refusal, Reply, Unavailable,
};
use quorate_tasks::budget::Budget;
use quorate_tasks::reply::Desk;
use quorate_tasks::{Clock, Moment, timeout};
use quorate_types::{ClusterId, MemberId, Revision};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Walks over queues of keys that may be under way at once; the others wait. Few enough for the work pool to take them all.
const LOOKS_MAX: usize = 64;

/// A command up to so many bytes is encoded on the front thread: a copy, of some ten microseconds.
const SEALED_HERE_MAX: usize = 64 << 10;

/// The door to the cluster for one front thread. Clones share everything.
#[derive(Clone)]
pub struct Coordinator {
    shared: Arc<Shared>,
    desk: Desk<Answer>,
    /// Whom the front thread serves; none if nobody counts.
    company: Option<Company>,
    watching: Option<Watching>,
    stopping: Option<Stopping>,
    errands: errands::Desk,
}

/// Says once that the server stops.
type Stopping = quorate_tasks::watch::Receiver<bool>;

struct Shared {
    cluster: ClusterId,
    member: MemberId,
    consensus: Arc<dyn Consensus>,
    clock: Arc<dyn Clock>,
    limits: Limits,
    budget: Budget,
    work: Work,
    proposals: Proposals,
    leases: LeaseClock,
    looks: Semaphore,
}

/// How many proposals are under way, and how many came to nothing.
#[derive(Default)]
struct Proposals {
    pending: AtomicUsize,
    failed: AtomicU64,
}

/// A proposal until its call has its answer or goes away.
struct Pending<'a>(&'a Proposals);

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.0.pending.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whom a front thread serves, as it counts them.
#[derive(Debug, Clone, Default)]
pub struct Company {
    /// Open connections.
    pub connections: Arc<AtomicUsize>,
    /// Calls that have begun and not ended, streams among them.
    pub calls: Arc<AtomicUsize>,
}

impl Company {
    fn is_one(&self) -> bool {
        self.connections.load(Ordering::Relaxed) == 1 && self.calls.load(Ordering::Relaxed) == 1
    }
}

/// What one member says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// How it sees the cluster.
    pub standing: Standing,
    /// The last entry applied.
    pub applied: u64,
    /// The revision of its key space.
    pub revision: Revision,
    /// Logical bytes stored.
    pub size: u64,
    /// The alarms that are raised, by kind and then by member.
    pub alarms: Vec<Alarm>,
    /// The version that the members agreed on, once they have.
    pub cluster_version: Option<ClusterVersion>,
    /// Proposals of this member that wait for their answer.
    pub pending: usize,
    /// Proposals of this member that were rejected, or had no answer by their deadline.
    pub failed: u64,
}

impl Coordinator {
    /// The door of `member`, before any front thread has its own; see [`Coordinator::at`].
    #[must_use]
    pub fn new(
        cluster: ClusterId,
        member: MemberId,
        consensus: Arc<dyn Consensus>,
        clock: Arc<dyn Clock>,
        limits: Limits,
        work: Work,
    ) -> Self {
        let budget = Budget::new(limits.queued_bytes_max);
        let proposals = Proposals::default();
        let leases = LeaseClock::new(
            clock.clone(),
            consensus.reader().clone(),
            limits.election_timeout,
            limits.lease_checkpoint_interval,
        );
        let looks = Semaphore::new(LOOKS_MAX);
        let shared =
            Shared { cluster, member, consensus, clock, limits, budget, work, proposals, leases, looks };
        Self {
            shared: Arc::new(shared),
            desk: Desk::default(),
            company: None,
            watching: None,
            stopping: None,
            errands: errands::Desk::nobody(),
        }
    }

    /// The same door at another front thread: replies arrive at `desk`, which that thread attends.
    #[must_use]
    pub fn at(&self, desk: Desk<Answer>) -> Self {
        Self { desk, company: None, ..self.clone() }
    }

    /// The same door at a thread that serves `company`. While that is one call of one connection, a write is carried
    /// through on that very thread (law C1).
    #[must_use]
    pub fn serving(self, company: Company) -> Self {
        Self { company: Some(company), ..self }
    }

    /// The same door with watches, which are told what there is at this front thread's mailbox.
    #[must_use]
    pub fn with_watches(&self, watching: Watching) -> Self {
        Self { watching: Some(watching), ..self.clone() }
    }

    /// The same door with errands for the front thread, which attends them.
    #[must_use]
    pub fn with_errands(&self) -> (Self, Errands) {
        let (desk, errands) = Errands::new();
        (Self { errands: desk, ..self.clone() }, errands)
    }

    /// A new stream of watches.
    ///
    /// # Errors
    /// [`Unavailable::Stopped`] at a door without watches.
    pub fn watch(&self) -> Result<quorate_watch::Stream, Error> {
        let watching = self.watching.as_ref().ok_or(Unavailable::Stopped)?;
        Ok(watching.handle.open(&watching.mailbox))
    }

    /// The cluster.
    #[must_use]
    pub fn cluster(&self) -> ClusterId {
        self.shared.cluster
    }

    /// This member.
    #[must_use]
    pub fn member(&self) -> MemberId {
        self.shared.member
    }

    /// The term now, for a reply's header.
    #[must_use]
    pub fn term(&self) -> u64 {
        self.shared.consensus.term()
    }

    /// The bounds in force.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// The clock that deadlines are told by.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.shared.clock
    }

    /// Sets a key. Returns the revision and, if asked for, what was there before.
    ///
    /// # Errors
    /// See [`Error`]; after a time-out the key may or may not have been set.
    pub async fn put(&self, call: &Call, put: Put) -> Result<(Revision, Option<Bytes>), Error> {
        check::key(&put.change.key)?;
        let outcome = self.submit(call, Kind::Put(put)).await?;
        match outcome.result? {
            Reply::Put { previous } => Ok((outcome.revision, previous)),
            other => unreachable!("A1: a put was answered with {other:?}"),
        }
    }

    /// Removes keys. Returns the revision and what was removed.
    ///
    /// # Errors
    /// See [`Error`]; after a time-out the keys may or may not have been removed.
    pub async fn delete_range(&self, call: &Call, delete: DeleteRange) -> Result<(Revision, Deleted), Error> {
        check::key(check::first_key(&delete.range))?;
        let outcome = self.submit(call, Kind::DeleteRange(delete)).await?;
        match outcome.result? {
            Reply::DeleteRange(deleted) => Ok((outcome.revision, deleted)),
            other => unreachable!("A1: a delete was answered with {other:?}"),
        }
    }

    /// Sets what this member says of itself.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn describe_member(
        &self,
        call: &Call,
        attributes: quorate_state_machine::Attributes,
    ) -> Result<(), Error> {
        let member = self.shared.member;
        let outcome = self.submit(call, Kind::SetMemberAttributes { member, attributes }).await?;
        outcome.result.map(drop).map_err(Error::from)
    }

    /// Reads keys: all that was acknowledged before (law C4), or, if `serializable`, what this member has.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn range(
        &self,
        call: &Call,
        query: Query,
        serializable: bool,
    ) -> Result<(Revision, Found), Error> {
        check::key(check::first_key(&query.range))?;
        if !serializable {
            self.confirm(call).await?;
        }
        let published = self.shared.consensus.reader().newest();
        let revision = published.revision();
        let found = match published.range(&query, Tier::Memory) {
            Err(ReadError::NeedsDisk) => self.range_on_disk(call, published, query).await?,
            found => found,
        };
        found.map(|found| (revision, found)).map_err(unreadable)
    }

    /// The same read on the work pool (law C1), at the moment it was begun.
    async fn range_on_disk(
        &self,
        call: &Call,
        published: Arc<Published>,
        query: Query,
    ) -> Result<Result<Found, ReadError>, Error> {
        let read = self.shared.work.run(move || published.range(&query, Tier::Disk));
        Ok(self.by_deadline(call, read).await??)
    }

    /// What this member says of itself, without asking others.
    #[must_use]
    pub fn status(&self) -> Status {
        let published = self.shared.consensus.reader().newest();
        Status {
            standing: self.shared.consensus.standing(),
            applied: published.applied_index().unwrap_or(0),
            revision: published.revision(),
            size: published.size(),
            alarms: published.alarms().collect(),
            cluster_version: published.cluster_version(),
            pending: self.shared.proposals.pending.load(Ordering::Relaxed),
            failed: self.shared.proposals.failed.load(Ordering::Relaxed),
        }
    }

    /// Runs `job`, which may take long, on the work pool and waits for its answer (law C1).
    ///
    /// # Errors
    /// Too many jobs wait, or the node is stopping.
    pub async fn aside<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Unavailable> {
        self.shared.work.run(job).await
    }

    pub(crate) fn reader(&self) -> &Reader {
        self.shared.consensus.reader()
    }

    pub(crate) fn standing(&self) -> Standing {
        self.shared.consensus.standing()
    }

    fn leases(&self) -> &LeaseClock {
        &self.shared.leases
    }

    /// Has a command agreed on, if there is room for it, and waits for what it came to.
    pub(crate) async fn submit(&self, call: &Call, kind: Kind) -> Result<Outcome, Error> {
        self.admit(call, &kind).await?;
        self.propose(call, kind).await
    }

    async fn propose(&self, call: &Call, kind: Kind) -> Result<Outcome, Error> {
        let consensus = &self.shared.consensus;
        self.check_backlog()?;
        let id = consensus.next_id();
        let user = call.identity.user().to_owned();
        let envelope = self.envelope(Command { id, user, auth_revision: 0, kind })?;
        let length = envelope.as_ref().map_or_else(|long| long.length(), Bytes::len);
        let share = self.shared.budget.take(length).map_err(|_| Unavailable::TooManyRequests)?;
        let envelope = match envelope {
            Ok(envelope) => envelope,
            Err(long) => Box::pin(self.seal(call, long)).await?,
        };
        let (ticket, reply) = self.desk.ticket();
        let alone = self.is_alone();
        let proposals = &self.shared.proposals;
        proposals.pending.fetch_add(1, Ordering::Relaxed);
        let _pending = Pending(proposals);
        let answer = match consensus.submit(Submission {
            id,
            envelope,
            deadline: call.deadline,
            ticket,
            alone,
            share,
        }) {
            Ok(()) => {
                self.desk.look(); // what was carried through here has its answer
                self.by_deadline(call, reply).await
            }
            Err(reason) => Err(reason),
        };
        let reason = match answer {
            Ok(Answer::Applied(outcome)) => return Ok(outcome),
            Ok(Answer::Failed(reason)) | Err(reason) => reason,
            Ok(Answer::Current) => unreachable!("a command's ticket was answered as a read's"),
        };
        proposals.failed.fetch_add(1, Ordering::Relaxed);
        Err(self.told(call, reason).into())
    }

    /// Nothing more is proposed while there is this much to apply. Cost: a lock in consensus, never held long.
    fn check_backlog(&self) -> Result<(), Unavailable> {
        let consensus = &self.shared.consensus;
        let applied = consensus.reader().applied_index().unwrap_or(0);
        let backlog = consensus.standing().committed.saturating_sub(applied);
        if backlog > self.shared.limits.backlog_max { Err(Unavailable::TooManyRequests) } else { Ok(()) }
    }

    /// The words of `reason` for a proposal. A deadline other than the longest is its caller's, who is told nothing else.
    fn told(&self, call: &Call, reason: Unavailable) -> Unavailable {
        if reason != Unavailable::TimedOut {
            return reason;
        }
        let limits = &self.shared.limits;
        let began = Moment(call.deadline.since(Moment(limits.call_time_max)));
        timed_out(began, &self.shared.consensus.standing(), limits.election_timeout)
    }

    /// The envelope of `command`, unless that is long: then it is to be [sealed](Coordinator::seal) elsewhere. Not async, so
    /// that the command with all its fields takes no room in the future of every call.
    fn envelope(&self, command: Command) -> Result<Result<Bytes, Box<Packed>>, Invalid> {
        let command = command.pack();
        match command.length() {
            length if length > self.shared.limits.command_bytes_max => Err(Invalid::TooLarge),
            length if length > SEALED_HERE_MAX => Ok(Err(Box::new(command))),
            _ => Ok(Ok(command.seal())),
        }
    }

    /// The envelope of a long command, made on the work pool (law C1).
    async fn seal(&self, call: &Call, command: Box<Packed>) -> Result<Bytes, Unavailable> {
        self.by_deadline(call, self.shared.work.run(move || command.seal())).await?
    }

    /// Waits until the local state is as new as anything acknowledged (law C4).
    pub(crate) async fn confirm(&self, call: &Call) -> Result<(), Error> {
        let (ticket, reply) = self.desk.ticket();
        self.shared.consensus.confirm(ticket, call.deadline)?;
        self.desk.look();
        match self.by_deadline(call, reply).await? {
            Answer::Current => Ok(()),
            Answer::Failed(reason) => Err(reason.into()),
            Answer::Applied(_) => unreachable!("a read's ticket was answered as a command's"),
        }
    }

    /// One step on behalf of a caller that waits longer: it has the deadline of law C3.
    pub(crate) fn step(&self, patience: &Patience) -> Call {
        let deadline = self.shared.clock.now() + self.shared.limits.call_time_max;
        Call { identity: patience.identity.clone(), deadline }
    }

    /// Where a call leaves what is to be done when it has gone.
    pub(crate) fn errands(&self) -> &errands::Desk {
        &self.errands
    }

    /// Waits until one of few may walk over a queue of keys.
    pub(crate) async fn may_look(&self) -> SemaphorePermit<'_> {
        self.shared.looks.acquire().await.expect("nobody closes it")
    }

    /// Whether the call that asks is all that this thread has to do.
    fn is_alone(&self) -> bool {
        self.company.as_ref().is_some_and(Company::is_one)
    }

    /// Law C3.
    async fn by_deadline<F: Future>(&self, call: &Call, work: F) -> Result<F::Output, Unavailable> {
        let clock = self.shared.clock.as_ref();
        timeout(clock, call.deadline, work).await.map_err(|_| Unavailable::TimedOut)
    }
}

#[cfg(test)]
impl Coordinator {
    fn budget_is_free(&self) -> bool {
        self.shared.budget.used() == 0
    }
}

fn unreadable(error: ReadError) -> Error {
    match error {
        ReadError::Refused(refusal) => Refusal::from(refusal).into(),
        ReadError::NeedsDisk | ReadError::Storage(_) | ReadError::Corrupt(_) => Error::Unreadable,
    }
}

#[cfg(test)]
mod tests;
