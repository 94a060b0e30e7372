//! openraft's view of the state machine: hands entries over to the apply step, and knows where its snapshots stand.

use crate::apply::{self, Apply, Observer};
use crate::codec;
use crate::pending::Pending;
use crate::shortcut::{VotesAlone, may_apply};
use crate::types::{StoredMembership, TypeConfig};
use futures::{Stream, TryStreamExt};
use openraft::alias::{LogIdOf, SnapshotMetaOf, SnapshotOf};
use openraft::entry::RaftEntry;
use openraft::storage::{EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend};
use parking_lot::Mutex;
use quorate_state_machine::{Prepared, Reader, StateMachine};
use quorate_storage::{Engine, View};
use quorate_tasks::inbox::{Sender, inbox};
use quorate_tasks::watch;
use quorate_tasks::{Failure, Group, Stage, Step};
use std::io;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Entries that may be committed but not yet applied; past it openraft waits, and so does who proposes.
const BEHIND_MAX: u64 = 5000;
/// Batches of committed entries that may wait for the apply step; the bound that counts is [`BEHIND_MAX`], in entries.
const APPLY_MAX: usize = usize::MAX;
/// Requests to make the engine durable that may wait: openraft builds one snapshot at a time.
const PERSISTS_MAX: usize = 16;

/// A state, as a snapshot of it: nothing is copied until a peer needs it.
pub(crate) enum SnapshotView {
    /// This member's, durable, under a number that no other one has.
    Durable(Arc<dyn View>, u64),
    /// Another one's, received whole and beside this member's.
    Received(Box<Prepared>),
}

/// A request to make the engine durable.
pub(crate) struct Persist(oneshot::Sender<Arc<dyn View>>);

/// Makes the engine durable, off every thread that others wait for.
struct Persister(Arc<dyn Engine>);

/// See the module. What is "applied" for openraft is "handed over" here; [`Machine::wait_for`] tells the difference.
pub(crate) struct Machine {
    apply: Sender<apply::Request>,
    stage: Stage<Apply>,
    votes_alone: VotesAlone,
    applied: watch::Receiver<Option<u64>>,
    reader: Reader,
    handed_over: Option<LogIdOf<TypeConfig>>,
    snapshots: Snapshots,
}

/// What the apply step tells, and the way to it.
pub(crate) struct Seen {
    /// The last applied index.
    pub(crate) applied: watch::Receiver<Option<u64>>,
    /// Whether there is something to prune.
    pub(crate) is_pruning: watch::Receiver<bool>,
    /// Where it is asked.
    pub(crate) apply: Sender<apply::Request>,
}

impl SnapshotView {
    pub(crate) fn view(&self) -> &Arc<dyn View> {
        match self {
            Self::Durable(view, _) => view,
            Self::Received(prepared) => prepared.view(),
        }
    }

    /// The number under which it is sent to others; 0, of one that is not sent.
    pub(crate) fn name(&self) -> u64 {
        match self {
            Self::Durable(_, name) => *name,
            Self::Received(_) => 0,
        }
    }
}

/// Where the last durable state stands, and how to make a newer one.
#[derive(Clone)]
pub(crate) struct Snapshots {
    persist: Sender<Persist>,
    last: Arc<Mutex<Last>>,
}

/// The last durable state, and its number: above all of earlier lives of this member.
struct Last {
    view: Option<Arc<dyn View>>,
    name: u64,
}

impl Step for Persister {
    type Input = Persist;

    fn turn(&mut self, batch: &mut Vec<Persist>) -> Result<(), Failure> {
        for Persist(done) in batch.drain(..) {
            let view = self.0.persist()?;
            let _ = done.send(view); // whoever asked may have stopped
        }
        Ok(())
    }
}

impl Snapshots {
    /// `durable` is the state that a restart found, if it found one.
    fn new(persist: Sender<Persist>, durable: Option<Arc<dyn View>>, first_name: u64) -> Self {
        Self { persist, last: Arc::new(Mutex::new(Last { view: durable, name: first_name })) }
    }

    fn replace(&self, view: Arc<dyn View>) -> u64 {
        let mut last = self.last.lock();
        last.name += 1;
        last.view = Some(view);
        last.name
    }

    /// Makes everything written to the engine so far durable, and remembers it as the current snapshot.
    async fn persist(&self) -> io::Result<(Arc<dyn View>, u64)> {
        let (done, view) = oneshot::channel();
        self.persist.push(Persist(done)).map_err(|_| stopped())?;
        let view = view.await.map_err(|_| stopped())?;
        let name = self.replace(view.clone());
        Ok((view, name))
    }
}

fn stopped() -> io::Error {
    io::Error::other("the replica has stopped")
}

fn snapshot((view, name): (Arc<dyn View>, u64)) -> io::Result<SnapshotOf<TypeConfig, SnapshotView>> {
    let (applied, membership) = StateMachine::position(view.as_ref()).map_err(io::Error::other)?;
    let meta = SnapshotMetaOf::<TypeConfig> {
        last_log_id: applied.map(codec::decode_log_id),
        last_membership: codec::decode_stored_membership(membership)?,
    };
    Ok(SnapshotOf::<TypeConfig, SnapshotView> { meta, snapshot: SnapshotView::Durable(view, name) })
}

impl RaftSnapshotBuilder<TypeConfig> for Snapshots {
    type SnapshotData = SnapshotView;

    async fn build_snapshot(&mut self) -> io::Result<SnapshotOf<TypeConfig, SnapshotView>> {
        snapshot(self.persist().await?)
    }
}

impl Machine {
    /// Starts the steps that apply and persist `state`, which `engine` holds.
    ///
    /// Returns openraft's end of them, and what else is to be seen of them.
    pub(crate) fn start(
        engine: Arc<dyn Engine>,
        state: StateMachine,
        pending: Arc<Pending>,
        votes_alone: VotesAlone,
        observer: Option<Observer>,
        first_name: u64,
        group: &Group,
    ) -> (Self, Seen) {
        let (pruning, is_pruning) = watch::channel(state.is_pruning());
        let (applied, applied_seen) = watch::channel(state.applied().map(|id| id.index));
        let (apply, apply_inbox) = inbox(APPLY_MAX);
        let (persist, persist_inbox) = inbox(PERSISTS_MAX);
        let durable = state.applied().map(|_| engine.view());
        let reader = state.reader();
        group.step("persist", persist_inbox, Persister(engine));
        let machine = Self {
            apply,
            stage: group.stage("apply", apply_inbox, Apply::new(state, pending, applied, pruning, observer)),
            votes_alone,
            applied: applied_seen.clone(),
            reader,
            handed_over: None,
            snapshots: Snapshots::new(persist, durable, first_name),
        };
        let seen = Seen { applied: applied_seen, is_pruning, apply: machine.apply.clone() };
        (machine, seen)
    }

    /// Waits until the apply step has caught up with everything handed over but `behind` entries.
    async fn wait_for(&mut self, behind: u64) -> io::Result<()> {
        let Some(handed_over) = &self.handed_over else { return Ok(()) };
        let index = handed_over.index;
        let is_near = |applied: &Option<u64>| applied.map_or(0, |applied| applied + 1) + behind > index;
        self.applied.wait_for(is_near).await.map_err(|_| stopped())?;
        Ok(())
    }

    fn push(&self, request: apply::Request) -> io::Result<()> {
        self.apply.push(request).map_err(|_| stopped())
    }
}

impl RaftStateMachine<TypeConfig> for Machine {
    type SnapshotData = SnapshotView;
    type SnapshotBuilder = Snapshots;

    async fn applied_state(&mut self) -> io::Result<(Option<LogIdOf<TypeConfig>>, StoredMembership)> {
        self.wait_for(0).await?;
        let view = self.reader.newest().view().clone();
        let meta = snapshot((view, 0))?.meta;
        Ok((meta.last_log_id, meta.last_membership))
    }

    async fn apply<S>(&mut self, mut entries: S) -> io::Result<()>
    where
        S: Stream<Item = Result<EntryResponder<TypeConfig>, io::Error>> + Unpin + OptionalSend,
    {
        let mut batch = Vec::new();
        while let Some((entry, responder)) = entries.try_next().await? {
            self.handed_over = Some(entry.log_id());
            // Only who changes the members waits for openraft's word; commands are answered by the apply step.
            if let (EntryPayload::Membership(_), Some(responder)) = (&entry.payload, responder) {
                responder.send(());
            }
            batch.push(codec::to_state(entry));
        }
        if batch.is_empty() {
            return Ok(());
        }
        if may_apply(batch.len(), &self.votes_alone) {
            self.apply.lay(apply::Request::Entries(batch)).map_err(|_| stopped())?;
            self.stage.turn();
            return Ok(());
        }
        self.push(apply::Request::Entries(batch))?;
        self.wait_for(BEHIND_MAX).await
    }

    async fn get_snapshot_builder(&mut self) -> Snapshots {
        // A snapshot stands for all that openraft believes to be applied.
        let _ = self.wait_for(0).await; // if the apply step has stopped, the builder fails by itself
        self.snapshots.clone()
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMetaOf<TypeConfig>,
        snapshot: SnapshotView,
    ) -> io::Result<()> {
        let view = snapshot.view().clone();
        let (done, outcome) = oneshot::channel();
        self.push(apply::Request::Install(snapshot, done))?;
        outcome.await.map_err(|_| stopped())?.map_err(io::Error::other)?;
        self.handed_over = self.handed_over.max(meta.last_log_id);
        self.snapshots.replace(view); // it was durable before it came
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<SnapshotOf<TypeConfig, SnapshotView>>> {
        let last = {
            let last = self.snapshots.last.lock();
            last.view.clone().map(|view| (view, last.name))
        };
        last.map(snapshot).transpose()
    }
}
