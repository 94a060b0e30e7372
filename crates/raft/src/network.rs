//! openraft's network over a [`Transport`].

use crate::codec::peer as codec;
use crate::contacts::Contacts;
use crate::machine::SnapshotView;
use crate::transfer::{self, Outgoing, ReadPart};
use crate::transport::{Broken, Purpose, Target, Transport};
use crate::types::{Node, TypeConfig, Vote};
use futures::future::{Either, select};
use futures::stream::{BoxStream, StreamExt};
use futures::{FutureExt, Stream};
use openraft::OptionalSend;
use openraft::alias::SnapshotOf;
use openraft::base::BoxFuture;
use openraft::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{RPCOption, RaftNetworkFactory, RaftNetworkV2};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, StreamAppendResult, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use parking_lot::Mutex;
use quorate_proto::peer::call_reply::Answer;
use quorate_proto::peer::call_request::Question;
use quorate_proto::peer::{ResumeReply, ResumeRequest};
use quorate_tasks::inbox::Sender;
use quorate_tasks::{Clock, Moment, timeout};
use quorate_types::MemberId;
use quorate_wal::Log;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;

/// Makes the ways to other members.
#[derive(Clone)]
pub(crate) struct Network {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) contacts: Contacts,
    pub(crate) clock: Arc<dyn Clock>,
    /// Where a state is read for another member.
    pub(crate) reading: Sender<ReadPart>,
    /// Which states are on their way.
    pub(crate) outgoing: Outgoing,
    /// This member's log.
    pub(crate) log: Log,
}

/// The way to one member, for one purpose.
pub(crate) struct Way {
    network: Network,
    target: Target,
    purpose: Purpose,
}

type Rpc<T> = Result<T, RPCError<TypeConfig>>;

/// openraft goes on at once after a network error, and rests after "unreachable".
fn rpc_error(broken: &Broken) -> RPCError<TypeConfig> {
    match broken {
        Broken::NotSent(_) => RPCError::Unreachable(Unreachable::new(broken)),
        Broken::Unanswered(_) => RPCError::Network(NetworkError::new(broken)),
    }
}

fn streaming_error(broken: &Broken) -> StreamingError<TypeConfig> {
    match rpc_error(broken) {
        RPCError::Network(error) => StreamingError::Network(error),
        _ => StreamingError::Unreachable(Unreachable::new(broken)),
    }
}

fn senseless(what: &(impl std::error::Error + 'static)) -> RPCError<TypeConfig> {
    RPCError::Unreachable(Unreachable::new(what))
}

fn wrong_answer() -> RPCError<TypeConfig> {
    RPCError::Unreachable(Unreachable::from_string("the answer is to another question, or a refusal"))
}

impl Network {
    fn way(&self, member: u64, node: &Node, purpose: Purpose) -> Way {
        let target = Target { member: MemberId(member), node: node.clone() };
        Way { network: self.clone(), target, purpose }
    }
}

impl RaftNetworkFactory<TypeConfig> for Network {
    type Network = Way;

    async fn new_client(&mut self, target: u64, node: &Node) -> Way {
        self.way(target, node, Purpose::Replication)
    }

    async fn new_heartbeat_client(&mut self, target: u64, node: &Node) -> Way {
        self.way(target, node, Purpose::Heartbeat)
    }

    async fn new_snapshot_client(&mut self, target: u64, node: &Node) -> Way {
        self.way(target, node, Purpose::Snapshot)
    }
}

impl Way {
    /// What has arrived of a state, by the member itself: nothing is sent, and no log is kept, for one that is not there. None, if it
    /// does not know what that means.
    async fn arrived_of(&self, state: u64) -> Result<Option<ResumeReply>, Broken> {
        let network = &self.network;
        let question = Question::Resume(ResumeRequest { state });
        let asking = network.transport.call(&self.target, Purpose::Snapshot, question);
        let bound = network.clock.now() + network.contacts.bound();
        match timeout(network.clock.as_ref(), bound, asking).await {
            Ok(Ok(Answer::Resume(reply))) => Ok(Some(reply)),
            Ok(Ok(_)) => Ok(None),
            Ok(Err(broken)) => Err(broken),
            Err(_) => Err(Broken::Unanswered("it does not say what has arrived of a state".into())),
        }
    }

    /// Votes and transfers are in a hurry, whichever way openraft made for them.
    async fn ask(&self, question: Question) -> Rpc<Answer> {
        let answer = self.network.transport.call(&self.target, Purpose::Heartbeat, question).await;
        if answer.is_ok() {
            self.network.contacts.heard(self.target.member);
        }
        answer.map_err(|broken| rpc_error(&broken))
    }

    async fn ask_for_vote(
        &self,
        request: VoteRequest<TypeConfig>,
        is_pre_vote: bool,
    ) -> Rpc<VoteResponse<TypeConfig>> {
        match self.ask(Question::Vote(codec::encode_vote_request(&request, is_pre_vote))).await? {
            Answer::Vote(reply) => codec::decode_vote_reply(reply).map_err(|error| senseless(&error)),
            _ => Err(wrong_answer()),
        }
    }
}

/// When the oldest request that waits for its answer was sent.
#[derive(Clone, Default)]
struct Outstanding(Arc<Mutex<(u64, Option<Moment>)>>);

impl Outstanding {
    fn sent(&self, now: Moment) {
        let mut waiting = self.0.lock();
        waiting.0 += 1;
        waiting.1.get_or_insert(now);
    }

    /// One was answered: the next has been waiting since then at most.
    fn answered(&self, now: Moment) {
        let mut waiting = self.0.lock();
        waiting.0 = waiting.0.saturating_sub(1);
        waiting.1 = (waiting.0 > 0).then_some(now);
    }

    fn since(&self) -> Option<Moment> {
        self.0.lock().1
    }
}

/// Says once that the log no longer holds what a stream of entries wants next: openraft lets it be cut there, and the stream would go
/// on without entries for ever.
#[derive(Clone, Default)]
struct Overtaken(Arc<Mutex<Sight>>);

/// What was seen of a stream.
#[derive(Default)]
struct Sight {
    /// The last request that had no entries because the log begins later: where it stood.
    without: Option<u64>,
    is_overtaken: bool,
}

impl Overtaken {
    /// Whether `request` is the second one in the same place that has no entries because the log begins later: at `first`, if there
    /// are any. openraft sends one of that kind, and no other on the same stream, to tell what is committed to a member that is being
    /// sent the state.
    fn look(&self, request: &AppendEntriesRequest<TypeConfig>, first: Option<u64>) -> bool {
        let next = request.prev_log_id.as_ref().map_or(0, |previous| previous.index + 1);
        let is_more_committed = request.leader_commit.as_ref().is_some_and(|commit| commit.index >= next);
        let is_without =
            request.entries.is_empty() && is_more_committed && first.is_none_or(|first| first > next);
        let mut sight = self.0.lock();
        let before = std::mem::replace(&mut sight.without, is_without.then_some(next));
        let is_overtaken = is_without && before == Some(next);
        sight.is_overtaken |= is_overtaken;
        is_overtaken
    }

    fn error(&self) -> Option<Broken> {
        let is_overtaken = std::mem::take(&mut self.0.lock().is_overtaken);
        is_overtaken.then(|| Broken::Unanswered("the log was cut behind what comes next".into()))
    }
}

/// The answers as openraft wants them. A member that takes requests and answers none for an election time-out is given up: it
/// may hang, and nothing else would end the stream.
fn answers(
    network: Network,
    member: MemberId,
    outstanding: Outstanding,
    overtaken: Overtaken,
    replies: crate::transport::Replies,
) -> impl Stream<Item = Rpc<StreamAppendResult<TypeConfig>>> {
    let state = (network, outstanding, overtaken, Some(replies));
    futures::stream::unfold(state, move |(network, outstanding, overtaken, replies)| async move {
        let mut replies = replies?;
        let reply = match within(&network, &outstanding, replies.next()).await {
            Some(Some(reply)) => reply,
            Some(None) => Err(overtaken.error()?),
            None => Err(Broken::Unanswered("it takes entries and answers none".into())),
        };
        let result = reply.map_err(|broken| rpc_error(&broken)).and_then(|reply| {
            network.contacts.heard(member);
            outstanding.answered(network.clock.now());
            codec::decode_append_reply(reply).map_err(|error| senseless(&error))
        });
        let goes_on = matches!(result, Ok(Ok(_))).then_some(replies);
        Some((result, (network, outstanding, overtaken, goes_on)))
    })
}

/// The output of `work`, or nothing once a request has been waiting for too long.
async fn within<T>(network: &Network, outstanding: &Outstanding, work: impl Future<Output = T>) -> Option<T> {
    let bound = network.contacts.bound();
    let mut work = pin!(work);
    loop {
        let now = network.clock.now();
        let until = outstanding.since().map_or(now, |since| since) + bound;
        if until <= now {
            return work.now_or_never();
        }
        if let Ok(output) = timeout(network.clock.as_ref(), until, &mut work).await {
            return Some(output);
        }
    }
}

impl RaftNetworkV2<TypeConfig> for Way {
    type SnapshotData = SnapshotView;

    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<TypeConfig>,
        option: RPCOption,
    ) -> Rpc<AppendEntriesResponse<TypeConfig>> {
        let input = futures::stream::once(async { request }).boxed();
        let mut replies = self.stream_append(input, option).await?;
        let reply = replies.next().await.ok_or_else(wrong_answer)?;
        reply.map(AppendEntriesResponse::from)
    }

    fn stream_append<'s, S>(
        &'s mut self,
        input: S,
        _option: RPCOption,
    ) -> BoxFuture<'s, Rpc<BoxStream<'s, Rpc<StreamAppendResult<TypeConfig>>>>>
    where
        S: Stream<Item = AppendEntriesRequest<TypeConfig>> + OptionalSend + Unpin + 'static,
    {
        let (network, outstanding) = (self.network.clone(), Outstanding::default());
        let (clock, sent) = (network.clock.clone(), outstanding.clone());
        let mut requests = input.peekable();
        Box::pin(async move {
            // openraft rests after an error where it makes the next request, and only there: a stream that cannot be opened
            // before anybody asks for one would be opened again at once, for ever.
            if Pin::new(&mut requests).peek().await.is_none() {
                return Ok(futures::stream::empty().boxed());
            }
            // It counts as sent, whether or not the transport takes it.
            outstanding.sent(network.clock.now());
            let mut is_first = true;
            let overtaken = Overtaken::default();
            let (looked, log) = (overtaken.clone(), network.log.clone());
            let carries_entries = self.purpose == Purpose::Replication;
            let requests = requests.take_while(move |request| {
                std::future::ready(!(carries_entries && looked.look(request, log.first())))
            });
            let requests = requests.map(move |request| {
                if !std::mem::take(&mut is_first) {
                    sent.sent(clock.now());
                }
                codec::encode_append(&request)
            });
            let opening = network.transport.append(&self.target, self.purpose, requests.boxed());
            let bound = network.clock.now() + network.contacts.bound();
            let opened = timeout(network.clock.as_ref(), bound, opening).await;
            let opened =
                opened.unwrap_or_else(|_| Err(Broken::Unanswered("no stream was opened in time".into())));
            let replies = opened.map_err(|broken| rpc_error(&broken))?;
            Ok(answers(network, self.target.member, outstanding, overtaken, replies).boxed())
        })
    }

    async fn vote(
        &mut self,
        request: VoteRequest<TypeConfig>,
        _option: RPCOption,
    ) -> Rpc<VoteResponse<TypeConfig>> {
        self.ask_for_vote(request, false).await
    }

    // openraft's default grants a pre-vote that nobody was asked for.
    async fn pre_vote(
        &mut self,
        request: VoteRequest<TypeConfig>,
        _option: RPCOption,
    ) -> Rpc<VoteResponse<TypeConfig>> {
        self.ask_for_vote(request, true).await
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: SnapshotOf<TypeConfig, SnapshotView>,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        let resumed =
            self.arrived_of(snapshot.snapshot.name()).await.map_err(|broken| streaming_error(&broken))?;
        let under_way = self.network.outgoing.begin();
        let parts = transfer::parts(&vote, &snapshot, resumed, self.network.reading.clone());
        let sending = self.network.transport.snapshot(&self.target, parts);
        let reply = match select(pin!(cancel), sending).await {
            Either::Left((closed, _)) => return Err(StreamingError::Closed(closed)),
            Either::Right((reply, _)) => reply,
        };
        drop(under_way);
        let reply = reply.map_err(|broken| streaming_error(&broken))?;
        self.network.contacts.heard(self.target.member);
        let vote = reply.vote.map(crate::codec::vote_of);
        let vote = vote.ok_or_else(|| Unreachable::from_string("the answer has no vote"))?;
        Ok(SnapshotResponse::new(vote))
    }

    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<TypeConfig>,
        _option: RPCOption,
    ) -> Rpc<TransferLeaderResponse<TypeConfig>> {
        match self.ask(Question::Transfer(codec::encode_transfer(&request))).await? {
            Answer::Transfer(reply) if reply.accepted => Ok(Ok(())),
            _ => Err(wrong_answer()),
        }
    }
}

#[cfg(test)]
mod tests;
