//! The members, each with a connection for questions.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use quorate_proto::etcdserverpb::cluster_client::ClusterClient;
use quorate_proto::etcdserverpb::maintenance_client::MaintenanceClient;
use quorate_proto::etcdserverpb::{MemberAddRequest, MoveLeaderRequest, StatusRequest};
use tokio::time::sleep;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

use super::moment::now;

/// Whoever is asked answers within this, or does not.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// Elections with long time-outs end within this, and members that were restarted are level.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(2);

#[derive(Debug)]
pub(crate) struct Members {
    endpoints: Vec<String>,
    channels: Vec<Channel>,
}

/// How a member sees the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) member: u64,
    /// 0 if it knows of none.
    pub(crate) leader: u64,
    /// The last entry it knows of, and the last it has applied.
    pub(crate) index: u64,
    pub(crate) applied: u64,
    pub(crate) is_learner: bool,
}

impl Members {
    /// Nothing is connected before it is asked: a member may not have been started yet.
    pub(crate) fn new(endpoints: &[String]) -> anyhow::Result<Members> {
        let channel = |endpoint: &String| {
            let endpoint = Endpoint::from_shared(endpoint.clone())?;
            anyhow::Ok(endpoint.tcp_nodelay(true).connect_timeout(ANSWER_WITHIN).connect_lazy())
        };
        let channels = endpoints.iter().map(channel).collect::<anyhow::Result<_>>()?;
        Ok(Members { endpoints: endpoints.to_vec(), channels })
    }

    pub(crate) fn all(&self) -> Vec<usize> {
        (0..self.endpoints.len()).collect()
    }

    pub(crate) fn endpoints_of(&self, members: &[usize]) -> Vec<String> {
        members.iter().map(|&member| self.endpoints[member].clone()).collect()
    }

    pub(crate) async fn seen_by(&self, member: usize) -> Result<Seen, Status> {
        let mut client = MaintenanceClient::new(self.channels[member].clone());
        let mut request = tonic::Request::new(StatusRequest::default());
        request.set_timeout(ANSWER_WITHIN);
        let asking = tokio::time::timeout(ANSWER_WITHIN, client.status(request));
        let status = asking.await.map_err(|_| Status::deadline_exceeded("no answer"))??.into_inner();
        Ok(Seen {
            member: status.header.map_or(0, |header| header.member_id),
            leader: status.leader,
            index: status.raft_index,
            applied: status.raft_applied_index,
            is_learner: status.is_learner,
        })
    }

    /// Which of `members` leads, once all of them say the same.
    pub(crate) async fn leader(&self, members: &[usize]) -> anyhow::Result<usize> {
        let begun = now();
        while now() < begun + SETTLED_WITHIN {
            if let Some(leader) = self.agreed_leader(members).await {
                return Ok(leader);
            }
            sleep(POLL).await;
        }
        bail!("the members agree on no leader within {SETTLED_WITHIN:?}")
    }

    async fn agreed_leader(&self, members: &[usize]) -> Option<usize> {
        let mut seen = Vec::new();
        for &member in members {
            seen.push(self.seen_by(member).await.ok()?);
        }
        let leader = seen.first()?.leader;
        let agree = leader != 0 && seen.iter().all(|seen| seen.leader == leader);
        let at = seen.iter().position(|seen| agree && seen.member == leader)?;
        Some(members[at])
    }

    /// Once `member` has a vote and has applied all that `leader` had when it was asked; and when that was.
    pub(crate) async fn level(
        &self,
        member: usize,
        leader: usize,
        within: Duration,
    ) -> anyhow::Result<Duration> {
        let begun = now();
        while now() < begun + within {
            let goal = self.seen_by(leader).await.context("ask the member that leads")?.index;
            if let Ok(seen) = self.seen_by(member).await
                && seen.applied >= goal
                && !seen.is_learner
            {
                return Ok(now());
            }
            sleep(POLL).await;
        }
        bail!("member {member} is not level after {within:?}")
    }

    /// A member that was started again, level with the others.
    pub(crate) async fn recovered(&self, member: usize) -> anyhow::Result<()> {
        let others: Vec<usize> = self.all().into_iter().filter(|&other| other != member).collect();
        let leader = self.leader(&others).await?;
        self.level(member, leader, SETTLED_WITHIN).await.map(drop)
    }

    /// Has `target` lead instead of `leader`; gives the moment before.
    pub(crate) async fn move_leader(&self, leader: usize, target: usize) -> anyhow::Result<Duration> {
        let target_id = self.seen_by(target).await?.member;
        let mut client = MaintenanceClient::new(self.channels[leader].clone());
        let asked = now();
        client.move_leader(MoveLeaderRequest { target_id }).await?;
        Ok(asked)
    }

    /// Asks `member` to add one with a vote.
    pub(crate) async fn add(&self, member: usize, peer_url: &str) -> anyhow::Result<()> {
        let mut client = ClusterClient::new(self.channels[member].clone());
        let request = MemberAddRequest { peer_urls: vec![peer_url.to_owned()], is_learner: false };
        let added = client.member_add(request).await?.into_inner();
        ensure!(added.member.is_some(), "a member was added and not shown");
        Ok(())
    }
}
