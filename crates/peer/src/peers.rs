//! The calls to other members.

use crate::caller;
use crate::line::{Line, Open};
use crate::traffic::{Counters, Traffic};
use futures::future::BoxFuture;
use futures::stream::{BoxStream, StreamExt};
use futures::{FutureExt, Stream};
use quorate_proto::peer;
use quorate_proto::peer::call_reply::Answer;
use quorate_proto::peer::call_request::Question;
use quorate_proto::peer::peer_client::PeerClient;
use quorate_raft::{Broken, Caller, Node, Purpose, Replies, Target, Transport};
use quorate_tasks::{Clock, Group};
use quorate_types::{ClusterId, MemberId};
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tonic::{Code, Request, Status};

/// Who this member is, and what it puts up with.
#[derive(Debug, Clone)]
pub struct Options {
    /// The cluster it belongs to.
    pub cluster: ClusterId,
    /// Its id.
    pub member: MemberId,
    /// How long opening a connection may take, and an answer to whether it is there: the election time-out.
    pub patience: Duration,
    /// The longest message that is taken, in bytes. Above the longest command, which travels whole.
    pub message_bytes_max: usize,
    /// Where it is counted what goes to and fro.
    pub traffic: Traffic,
}

/// The ways to other members: a connection for each and for each [`Purpose`].
pub struct Peers {
    options: Options,
    group: Group,
    clock: Arc<dyn Clock>,
    lines: Mutex<HashMap<(MemberId, Purpose), (Node, Line)>>,
}

impl Peers {
    /// Nothing is connected before it is used. `group` runs the connections, on the runtime of whoever calls.
    #[must_use]
    pub fn new(options: Options, clock: Arc<dyn Clock>, group: Group) -> Self {
        Self { options, group, clock, lines: Mutex::default() }
    }

    /// A member that has moved is reached at its new place from the next call on.
    fn line(&self, to: &Target, purpose: Purpose) -> Line {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (to.member, purpose);
        match lines.get(&place) {
            Some((node, line)) if *node == to.node => line.clone(),
            _ => {
                let urls = &to.node.peer_urls;
                let line = Line::new(urls, self.group.clone(), self.clock.clone(), self.options.patience);
                lines.insert(place, (to.node.clone(), line.clone()));
                line
            }
        }
    }

    fn caller(&self, to: &Target) -> Caller {
        Caller { cluster: self.options.cluster, from: self.options.member, to: to.member }
    }
}

/// A client on `line`, once that is open.
async fn client(line: &Line, message_bytes_max: usize) -> Result<PeerClient<Open>, Broken> {
    let open = line.open().await?;
    let origin = open.origin();
    Ok(PeerClient::with_origin(open, origin)
        .max_decoding_message_size(message_bytes_max)
        .max_encoding_message_size(usize::MAX))
}

/// A stream under a name: the compiler does not see through tonic's bounds that a boxed one may cross threads.
struct Outgoing<T>(BoxStream<'static, T>);

impl<T> Stream for Outgoing<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        self.0.poll_next_unpin(context)
    }
}

fn request<T>(caller: &Caller, message: T) -> Request<T> {
    let mut request = Request::new(message);
    caller::write(caller, request.metadata_mut());
    request
}

/// P1: who was turned away, or was not understood, has changed nothing.
fn broken(status: &Status) -> Broken {
    match status.code() {
        Code::FailedPrecondition | Code::InvalidArgument | Code::Unimplemented => {
            Broken::NotSent(status.message().to_owned())
        }
        _ => Broken::Unanswered(status.message().to_owned()),
    }
}

/// Counts what became of a call to a member.
fn counted<T>(outcome: Result<T, Broken>, counters: &Counters) -> Result<T, Broken> {
    outcome.inspect_err(|_| counters.send_failed())
}

impl Transport for Peers {
    fn append(
        &self,
        to: &Target,
        purpose: Purpose,
        requests: BoxStream<'static, peer::AppendRequest>,
    ) -> BoxFuture<'static, Result<Replies, Broken>> {
        let (line, caller, bytes) = (self.line(to, purpose), self.caller(to), self.options.message_bytes_max);
        let counters = self.options.traffic.of(to.member);
        let outgoing = counters.clone();
        let requests = requests.inspect(move |request| outgoing.sent(request)).boxed();
        async move {
            let replies = async {
                let mut client = client(&line, bytes).await?;
                let replies = client.append(request(&caller, Outgoing(requests))).await;
                replies.map(tonic::Response::into_inner).map_err(|status| broken(&status))
            };
            let replies = counted(replies.await, &counters)?;
            let reply = move |reply: Result<peer::AppendReply, Status>| {
                let reply = reply.inspect(|reply| counters.received(reply));
                counted(reply.map_err(|status| broken(&status)), &counters)
            };
            Ok(replies.map(reply).boxed())
        }
        .boxed()
    }

    fn call(
        &self,
        to: &Target,
        purpose: Purpose,
        question: Question,
    ) -> BoxFuture<'static, Result<Answer, Broken>> {
        let (line, caller, bytes) = (self.line(to, purpose), self.caller(to), self.options.message_bytes_max);
        let (counters, clock) = (self.options.traffic.of(to.member), self.clock.clone());
        async move {
            let begun = matches!(question, Question::Probe(_)).then(|| clock.now());
            let question = peer::CallRequest { question: Some(question) };
            let reply = async {
                let mut client = client(&line, bytes).await?;
                counters.sent(&question);
                let reply =
                    client.call(request(&caller, question)).await.map_err(|status| broken(&status))?;
                let reply = reply.into_inner();
                counters.received(&reply);
                let unknown = || Broken::Unanswered("an answer of a kind that is not known here".into());
                reply.answer.ok_or_else(unknown)
            };
            let reply = counted(reply.await, &counters)?;
            // A probe is answered at once: how long that takes is the way there and back.
            begun.iter().for_each(|begun| counters.answered_after(clock.now().since(*begun)));
            Ok(reply)
        }
        .boxed()
    }

    fn snapshot(
        &self,
        to: &Target,
        parts: BoxStream<'static, peer::SnapshotPart>,
    ) -> BoxFuture<'static, Result<peer::SnapshotReply, Broken>> {
        let (line, caller, bytes) =
            (self.line(to, Purpose::Snapshot), self.caller(to), self.options.message_bytes_max);
        let counters = self.options.traffic.of(to.member);
        let outgoing = counters.clone();
        let parts = parts.inspect(move |part| outgoing.sent(part)).boxed();
        async move {
            let reply = async {
                let mut client = client(&line, bytes).await?;
                let reply = client.snapshot(request(&caller, Outgoing(parts))).await;
                reply.map(tonic::Response::into_inner).map_err(|status| broken(&status))
            };
            counted(reply.await, &counters).inspect(|reply| counters.received(reply))
        }
        .boxed()
    }
}
