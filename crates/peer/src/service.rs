//! The other side of the calls.

use crate::caller;
use futures::stream::{BoxStream, StreamExt};
use quorate_proto::peer;
use quorate_proto::peer::peer_server::{Peer, PeerServer};
use quorate_raft::{Door, NotTaken};
use quorate_types::MemberId;
use tonic::{Request, Response, Status, Streaming};

/// The service of one replica, to be put on a peer port.
pub type Service = PeerServer<Desk>;

/// Answers for one replica.
pub struct Desk {
    door: Door,
}

/// The gRPC service of the replica behind `door`. Takes messages of at most `message_bytes_max` bytes.
#[must_use]
pub fn service(door: Door, message_bytes_max: usize) -> Service {
    PeerServer::new(Desk { door })
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
    fn admit<T>(&self, request: &Request<T>) -> Result<MemberId, Status> {
        let caller = caller::read(request.metadata());
        let caller =
            caller.ok_or_else(|| Status::failed_precondition("the call does not say who calls whom"))?;
        self.door.admit(&caller).map_err(|turned_away| {
            tracing::warn!(from = %caller.from, cluster = %caller.cluster, %turned_away, "turned a caller away");
            Status::failed_precondition(turned_away.to_string())
        })?;
        Ok(caller.from)
    }
}

/// The messages of a stream up to its end, or to where it broke: what came before is complete.
fn messages<T: Send + 'static>(stream: Streaming<T>) -> BoxStream<'static, T> {
    stream.scan((), |(), message| std::future::ready(message.ok())).boxed()
}

#[tonic::async_trait]
impl Peer for Desk {
    type AppendStream = BoxStream<'static, Result<peer::AppendReply, Status>>;

    async fn append(
        &self,
        request: Request<Streaming<peer::AppendRequest>>,
    ) -> Result<Response<Self::AppendStream>, Status> {
        let from = self.admit(&request)?;
        let replies = self.door.append(from, messages(request.into_inner()));
        Ok(Response::new(replies.map(|reply| reply.map_err(|error| not_taken(&error))).boxed()))
    }

    async fn call(&self, request: Request<peer::CallRequest>) -> Result<Response<peer::CallReply>, Status> {
        let from = self.admit(&request)?;
        let answer = match request.into_inner().question {
            Some(question) => self.door.call(from, question).await.map_err(|error| not_taken(&error))?,
            None => peer::call_reply::Answer::NotAnswered(peer::NotAnswered::UnknownQuestion.into()),
        };
        Ok(Response::new(peer::CallReply { answer: Some(answer) }))
    }

    async fn snapshot(
        &self,
        request: Request<Streaming<peer::SnapshotPart>>,
    ) -> Result<Response<peer::SnapshotReply>, Status> {
        let from = self.admit(&request)?;
        let reply = self.door.snapshot(from, messages(request.into_inner())).await;
        reply.map(Response::new).map_err(|error| not_taken(&error))
    }
}
