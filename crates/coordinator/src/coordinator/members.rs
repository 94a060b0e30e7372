//! Who belongs to the cluster, and who leads it.

use super::Coordinator;
use crate::call::Call;
use crate::consensus::{NotMoved, NotReconfigured, Reconfiguration};
use crate::error::{Error, Invalid};
use crate::membership::{self, Contact};
use crate::peer_url;
use quorate_state_machine::{Member, Published};
use quorate_types::MemberId;
use std::time::Duration;

/// How long a change waits for another one before it is judged anew.
const PAUSE: Duration = Duration::from_millis(50);

impl Coordinator {
    /// The members of the cluster, by id: all that was acknowledged before (law C4), or, if not `linearizable`, those this
    /// member knows of.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn members(&self, call: &Call, linearizable: bool) -> Result<Vec<Member>, Error> {
        if linearizable {
            self.confirm(call).await?;
        }
        Ok(self.listed())
    }

    /// Whether this member is a learner: then it serves only what needs no vote. One that was removed is none.
    ///
    /// Cost: one look-up among the members; no lock, no reference is counted.
    #[must_use]
    pub fn is_learner(&self) -> bool {
        self.reader().is_learner(self.member())
    }

    /// Every other member that this one knows of, and whether it is in contact with it.
    #[must_use]
    pub fn peers(&self) -> Vec<(MemberId, bool)> {
        let ids = self.reader().newest().members().map(|member| MemberId(member.id)).collect::<Vec<_>>();
        let others = ids.into_iter().filter(|id| *id != self.member());
        others.map(|id| (id, self.shared.consensus.active_since(id).is_some())).collect()
    }

    /// Adds a member that others will reach at `peer_urls`. Returns its id and the members, by id.
    ///
    /// # Errors
    /// See [`Error`]; after a time-out it may or may not have been added.
    pub async fn member_add(
        &self,
        call: &Call,
        peer_urls: &[String],
        is_learner: bool,
    ) -> Result<(MemberId, Vec<Member>), Error> {
        let peer_urls = peer_url::all(peer_urls).ok_or(Invalid::PeerUrls)?;
        let member = membership::new_member_id(&peer_urls, self.clock().wall().as_secs());
        let members = self.reconfigure(call, Reconfiguration::Add { member, peer_urls, is_learner }).await?;
        Ok((member, members))
    }

    /// Makes a voter of a learner that has caught up with the leader. Returns the members, by id.
    ///
    /// # Errors
    /// See [`Error`]; after a time-out it may or may not have been done.
    pub async fn member_promote(&self, call: &Call, member: MemberId) -> Result<Vec<Member>, Error> {
        self.reconfigure(call, Reconfiguration::Promote { member }).await
    }

    /// Removes a member for ever. Returns the members that are left, by id.
    ///
    /// # Errors
    /// See [`Error`]; after a time-out it may or may not have been removed.
    pub async fn member_remove(&self, call: &Call, member: MemberId) -> Result<Vec<Member>, Error> {
        let mut left = self.reconfigure(call, Reconfiguration::Remove { member }).await?;
        left.retain(|other| other.id != member.0); // who removes itself may not see it any more
        Ok(left)
    }

    /// Says where others reach a member from now on; as in etcd nobody asks whether these are URLs. Returns the members, by
    /// id.
    ///
    /// # Errors
    /// See [`Error`]; after a time-out it may or may not have been done.
    pub async fn member_update(
        &self,
        call: &Call,
        member: MemberId,
        peer_urls: Vec<String>,
    ) -> Result<Vec<Member>, Error> {
        self.reconfigure(call, Reconfiguration::Update { member, peer_urls }).await
    }

    /// Hands leadership over to `target`, and returns once this member sees that it leads.
    ///
    /// # Errors
    /// This member does not lead, `target` has no vote, or there is another reason. etcd: `EtcdServer.moveLeader`; unlike
    /// there, a call whose client sets no deadline does not wait for ever (law C3).
    pub async fn move_leader(&self, call: &Call, target: MemberId) -> Result<(), NotMoved> {
        if self.standing().leader != Some(self.member()) {
            return Err(NotMoved::NotLeader);
        }
        if !has_vote(&self.reader().newest(), target) {
            return Err(NotMoved::BadTransferee);
        }
        if target == self.member() {
            return Ok(());
        }
        let moved = self.shared.consensus.move_leader(target, call.deadline);
        self.by_deadline(call, moved).await.unwrap_or(Err(NotMoved::TimedOut))
    }

    fn listed(&self) -> Vec<Member> {
        self.reader().newest().members().cloned().collect()
    }

    /// Has one change judged and made; one that another change overtakes is judged anew, until its deadline.
    async fn reconfigure(&self, call: &Call, change: Reconfiguration) -> Result<Vec<Member>, Error> {
        let clock = self.clock();
        loop {
            self.check_quorum(&change)?;
            self.confirm(call).await.map_err(|error| self.in_proposal_words(call, error))?;
            let made = {
                let newest = self.reader().newest();
                membership::fits(&change, &newest, self.limits().learners_max)?;
                self.shared.consensus.reconfigure(change.clone(), call.deadline)
            };
            match self.by_deadline(call, made).await.unwrap_or_else(|reason| Err(reason.into())) {
                Ok(()) => return Ok(self.listed()),
                Err(NotReconfigured::NotInSync) => return Err(membership::Refusal::LearnerNotReady.into()),
                Err(NotReconfigured::Unavailable(reason)) => return Err(self.told(call, reason).into()),
                Err(NotReconfigured::InProgress) => {
                    let rest = clock.sleep_until(clock.now() + PAUSE);
                    self.by_deadline(call, rest).await.map_err(|reason| self.told(call, reason))?;
                }
            }
        }
    }

    /// A time-out is told as that of a proposal, whichever step it was that took so long.
    fn in_proposal_words(&self, call: &Call, error: Error) -> Error {
        match error {
            Error::Unavailable(reason) => self.told(call, reason).into(),
            error => error,
        }
    }

    /// Strict reconfiguration, if it is switched on: by what this member sees now, as in etcd before anything is agreed on.
    fn check_quorum(&self, change: &Reconfiguration) -> Result<(), membership::Refusal> {
        if !self.limits().strict_reconfiguration {
            return Ok(());
        }
        let since = |other| self.shared.consensus.active_since(other);
        let contact = Contact { here: self.member(), now: self.clock().now(), since: &since };
        membership::keeps_quorum(change, &self.reader().newest(), &contact)
    }
}

/// Whether `member` can be elected: one that waits for its vote cannot, though it is listed as a voter.
fn has_vote(members: &Published, member: MemberId) -> bool {
    let is_voter = members.member(member).is_some_and(|member| !member.is_learner);
    is_voter && !members.is_pending_voter(member)
}
