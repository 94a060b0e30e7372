//! A server without a network: the routes of one front thread, over a consensus of one.

use crate::{Services, routes, services};
use futures::future::{AbortHandle, abortable};
use quorate_coordinator::testing::{LocalConsensus, MEMBER, Manner};
use quorate_coordinator::watch::{Mailbox, Settings, StateHistory, Watching, start};
use quorate_coordinator::{Call, Consensus, Coordinator, Identity, Limits, Standing, Work};
use quorate_proto::etcdserverpb::kv_client::KvClient;
use quorate_proto::etcdserverpb::{DeleteRangeRequest, PutRequest, RangeRequest, ResponseHeader};
use quorate_state_machine::Answer;
use quorate_tasks::reply::Desk;
use quorate_tasks::testing::ManualClock;
use quorate_tasks::watch;
use quorate_tasks::{Clock, Group, NamedFailure};
use quorate_types::{ClusterId, LeaseId};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tonic::Status;
use tonic::service::Routes;

pub(crate) const CLUSTER: ClusterId = ClusterId(0xc1);

pub(crate) struct Scene {
    pub(crate) consensus: Arc<LocalConsensus>,
    pub(crate) clock: ManualClock,
    pub(crate) door: Coordinator,
    desk: Desk<Answer>,
    mailbox: Mailbox,
    stop: watch::Sender<bool>,
    group: Group,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::with(Limits::default())
    }

    pub(crate) fn with(limits: Limits) -> Self {
        let consensus = Arc::new(LocalConsensus::new().expect("an empty state opens"));
        let (clock, desk) = (ManualClock::default(), Desk::default());
        let group = Group::threads();
        let work = Work::start(&group, 1);
        let shared = Arc::new(clock.clone());
        let history = Arc::new(StateHistory::new(consensus.reader().clone()));
        let (handle, feed) = start(&group, history, shared.clone(), Settings::default());
        consensus.tell(feed);
        let mailbox = handle.mailbox();
        let door = Coordinator::new(CLUSTER, MEMBER, consensus.clone(), shared, limits, work);
        consensus.tell_leases(door.lease_clock());
        let door = door.at(desk.clone()).with_watches(Watching { handle, mailbox: mailbox.clone() });
        let (stop, is_stopping) = watch::channel(false);
        let (door, errands) = door.until(is_stopping).with_errands();
        group.detached(errands.attend());
        Self { consensus, clock, door, desk, mailbox, stop, group }
    }

    /// Without a leader: nothing is refused for that but what asks for one.
    pub(crate) fn leaderless() -> Self {
        let scene = Self::new();
        scene.lose_leader();
        scene
    }

    /// From now on nobody leads.
    pub(crate) fn lose_leader(&self) {
        let (leader, since) = (None, self.clock.now());
        self.consensus.stand(Standing { leader, since, ..self.consensus.standing() });
    }

    /// From now on there is a leader.
    pub(crate) fn find_leader(&self) {
        let (leader, since) = (Some(MEMBER), self.clock.now());
        self.consensus.stand(Standing { leader, since, elected: Some(since), ..self.consensus.standing() });
    }

    /// Why a thread of the server has ended, if one has.
    pub(crate) fn failure(&self) -> Option<Arc<NamedFailure>> {
        self.group.failure()
    }

    /// The server stops: its streams are to end.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Lets `seconds` pass, in steps as a live member sees them.
    pub(crate) async fn pass(&self, seconds: u64) {
        let passing = async {
            for _ in 0..seconds * 4 {
                for _ in 0..50 {
                    tokio::task::yield_now().await; // until everything that runs sleeps
                }
                self.clock.advance(Duration::from_millis(250));
            }
            for _ in 0..50 {
                tokio::task::yield_now().await;
            }
        };
        self.run(passing).await;
    }

    pub(crate) fn routes(&self) -> Routes {
        routes(&self.door).prepare()
    }

    /// All services as a front thread serves them.
    pub(crate) fn services(&self) -> Services {
        services(&self.door)
    }

    pub(crate) fn kv(&self) -> KvClient<Services> {
        KvClient::new(self.services())
    }

    /// Has the cluster agree on its version, in an entry of its own.
    pub(crate) async fn settle_version(&self) {
        let deadline = self.clock.now() + Duration::from_secs(7);
        let call = Call { identity: Identity::Anonymous, deadline };
        self.run(self.door.settle_cluster_version(&call)).await.expect("a consensus of one agrees");
    }

    /// The keys from `start` on that begin with it, in order, without their values.
    pub(crate) async fn keys(&self, start: &str) -> Vec<String> {
        let request =
            RangeRequest { key: start.to_owned().into(), range_end: "\0".into(), ..Default::default() };
        let found = self.run(self.kv().range(request)).await.expect("reads work").into_inner();
        let keys = found.kvs.into_iter().map(|kv| String::from_utf8(kv.key.to_vec()).expect("they are text"));
        keys.take_while(|key| key.starts_with(start)).collect()
    }

    /// Ends once these are the keys that begin with `start`.
    pub(crate) async fn until_keys(&self, start: &str, expected: &[&str]) {
        while self.keys(start).await != expected {
            self.run(tokio::task::yield_now()).await;
        }
    }

    pub(crate) async fn put(&self, key: &str, value: &str) {
        let (key, value) = (key.to_owned().into(), value.to_owned().into());
        let request = PutRequest { key, value, ..PutRequest::default() };
        self.run(self.kv().put(request)).await.expect("writes work");
    }

    pub(crate) async fn delete(&self, key: &str) {
        let request = DeleteRangeRequest { key: key.to_owned().into(), ..DeleteRangeRequest::default() };
        self.run(self.kv().delete_range(request)).await.expect("writes work");
    }

    /// Grants leases of these ids that outlive every test.
    pub(crate) async fn grant(&self, ids: &[i64]) {
        for id in ids {
            let deadline = self.clock.now() + Duration::from_secs(7);
            let call = Call { identity: Identity::Anonymous, deadline };
            let granted = self.run(self.door.lease_grant(&call, LeaseId(*id), 1 << 30)).await;
            granted.expect("a consensus of one agrees");
        }
    }

    /// Moves the clock by `span` at once.
    pub(crate) fn advance(&self, span: Duration) {
        self.clock.advance(span);
    }

    /// `work`'s answer, with the desk attended meanwhile and the time of the leases kept.
    pub(crate) async fn run<F: Future>(&self, work: F) -> F::Output {
        tokio::select! {
            biased;
            () = self.door.keep_leases() => unreachable!("the time is kept for ever"),
            answer = work => answer,
            () = self.desk.attend() => unreachable!("a desk is attended for ever"),
            () = self.mailbox.attend() => unreachable!("a mailbox is attended for ever"),
        }
    }

    /// As [`Scene::run`], with nobody answering: `span` passes as soon as `work` waits for it.
    pub(crate) async fn run_unanswered<F: Future>(&self, span: Duration, work: F) -> F::Output {
        self.consensus.behave(Manner::Silent);
        let passing = async {
            while self.clock.sleepers() == 0 {
                tokio::task::yield_now().await;
            }
            self.clock.advance(span);
            std::future::pending::<()>().await;
        };
        tokio::select! {
            answer = work => answer,
            () = passing => unreachable!("time passes for ever"),
        }
    }
}

/// A call under way, which goes away when this is dropped.
pub(crate) struct Calling<T> {
    answer: oneshot::Receiver<T>,
    call: AbortHandle,
}

impl<T: Send + 'static> Calling<T> {
    /// Begins `call` as a task of this thread's runtime.
    pub(crate) fn begin(call: impl Future<Output = T> + Send + 'static) -> Self {
        let (call, handle) = abortable(call);
        let (done, answer) = oneshot::channel();
        Group::threads().detached(async move {
            if let Ok(answered) = call.await {
                drop(done.send(answered));
            }
        });
        Self { answer, call: handle }
    }

    /// Whether it has its answer.
    pub(crate) fn is_over(&self) -> bool {
        !self.answer.is_empty()
    }

    pub(crate) async fn answer(mut self) -> T {
        (&mut self.answer).await.expect("it was not dropped")
    }
}

impl<T> Drop for Calling<T> {
    fn drop(&mut self) {
        self.call.abort();
    }
}

/// Code, as on the wire, and text.
pub(crate) fn told(status: &Status) -> (i32, &str) {
    (status.code().into(), status.message())
}

/// The header of a reply at `revision`.
pub(crate) fn header(revision: i64) -> Option<ResponseHeader> {
    let raft_term = quorate_coordinator::testing::TERM;
    Some(ResponseHeader { cluster_id: CLUSTER.0, member_id: MEMBER.0, revision, raft_term })
}
