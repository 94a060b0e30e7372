//! The other side of the calls.

use crate::caller;
use crate::traffic::{Counters, Traffic};
use futures::stream::{BoxStream, StreamExt};
use quorate_proto::peer;
use quorate_proto::peer::peer_server::{Peer, PeerServer};
use quorate_raft::{Door, NotTaken};
use quorate_types::MemberId;
use std::sync::Arc;
use tonic::{Request, Response, Status, Streaming};

/// The service of one replica, to be put on a peer port.
pub type Service = PeerServer<Desk>;

/// Answers for one replica.
pub struct Desk {
    door: Door,
    traffic: Traffic,
}

/// The gRPC service of the replica behind `door`. Takes messages of at most `message_bytes_max` bytes, and counts them in `traffic`.
#[must_use]
pub fn service(door: Door, message_bytes_max: usize, traffic: Traffic) -> Service {
    PeerServer::new(Desk { door, traffic })
        .max_decoding_message_size(message_bytes_max)
        .max_encoding_message_size(usize::MAX)
}

fn not_taken(not_taken: &NotTaken) -> Status {
    match not_taken {
        NotTaken::Malformed(what) => Status::invalid_argument(what),
        NotTaken::NoRoom(what) => Status::resource_exhausted(what),
        NotTaken::Stopped => Status::unavailable(not_taken.to_string()),
    }
}

impl Desk {
    /// Who calls, and where it is counted.
    fn admit<T>(&self, request: &Request<T>) -> Result<(MemberId, Arc<Counters>), Status> {
        let caller = caller::read(request.metadata());
        let caller =
            caller.ok_or_else(|| Status::failed_precondition("the call does not say who calls whom"))?;
        self.door.admit(&caller).map_err(|turned_away| {
            tracing::warn!(from = %caller.from, cluster = %caller.cluster, %turned_away, "turned a caller away");
            Status::failed_precondition(turned_away.to_string())
        })?;
        Ok((caller.from, self.traffic.of(caller.from)))
    }
}

/// The messages of a stream up to its end, or to where it broke: what came before is complete.
fn messages<T: prost::Message + 'static>(
    stream: Streaming<T>,
    counters: Arc<Counters>,
) -> BoxStream<'static, T> {
    let sound = stream.scan((), |(), message| std::future::ready(message.ok()));
    sound.inspect(move |message| counters.received(message)).boxed()
}

fn answered<T>(outcome: Result<T, NotTaken>, counters: &Counters) -> Result<T, Status> {
    outcome.map_err(|error| {
        counters.receive_failed();
        not_taken(&error)
    })
}

#[tonic::async_trait]
impl Peer for Desk {
    type AppendStream = BoxStream<'static, Result<peer::AppendReply, Status>>;

    async fn append(
        &self,
        request: Request<Streaming<peer::AppendRequest>>,
    ) -> Result<Response<Self::AppendStream>, Status> {
        let (from, counters) = self.admit(&request)?;
        let replies = self.door.append(from, messages(request.into_inner(), counters.clone()));
        let reply = move |reply| answered(reply, &counters).inspect(|reply| counters.sent(reply));
        Ok(Response::new(replies.map(reply).boxed()))
    }

    async fn call(&self, request: Request<peer::CallRequest>) -> Result<Response<peer::CallReply>, Status> {
        let (from, counters) = self.admit(&request)?;
        let request = request.into_inner();
        counters.received(&request);
        let answer = match request.question {
            Some(question) => answered(self.door.call(from, question).await, &counters)?,
            None => peer::call_reply::Answer::NotAnswered(peer::NotAnswered::UnknownQuestion.into()),
        };
        let reply = peer::CallReply { answer: Some(answer) };
        counters.sent(&reply);
        Ok(Response::new(reply))
    }

    async fn snapshot(
        &self,
        request: Request<Streaming<peer::SnapshotPart>>,
    ) -> Result<Response<peer::SnapshotReply>, Status> {
        let (from, counters) = self.admit(&request)?;
        let reply = self.door.snapshot(from, messages(request.into_inner(), counters.clone())).await;
        let reply = answered(reply, &counters)?;
        counters.sent(&reply);
        Ok(Response::new(reply))
    }
}
