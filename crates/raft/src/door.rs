//! Where other members come in.

use crate::codec::peer::{self as codec, Malformed};
use crate::codec::{decode_log_id, decode_stored_membership, encode_log_id, vote_message};
use crate::contacts::Contacts;
use crate::forward::{self, Fates};
use crate::machine::{Machine, SnapshotView};
use crate::members::{self, Change, NotChanged};
use crate::pending::Rejection;
use crate::proposer::ENTRY;
use crate::reads::Waiting;
use crate::transfer::{self, Incoming, NotReceived, Part};
use crate::transport::Caller;
use crate::types::{LogId, Proposed, TypeConfig};
use bytes::Bytes;
use futures::future::{BoxFuture, select};
use futures::stream::{BoxStream, StreamExt};
use openraft::Raft;
use openraft::alias::{SnapshotMetaOf, SnapshotOf};
use parking_lot::Mutex;
use quorate_proto::peer;
use quorate_proto::peer::call_reply::Answer;
use quorate_proto::peer::call_request::Question;
use quorate_state_machine::Reader;
use quorate_tasks::Strand;
use quorate_tasks::inbox::Sender;
use quorate_types::{ClusterId, MemberId};
use std::pin::pin;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Answers of one stream that may wait for whoever takes them.
const REPLIES_MAX: usize = 64;

/// Answers what is asked about leases: by the member that leads. See [`Door::answer_for_leases`].
pub type LeaseDesk = Arc<dyn Fn(Question) -> BoxFuture<'static, Option<Answer>> + Send + Sync>;

/// What other members may ask of a replica. The transport brings their calls. Clones are the same door.
///
/// [`Door::admit`] comes first, with each call: nothing of a stranger reaches consensus.
#[derive(Clone)]
pub struct Door {
    pub(crate) reader: Reader,
    pub(crate) raft: Raft<TypeConfig, Machine>,
    pub(crate) strand: Strand,
    pub(crate) member: MemberId,
    pub(crate) cluster: ClusterId,
    pub(crate) contacts: Contacts,
    pub(crate) reads: Sender<Waiting>,
    pub(crate) writing: Sender<transfer::Part>,
    /// Given back when the replica stops: whoever answers for leases holds the replica.
    pub(crate) leases: Arc<Mutex<Option<LeaseDesk>>>,
}

/// Why a caller is not let in. etcd's peers are told the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TurnedAway {
    /// It belongs to another cluster.
    #[error("cluster ID mismatch")]
    Cluster,
    /// It means another member.
    #[error("this member is {0}, not the one that was called")]
    Member(MemberId),
    /// It is this member itself, or says so.
    #[error("nobody calls itself")]
    Itself,
}

/// Why a call cannot be answered: it makes no sense, or this member has stopped. Either way nothing was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// It makes no sense.
    #[error("{0}")]
    Malformed(String),
    /// A state that was sent cannot be kept here.
    #[error("{0}")]
    NoRoom(String),
    /// Consensus has stopped here.
    #[error("this member is stopping")]
    Stopped,
}

impl From<Malformed> for NotTaken {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed.to_string())
    }
}

impl From<NotReceived> for NotTaken {
    fn from(not_received: NotReceived) -> Self {
        tracing::warn!(
            error = &not_received as &dyn std::error::Error,
            "a state of another member was not taken over"
        );
        match not_received {
            NotReceived::Malformed(malformed) => malformed.into(),
            NotReceived::GivenUp => Self::Stopped,
            error => Self::NoRoom(error.to_string()),
        }
    }
}

/// Has what a try received given up a while after it ended, however that was, unless another one goes on with it.
struct GivenUpLater {
    number: u64,
    door: Door,
}

impl Drop for GivenUpLater {
    fn drop(&mut self) {
        let (number, writing, contacts) =
            (self.number, self.door.writing.clone(), self.door.contacts.clone());
        self.door.strand.spawn(async move {
            contacts.sleep(transfer::KEPT).await;
            drop(writing.push(Part::GiveUp(number))); // a member that has stopped has given up everything
        });
    }
}

impl Door {
    /// Looks at who calls.
    ///
    /// # Errors
    /// It is not to be served.
    pub fn admit(&self, caller: &Caller) -> Result<(), TurnedAway> {
        if caller.cluster != self.cluster {
            return Err(TurnedAway::Cluster);
        }
        if caller.to != self.member {
            return Err(TurnedAway::Member(self.member));
        }
        if caller.from == self.member { Err(TurnedAway::Itself) } else { Ok(()) }
    }

    /// Who answers, from now on and until the replica stops, what is asked about leases.
    pub fn answer_for_leases(&self, desk: LeaseDesk) {
        *self.leases.lock() = Some(desk);
    }

    /// Takes entries and heartbeats of `from`. The answers come in order; the stream ends after a conflict or a higher vote, when a
    /// request makes no sense, and when this member stops. Dropping it ends the work.
    #[must_use]
    pub fn append(
        &self,
        from: MemberId,
        requests: BoxStream<'static, peer::AppendRequest>,
    ) -> BoxStream<'static, Result<peer::AppendReply, NotTaken>> {
        let (replies, taken) = mpsc::channel(REPLIES_MAX);
        let door = self.clone();
        // On the strand: openraft starts a task of its own for the stream, which is to live where the others do.
        self.strand.spawn(async move {
            let work = pin!(door.take_entries(from, requests, &replies));
            let _ = select(work, pin!(replies.closed())).await;
        });
        futures::stream::unfold(taken, |mut taken| async move { Some((taken.recv().await?, taken)) }).boxed()
    }

    async fn take_entries(
        &self,
        from: MemberId,
        requests: BoxStream<'static, peer::AppendRequest>,
        replies: &mpsc::Sender<Result<peer::AppendReply, NotTaken>>,
    ) {
        let (senseless, malformed) = oneshot::channel();
        let contacts = self.contacts.clone();
        let mut senseless = Some(senseless);
        let decoded = requests.map(move |request| {
            contacts.heard(from);
            codec::decode_append(&request)
        });
        let sound = decoded.scan((), move |(), request| {
            let request = request.map_err(|error| senseless.take().map(|senseless| senseless.send(error)));
            std::future::ready(request.ok())
        });
        let mut results = pin!(self.raft.stream_append(sound.boxed()));
        while let Some(result) = results.next().await {
            let reply =
                result.map(|result| codec::encode_append_reply(&result)).map_err(|_| NotTaken::Stopped);
            if replies.send(reply).await.is_err() {
                return;
            }
        }
        if let Ok(malformed) = malformed.await {
            drop(replies.send(Err(malformed.into())).await); // whoever sent it may have gone away
        }
    }

    /// Takes the whole state of `from`, which leads: answered once it is installed here.
    ///
    /// # Errors
    /// It was not: see [`NotTaken`].
    pub async fn snapshot(
        &self,
        from: MemberId,
        mut parts: BoxStream<'static, peer::SnapshotPart>,
    ) -> Result<peer::SnapshotReply, NotTaken> {
        self.contacts.heard(from);
        let head = match parts.next().await.and_then(|part| part.part) {
            Some(peer::snapshot_part::Part::Head(head)) => head,
            _ => return Err(Malformed("it has no head").into()),
        };
        let vote = codec::leaders_vote(head.vote)?;
        tracing::info!(%from, "receiving the state of another member: the log there does not reach back far enough");
        let incoming = Incoming { from, state: head.state };
        let number = transfer::begin(incoming, head.skipped, &self.writing).await?;
        let given_up_later = GivenUpLater { number, door: self.clone() };
        let prepared = transfer::receive(number, &mut parts, &self.writing).await?;
        drop(given_up_later);
        if prepared.applied() != head.last || head.membership.as_ref() != Some(prepared.membership()) {
            return Err(Malformed("it is not the state that its head names").into());
        }
        let last_membership = decode_stored_membership(prepared.membership().clone());
        let last_membership = last_membership.map_err(|_| Malformed("its membership makes no sense"))?;
        let meta =
            SnapshotMetaOf::<TypeConfig> { last_log_id: head.last.map(decode_log_id), last_membership };
        let snapshot = SnapshotOf::<TypeConfig, SnapshotView> {
            meta,
            snapshot: SnapshotView::Received(Box::new(prepared)),
        };
        let last = snapshot.meta.last_log_id;
        let reply = self.raft.install_full_snapshot(vote, snapshot).await.map_err(|_| NotTaken::Stopped)?;
        if let Some(last) = last {
            self.hold(last).await?;
        }
        Ok(peer::SnapshotReply { vote: Some(vote_message(&reply.vote)) })
    }

    /// Returns once all up to `last` is on disk here, in the log or in the state (law R8): openraft takes a state that brings nothing new
    /// for installed at once, also while what it has instead waits for the disk.
    async fn hold(&self, last: LogId) -> Result<(), NotTaken> {
        let (mut log, mut state) = (self.raft.watch_log_progress(), self.raft.watch_snapshot_progress());
        loop {
            let synced = log.get().and_then(|synced| synced.last_log_id);
            if synced >= Some(last) || state.get() >= Some(last) {
                return Ok(());
            }
            // The log may have been synced before this member started: nobody knows how far, but the engine can be asked.
            self.raft.trigger().snapshot().await.map_err(|_| NotTaken::Stopped)?;
            tokio::select! {
                biased;
                _ = log.changed() => {}
                _ = state.changed() => {}
                () = self.contacts.sleep(self.contacts.bound()) => {}
            }
        }
    }

    /// Answers one question of `from`.
    ///
    /// # Errors
    /// See [`NotTaken`].
    pub async fn call(&self, from: MemberId, question: Question) -> Result<Answer, NotTaken> {
        self.contacts.heard(from);
        match question {
            Question::Vote(request) => self.vote(request).await,
            Question::Transfer(request) => {
                let request = codec::decode_transfer(request)?;
                let accepted =
                    self.raft.handle_transfer_leader(request).await.map_err(|_| NotTaken::Stopped)?;
                Ok(Answer::Transfer(peer::TransferReply { accepted: accepted.is_ok() }))
            }
            Question::Propose(request) => self.propose(request).await,
            Question::ReadIndex(_) => self.read_index().await,
            Question::Probe(_) => {
                let removed = self.reader.newest().is_removed(from);
                Ok(Answer::Probe(peer::ProbeReply { removed }))
            }
            Question::Reconfigure(request) => self.reconfigure(request).await,
            Question::Resume(request) => {
                let incoming = Incoming { from, state: request.state };
                Ok(Answer::Resume(transfer::progress(incoming, &self.writing).await))
            }
            question @ (Question::KeepAlive(_) | Question::TimeToLive(_)) => {
                let desk = self.leases.lock().clone();
                let answer = match desk {
                    Some(desk) => desk(question).await,
                    None => None,
                };
                Ok(answer.unwrap_or(Answer::NotAnswered(peer::NotAnswered::NotLeader.into())))
            }
        }
    }

    async fn vote(&self, request: peer::VoteRequest) -> Result<Answer, NotTaken> {
        let is_pre_vote = request.is_pre_vote;
        let request = codec::decode_vote_request(request)?;
        let reply =
            if is_pre_vote { self.raft.pre_vote(request).await } else { self.raft.vote(request).await };
        let reply = reply.map_err(|_| NotTaken::Stopped)?;
        Ok(Answer::Vote(codec::encode_vote_reply(&reply)))
    }

    /// Ends once each command was applied here, refused, or lost sight of.
    async fn propose(&self, request: peer::ProposeRequest) -> Result<Answer, NotTaken> {
        forward::check(&request)?;
        let (fates, settled) = Fates::new();
        let mut next = 0;
        for envelopes in ENTRY.groups(request.envelopes, Bytes::len) {
            let positions = next..next + u32::try_from(envelopes.len()).map_err(|_| NotTaken::Stopped)?;
            next = positions.end;
            let rejection = Rejection::forwarded(fates.clone(), positions);
            let proposed = Proposed { envelopes };
            self.raft.client_write_ff(proposed, Some(rejection)).await.map_err(|_| NotTaken::Stopped)?;
        }
        drop(fates);
        let refused = settled.await.map_err(|_| NotTaken::Stopped)?;
        Ok(Answer::Propose(peer::ProposeReply { refused }))
    }

    /// Ends once the change is committed.
    async fn reconfigure(&self, request: peer::ReconfigureRequest) -> Result<Answer, NotTaken> {
        use peer::reconfigure_reply::Outcome;
        let change = request.change.ok_or(Malformed("it is no change that is known here"))?;
        let judged_by = request.judged_by.map(decode_log_id);
        let outcome = match members::change(&self.raft, judged_by, Change::decode(change)).await {
            members::Reply::Done(id) => Outcome::Done(encode_log_id(&id)),
            members::Reply::Refused(NotChanged::InProgress) => {
                Outcome::Refused(peer::NotReconfigured::InProgress.into())
            }
            members::Reply::Refused(NotChanged::NotInSync) => {
                Outcome::Refused(peer::NotReconfigured::NotInSync.into())
            }
            members::Reply::Refused(NotChanged::Unavailable(_)) => return Err(NotTaken::Stopped),
            members::Reply::NotLeader => return Ok(Answer::NotAnswered(peer::NotAnswered::NotLeader.into())),
        };
        Ok(Answer::Reconfigure(peer::ReconfigureReply { outcome: Some(outcome) }))
    }

    async fn read_index(&self) -> Result<Answer, NotTaken> {
        let (told, index) = oneshot::channel();
        let deadline = self.contacts.now() + self.contacts.bound();
        self.reads.push(Waiting::for_member(told, deadline)).map_err(|_| NotTaken::Stopped)?;
        Ok(match index.await {
            Ok(index) => Answer::ReadIndex(peer::ReadIndexReply { index }),
            Err(_) => Answer::NotAnswered(peer::NotAnswered::NotLeader.into()),
        })
    }
}
