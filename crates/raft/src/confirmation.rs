//! What a leader has to ask before it may answer a read: whether it still leads, of a quorum.
//!
//! ReadIndex (Ongaro's thesis, section 6.4). openraft has it too, but takes for a quorum's word what was said before it was asked: an
//! acknowledgement of a log position counts for the newest request that ends there, and one without entries ends where the request before
//! it does. A leader that was stopped meanwhile found such acknowledgements waiting, and gave an index that its successor had left behind
//! (`docs/decisions/0014-read-index.md`). So openraft only says what is committed here; the quorum is asked with heartbeats of our own.
//!
//! To open a stream costs both members more than what goes over it: one stays open to each voter, with at most one request on its way.

use crate::codec::peer;
use crate::contacts::Contacts;
use crate::machine::Machine;
use crate::transport::{Broken, Purpose, Replies, Target, Transport};
use crate::types::{StoredMembership, TypeConfig, Vote};
use futures::FutureExt;
use futures::future::join;
use futures::stream::{BoxStream, StreamExt};
use openraft::Raft;
use openraft::errors::{Fatal, ForwardToLeader, LinearizableReadError, RaftError};
use openraft::raft::AppendEntriesRequest;
use openraft::raft::linearizable_read::LinearizerOption;
use quorate_proto::peer::AppendRequest;
use quorate_tasks::{Clock, Moment, Strand, timeout};
use quorate_types::MemberId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::mpsc;

/// What a round came to.
pub(crate) enum Round {
    /// A quorum confirmed it: whoever has applied this is current.
    Index(u64),
    /// This member does not lead; another one may.
    Elsewhere(Box<ForwardToLeader<TypeConfig>>),
    /// Nobody could tell.
    Nobody,
    Stopped,
}

/// Asks; one round after the other.
pub(crate) struct Confirmation {
    raft: Raft<TypeConfig, Machine>,
    member: MemberId,
    transport: Arc<dyn Transport>,
    contacts: Contacts,
    clock: Arc<dyn Clock>,
    /// Where each voter is asked, by a task of its own: one that nobody polls could keep what the transport lent it.
    strand: Strand,
    answers: (mpsc::UnboundedSender<Asked>, mpsc::UnboundedReceiver<Asked>),
    /// Who is being asked: as many answers may wait.
    busy: BTreeSet<u64>,
    /// Those on which everything was answered.
    lines: BTreeMap<u64, Line>,
    round: u64,
}

/// An open stream to a voter.
struct Line {
    target: Target,
    requests: mpsc::Sender<AppendRequest>,
    replies: Replies,
}

/// How one voter was asked, and what came of it.
struct Asked {
    voter: u64,
    round: u64,
    /// Whether it still follows.
    follows: bool,
    line: Option<Line>,
}

/// What this member leads with: its position, and who has to agree.
struct Leading {
    index: u64,
    vote: Vote,
    membership: Arc<StoredMembership>,
}

impl Confirmation {
    pub(crate) fn new(
        raft: Raft<TypeConfig, Machine>,
        member: MemberId,
        transport: Arc<dyn Transport>,
        contacts: Contacts,
        clock: Arc<dyn Clock>,
        strand: Strand,
    ) -> Self {
        let (answers, busy, lines) = (mpsc::unbounded_channel(), BTreeSet::new(), BTreeMap::new());
        Self { raft, member, transport, contacts, clock, strand, answers, busy, lines, round: 0 }
    }

    /// R5: the index that was committed here at a moment after this was called, once a quorum has said, after that moment, that it
    /// follows no later leader. Takes an election time-out at most.
    pub(crate) async fn round(&mut self) -> Round {
        let until = self.clock.now() + self.contacts.bound();
        let clock = self.clock.clone();
        let leading = match timeout(clock.as_ref(), until, self.leading()).await {
            Ok(Ok(leading)) => leading,
            Ok(Err(round)) => {
                self.lines.clear();
                return round;
            }
            Err(_) => return Round::Nobody,
        };
        if self.is_followed(&leading, until).await { Round::Index(leading.index) } else { Round::Nobody }
    }

    async fn leading(&mut self) -> Result<Leading, Round> {
        // Only a leader answers, and at once if it was heard of lately, by its own clock: whether it still leads is asked below.
        let option = LinearizerOption::new(None, true).with_wait_timeout(self.contacts.bound());
        let asking = self.raft.get_read_linearizer(option);
        // Openraft takes both in this order: the membership is that of this moment, or of a later one.
        let membership = self.raft.with_raft_state(|state| state.membership_state.effective().clone());
        let (position, membership) = join(asking, membership).await;
        let position = position.map_err(|error| match error {
            RaftError::APIError(LinearizableReadError::ForwardToLeader(leader)) => {
                Round::Elsewhere(Box::new(leader))
            }
            RaftError::APIError(LinearizableReadError::QuorumNotEnough(_)) => Round::Nobody,
            RaftError::Fatal(_) => Round::Stopped,
        })?;
        let membership = membership.map_err(|_: Fatal<TypeConfig>| Round::Stopped)?;
        let position = position.read_log_id().log_id();
        let vote = Vote::new_committed(position.leader_id.term, self.member.0);
        Ok(Leading { index: position.index, vote, membership })
    }

    /// Whether a quorum says so before `until`.
    async fn is_followed(&mut self, leading: &Leading, until: Moment) -> bool {
        self.round += 1;
        let mut agreed = BTreeSet::from([self.member.0]);
        if is_quorum(&agreed, &leading.membership) {
            return true;
        }
        let voters: BTreeSet<u64> = leading.membership.voter_ids().collect();
        self.lines.retain(|member, _| voters.contains(member));
        voters.iter().for_each(|voter| self.ask(*voter, leading));
        let clock = self.clock.clone();
        while !self.busy.is_empty() {
            let answer = timeout(clock.as_ref(), until, self.answers.1.recv()).await;
            let Ok(Some(Asked { voter, round, follows, line })) = answer else { return false };
            self.busy.remove(&voter);
            if let Some(line) = line {
                self.lines.insert(voter, line);
            }
            if round < self.round {
                self.ask(voter, leading); // that was about an earlier moment
                continue;
            }
            if follows {
                agreed.insert(voter);
            }
            if is_quorum(&agreed, &leading.membership) {
                return true;
            }
        }
        false
    }

    /// Asks `voter`, unless it has been asked and has not answered yet.
    fn ask(&mut self, voter: u64, leading: &Leading) {
        let Some(node) = leading.membership.get_node(&voter) else { return };
        if voter == self.member.0 || !self.busy.insert(voter) {
            return;
        }
        let target = Target { member: MemberId(voter), node: node.clone() };
        let line = self.lines.remove(&voter).filter(|line| line.target == target).and_then(Line::if_quiet);
        let request = peer::encode_append(&AppendEntriesRequest {
            vote: leading.vote,
            prev_log_id: None,
            entries: Vec::new(),
            leader_commit: None,
        });
        let (transport, contacts, clock) =
            (self.transport.clone(), self.contacts.clone(), self.clock.clone());
        let (round, answers) = (self.round, self.answers.0.clone());
        self.strand.spawn(async move {
            let until = clock.now() + contacts.bound();
            let exchange = exchange(line, target, request, transport.as_ref());
            let answer = timeout(clock.as_ref(), until, exchange).await;
            let (follows, line) = match answer {
                Ok(Ok((follows, line))) => {
                    contacts.heard(line.target.member);
                    (follows, follows.then_some(line)) // the other side ends it after anything else
                }
                // Whoever gives up an answer gives up the stream: a late one is never taken for the next.
                Ok(Err(_)) | Err(_) => (false, None),
            };
            drop(answers.send(Asked { voter, round, follows, line })); // nobody reads here any more
        });
    }
}

impl Line {
    /// Itself, if nothing has come since the last answer: no error, no end, nothing that was not asked for.
    fn if_quiet(mut self) -> Option<Self> {
        self.replies.next().now_or_never().is_none().then_some(self)
    }

    /// The first request is there before the stream is: it goes along with its opening.
    async fn open(target: Target, request: AppendRequest, transport: &dyn Transport) -> Result<Self, Broken> {
        let (requests, sent) = mpsc::channel(1);
        drop(requests.try_send(request)); // there is room, and whoever receives it
        let replies = transport.append(&target, Purpose::Heartbeat, requests_of(sent)).await?;
        Ok(Self { target, requests, replies })
    }
}

fn requests_of(sent: mpsc::Receiver<AppendRequest>) -> BoxStream<'static, AppendRequest> {
    futures::stream::unfold(sent, |mut sent| async move { Some((sent.recv().await?, sent)) }).boxed()
}

/// Whether whoever answers follows no later leader, and the stream it was asked on: `line`, or a new one.
async fn exchange(
    line: Option<Line>,
    target: Target,
    request: AppendRequest,
    transport: &dyn Transport,
) -> Result<(bool, Line), Broken> {
    let ended = || Broken::Unanswered("the stream has ended".into());
    let mut line = match line {
        Some(line) => {
            line.requests.try_send(request).map_err(|_| ended())?;
            line
        }
        None => Line::open(target, request, transport).await?,
    };
    let reply = line.replies.next().await.ok_or_else(ended)??;
    Ok((matches!(peer::decode_append_reply(reply), Ok(Ok(_))), line))
}

/// Whether `members` are more than half of those with a vote, in both memberships if one is giving way to another.
fn is_quorum(members: &BTreeSet<u64>, membership: &StoredMembership) -> bool {
    let is_majority = |voters: &BTreeSet<u64>| voters.intersection(members).count() > voters.len() / 2;
    membership.get_joint_config().iter().all(is_majority)
}
