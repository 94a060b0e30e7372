//! A member without a network: the paths of one front thread, over a consensus of one.

use crate::calls::Calls;
use crate::{Build, Front, Metrics, PeerFigures, peer, router};
use axum::Router;
use axum::body::Body;
use futures::future::BoxFuture;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use quorate_coordinator::testing::{LocalConsensus, MEMBER};
use quorate_coordinator::{
    AlarmChange, Call, Consensus, Coordinator, Identity, LeaseQuestion, Limits, NotMoved, NotReconfigured,
    Reconfiguration, Standing, Submission, Unavailable, Work,
};
use quorate_state_machine::{Answer, Attributes, Reader};
use quorate_tasks::poll::{PollClock, PollMeter};
use quorate_tasks::reply::{Desk, Ticket};
use quorate_tasks::testing::ManualClock;
use quorate_tasks::{Group, Moment};
use quorate_types::{ClusterId, MemberId};
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt;

pub(crate) struct Scene {
    pub(crate) consensus: Arc<LocalConsensus>,
    pub(crate) front: Front,
    router: Router,
    peers: Router,
    door: Coordinator,
    desk: Desk<Answer>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

/// The same consensus as one sees it who knows of no leader.
struct Leaderless(Arc<LocalConsensus>);

impl Consensus for Leaderless {
    fn next_id(&self) -> u64 {
        self.0.next_id()
    }

    fn submit(&self, submission: Submission) -> Result<(), Unavailable> {
        self.0.submit(submission)
    }

    fn confirm(&self, ticket: Ticket<Answer>, deadline: Moment) -> Result<(), Unavailable> {
        self.0.confirm(ticket, deadline)
    }

    fn reader(&self) -> &Reader {
        self.0.reader()
    }

    fn term(&self) -> u64 {
        self.0.term()
    }

    fn standing(&self) -> Standing {
        Standing { leader: None, ..self.0.standing() }
    }

    fn active_since(&self, other: MemberId) -> Option<Moment> {
        self.0.active_since(other)
    }

    fn ask_leader(
        &self,
        question: LeaseQuestion,
        deadline: Moment,
    ) -> BoxFuture<'static, Result<Option<i64>, Unavailable>> {
        self.0.ask_leader(question, deadline)
    }

    fn reconfigure(
        &self,
        change: Reconfiguration,
        deadline: Moment,
    ) -> BoxFuture<'static, Result<(), NotReconfigured>> {
        self.0.reconfigure(change, deadline)
    }

    fn move_leader(&self, target: MemberId, deadline: Moment) -> BoxFuture<'static, Result<(), NotMoved>> {
        self.0.move_leader(target, deadline)
    }
}

/// What is counted of one other member.
fn others() -> Vec<PeerFigures> {
    vec![PeerFigures {
        member: MemberId(0xb0b),
        sent_bytes: 7,
        received_bytes: 8,
        sent_failures: 9,
        received_failures: 10,
        round_trips: vec![(0.0001, 1), (0.0002, 2)],
        longer_round_trips: 3,
        round_trip_total: Duration::from_millis(12),
    }]
}

impl Scene {
    pub(crate) fn new() -> Self {
        let consensus = Arc::new(LocalConsensus::new().expect("what this test itself made is well formed"));
        Self::of(consensus.clone(), consensus)
    }

    pub(crate) fn leaderless() -> Self {
        let consensus = Arc::new(LocalConsensus::new().expect("what this test itself made is well formed"));
        Self::of(consensus.clone(), Arc::new(Leaderless(consensus)))
    }

    fn of(consensus: Arc<LocalConsensus>, seen: Arc<dyn Consensus>) -> Self {
        let desk = Desk::default();
        let work = Work::start(&Group::threads(), 1);
        let clock = Arc::new(ManualClock::default());
        let door = Coordinator::new(ClusterId(0xc1), MEMBER, seen, clock, Limits::default(), work);
        let door = door.at(desk.clone());
        let front = Front {
            calls: Calls::default(),
            polls: PollMeter::new(PollClock::Wall),
            connections: Arc::default(),
        };
        let build = Build { version: "0.0.7", backend: "memory".into() };
        let metrics = Arc::new(Metrics::new(door.clone(), build, vec![front.clone()], Arc::new(others)));
        let (router, peers) = (router(&door, &metrics), peer::router(&door));
        Self { consensus, front, router, peers, door, desk }
    }

    /// Has the cluster agree on its version.
    pub(crate) async fn settle_version(&self) {
        self.attended(self.door.settle_cluster_version(&self.call()))
            .await
            .expect("a consensus of one agrees");
    }

    /// Raises or disarms an alarm.
    pub(crate) async fn change_alarm(&self, change: AlarmChange) {
        let call = self.call();
        self.attended(self.door.change_alarm(&call, change)).await.expect("a consensus of one agrees");
    }

    /// Has the cluster know what its one member says of itself.
    pub(crate) async fn describe(&self, name: &str, client_urls: &[&str]) {
        let client_urls = client_urls.iter().map(ToString::to_string).collect();
        let attributes = Attributes { name: name.to_owned(), client_urls };
        let call = self.call();
        self.attended(self.door.describe_member(&call, attributes)).await.expect("a consensus of one agrees");
    }

    fn call(&self) -> Call {
        let deadline = self.door.clock().now() + self.door.limits().call_time_max;
        Call { identity: Identity::Anonymous, deadline }
    }

    /// `work`'s answer, with the desk attended meanwhile.
    async fn attended<F: Future>(&self, work: F) -> F::Output {
        tokio::select! {
            answer = work => answer,
            () = self.desk.attend() => unreachable!("a desk is attended for ever"),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.ask("GET", path).await
    }

    /// One request to the client port, with the desk attended meanwhile.
    pub(crate) async fn ask(&self, method: &str, path: &str) -> Reply {
        self.ask_at(&self.router, method, path).await
    }

    /// As [`Scene::ask`], of the peer port.
    pub(crate) async fn ask_as_peer(&self, method: &str, path: &str) -> Reply {
        self.ask_at(&self.peers, method, path).await
    }

    async fn ask_at(&self, router: &Router, method: &str, path: &str) -> Reply {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(Body::empty())
            .expect("what this test itself made is well formed");
        let answer = async {
            let (head, body) = router
                .clone()
                .oneshot(request)
                .await
                .expect("what this test itself made is well formed")
                .into_parts();
            let bytes = body.collect().await.expect("what this test itself made is well formed").to_bytes();
            let text = String::from_utf8(bytes.to_vec()).expect("what this test itself made is well formed");
            Reply { status: head.status, headers: head.headers, text }
        };
        self.attended(answer).await
    }
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("what this test itself made is well formed"))
    }

    /// The value of a series as a scrape writes it.
    pub(crate) fn series(&self, name: &str) -> Option<f64> {
        let line = self.text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
        Some(line.parse().expect("what this test itself made is well formed"))
    }
}
