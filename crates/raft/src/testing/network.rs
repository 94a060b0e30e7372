//! A network in one process: it delays, cuts, loses and breaks as a seed and a test say.

use crate::door::{Door, NotTaken};
use crate::transport::{Broken, Caller, Purpose, Replies, Target, Transport};
use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::{BoxStream, StreamExt};
use parking_lot::Mutex;
use quorate_proto::peer;
use quorate_proto::peer::call_reply::Answer;
use quorate_proto::peer::call_request::Question;
use quorate_tasks::Clock;
use quorate_tasks::testing::Seed;
use quorate_tasks::watch;
use quorate_types::{ClusterId, MemberId};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// What becomes of messages. Chances are in a thousand messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weather {
    /// How long a message takes, in microseconds.
    pub delay_us: Range<u64>,
    /// A packet is lost on the way and sent again: the message, and what comes behind it in its stream, takes longer by
    /// [`RESENT`].
    pub lost: usize,
    /// The connection breaks before the message arrives: a question is lost, or its answer.
    pub broken: usize,
    /// A call that proposes commands is carried out twice. No network does so; a checker that does not notice is none.
    pub doubled: usize,
}

/// How long TCP waits before it sends a packet again, in milliseconds.
const RESENT: Range<usize> = 200..800;

/// See the module. Members that are not [open](SimNetwork::open) refuse connections. Clones are the same network.
#[derive(Clone)]
pub struct SimNetwork {
    clock: Arc<dyn Clock>,
    state: Arc<Mutex<State>>,
    /// Told of each change of what is cut and open.
    changes: watch::Sender<u64>,
}

struct State {
    seed: Seed,
    weather: Weather,
    doors: BTreeMap<MemberId, Door>,
    /// From whom nothing comes through to whom.
    cuts: BTreeSet<(MemberId, MemberId)>,
    /// Who takes nothing that arrives, and answers nothing.
    stopped: BTreeSet<MemberId>,
}

impl State {
    fn is_held_up(&self, from: MemberId, to: MemberId) -> bool {
        self.stopped.contains(&to) || self.cuts.contains(&(from, to))
    }

    /// How long a message takes, and whether its connection breaks.
    fn fate(&mut self) -> (Duration, bool) {
        let Weather { delay_us: Range { start, end }, lost, broken, .. } = self.weather.clone();
        let spread = usize::try_from(end - start).unwrap_or(usize::MAX).max(1);
        let mut delay = Duration::from_micros(start + self.seed.below(spread) as u64);
        if lost > 0 && self.seed.below(1000) < lost {
            let wait = RESENT.start + self.seed.below(RESENT.len());
            delay += Duration::from_millis(wait as u64);
        }
        (delay, broken > 0 && self.seed.below(1000) < broken)
    }
}

/// The network as one member uses it.
struct Way {
    network: SimNetwork,
    cluster: ClusterId,
    from: MemberId,
}

/// A quiet local network.
impl Default for Weather {
    fn default() -> Self {
        Self { delay_us: 100..600, lost: 0, broken: 0, doubled: 0 }
    }
}

impl SimNetwork {
    /// A network without members.
    #[must_use]
    pub fn new(seed: u64, clock: Arc<dyn Clock>) -> Self {
        let state = State {
            seed: Seed::new(seed),
            weather: Weather::default(),
            doors: BTreeMap::new(),
            cuts: BTreeSet::new(),
            stopped: BTreeSet::new(),
        };
        Self { clock, state: Arc::new(Mutex::new(state)), changes: watch::Sender::new(0) }
    }

    /// The network as `member` of `cluster` uses it.
    #[must_use]
    pub fn transport(&self, cluster: ClusterId, member: MemberId) -> Arc<dyn Transport> {
        Arc::new(Way { network: self.clone(), cluster, from: member })
    }

    /// `member` listens.
    pub fn open(&self, member: MemberId, door: Door) {
        self.state.lock().doors.insert(member, door);
        self.changed();
    }

    /// `member` does not listen any more.
    pub fn close(&self, member: MemberId) {
        let door = self.state.lock().doors.remove(&member);
        drop(door); // outside the lock
        self.changed();
    }

    /// From now on nothing comes through from `from` to `to`; what is under way waits, as TCP would have it.
    pub fn cut(&self, from: MemberId, to: MemberId) {
        self.state.lock().cuts.insert((from, to));
    }

    /// What `from` sends comes through to `to` again, what waited first.
    pub fn mend(&self, from: MemberId, to: MemberId) {
        self.state.lock().cuts.remove(&(from, to));
        self.changed();
    }

    /// Whether `member` is a stopped process: what arrives there waits until it goes on. Its door is open all the while.
    pub fn stop(&self, member: MemberId, is_stopped: bool) {
        let mut state = self.state.lock();
        if is_stopped {
            state.stopped.insert(member);
        } else {
            state.stopped.remove(&member);
        }
        drop(state);
        self.changed();
    }

    /// Everything comes through again, but to who is stopped.
    pub fn heal(&self) {
        self.state.lock().cuts.clear();
        self.changed();
    }

    /// From now on.
    pub fn set_weather(&self, weather: Weather) {
        self.state.lock().weather = weather;
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    /// One message from `from` to `to`: ends when it arrives.
    async fn carry(&self, from: MemberId, to: MemberId) -> Result<(), Broken> {
        let (delay, breaks) = self.state.lock().fate();
        self.clock.sleep_until(self.clock.now() + delay).await;
        let mut changes = self.changes.subscribe();
        while self.state.lock().is_held_up(from, to) {
            if changes.changed().await.is_err() {
                break;
            }
        }
        if breaks { Err(Broken::Unanswered("the connection broke".into())) } else { Ok(()) }
    }

    fn door(&self, caller: &Caller) -> Result<Door, Broken> {
        let door = self.state.lock().doors.get(&caller.to).cloned();
        let door = door.ok_or_else(|| Broken::NotSent("connection refused".into()))?;
        door.admit(caller).map_err(|turned_away| Broken::NotSent(turned_away.to_string()))?;
        Ok(door)
    }

    fn doubles(&self, question: &Question) -> bool {
        let mut state = self.state.lock();
        let doubled = state.weather.doubled;
        doubled > 0 && matches!(question, Question::Propose(_)) && state.seed.below(1000) < doubled
    }

    async fn call(self, caller: Caller, question: Question) -> Result<Answer, Broken> {
        let door = self.door(&caller)?;
        self.carry(caller.from, caller.to).await?;
        if self.doubles(&question) {
            drop(door.call(caller.from, question.clone()).await); // the second answer is the one that counts
        }
        let answer = door.call(caller.from, question).await.map_err(|error| unanswered(&error));
        drop(door); // it keeps a stopped member's consensus in memory
        self.carry(caller.to, caller.from).await?;
        answer
    }

    async fn snapshot(
        self,
        caller: Caller,
        parts: BoxStream<'static, peer::SnapshotPart>,
    ) -> Result<peer::SnapshotReply, Broken> {
        let door = self.door(&caller)?;
        let there = self.clone();
        let arriving = parts.scan((), move |(), part| {
            let network = there.clone();
            async move { network.carry(caller.from, caller.to).await.is_ok().then_some(part) }
        });
        let reply = door.snapshot(caller.from, arriving.boxed()).await.map_err(|error| unanswered(&error));
        drop(door);
        self.carry(caller.to, caller.from).await?;
        reply
    }

    async fn stream(
        self,
        caller: Caller,
        requests: BoxStream<'static, peer::AppendRequest>,
    ) -> Result<Replies, Broken> {
        let door = self.door(&caller)?;
        self.carry(caller.from, caller.to).await?;
        let there = self.clone();
        let arriving = requests.scan((), move |(), request| {
            let network = there.clone();
            async move { network.carry(caller.from, caller.to).await.is_ok().then_some(request) }
        });
        let replies = door.append(caller.from, arriving.boxed());
        let returning = replies.then(move |reply| {
            let network = self.clone();
            async move {
                network.carry(caller.to, caller.from).await?;
                reply.map_err(|error| unanswered(&error))
            }
        });
        Ok(returning.boxed())
    }
}

fn unanswered(error: &NotTaken) -> Broken {
    Broken::Unanswered(error.to_string())
}

impl Way {
    fn caller(&self, to: &Target) -> Caller {
        Caller { cluster: self.cluster, from: self.from, to: to.member }
    }
}

impl Transport for Way {
    fn append(
        &self,
        to: &Target,
        _purpose: Purpose,
        requests: BoxStream<'static, peer::AppendRequest>,
    ) -> BoxFuture<'static, Result<Replies, Broken>> {
        self.network.clone().stream(self.caller(to), requests).boxed()
    }

    fn call(
        &self,
        to: &Target,
        _purpose: Purpose,
        question: Question,
    ) -> BoxFuture<'static, Result<Answer, Broken>> {
        self.network.clone().call(self.caller(to), question).boxed()
    }

    fn snapshot(
        &self,
        to: &Target,
        parts: BoxStream<'static, peer::SnapshotPart>,
    ) -> BoxFuture<'static, Result<peer::SnapshotReply, Broken>> {
        self.network.clone().snapshot(self.caller(to), parts).boxed()
    }
}
