//! A client's leases: one at a time, granted, used, kept alive, and given back or forgotten.

use quorate_proto::etcdserverpb::lease_client::LeaseClient;
use quorate_proto::etcdserverpb::{LeaseGrantRequest, LeaseKeepAliveRequest};
use quorate_testkit::{Ask, LeaseId, Operation, Outcome, Step};
use tonic::Status;
use tonic::codegen::tokio_stream;
use tonic::transport::Channel;

use super::client::{Client, REPLY_WITHIN};

/// In seconds. etcd's servers give no less than an election time-out and a half, which is 2 s.
const TTL: std::ops::Range<u64> = 2..5;
/// Leases of one client; a history grants no id twice.
const LEASES_MAX: i64 = 1 << 20;

#[derive(Debug)]
pub(super) struct Tenancy {
    lease: Option<LeaseId>,
    next: LeaseId,
}

impl Tenancy {
    pub(super) fn new(client: u32) -> Tenancy {
        Tenancy { lease: None, next: LeaseId((i64::from(client) + 1) * LEASES_MAX) }
    }
}

impl Client {
    /// One call for its lease, or for a new one.
    pub(super) async fn tenant_call(&mut self, at: usize, channel: Channel) {
        let Some(lease) = self.tenancy.lease else {
            let ttl = TTL.start + self.random.below(TTL.end - TTL.start);
            return self.grant(at, channel, ttl.cast_signed()).await;
        };
        match self.random.below(20) {
            0..9 => {
                let (key, value) = (self.leased_key(), self.value());
                let step = Step::Put { key, value, lease, prev_kv: false };
                if let Outcome::Refused(_) = self.call((at, channel), Operation::Step(step)).await {
                    self.tenancy.lease = None;
                }
            }
            9..16 => self.keep_alive(at, channel, lease).await,
            16..18 => {
                self.tenancy.lease = None;
                self.call((at, channel), Operation::Revoke { lease }).await;
            }
            _ => self.tenancy.lease = None,
        }
    }

    async fn grant(&mut self, at: usize, channel: Channel, ttl: i64) {
        let lease = self.tenancy.next;
        self.tenancy.next = LeaseId(lease.0 + 1);
        let ask = self.shared.recorder.borrow_mut().ask(lease, Ask::Grant { ttl });
        let mut leases = LeaseClient::new(channel);
        let granted = leases.lease_grant(LeaseGrantRequest { id: lease.0, ttl });
        match tokio::time::timeout(REPLY_WITHIN, granted).await {
            Ok(Ok(said)) => {
                let said = said.into_inner();
                let mut recorder = self.shared.recorder.borrow_mut();
                if said.id != lease.0 || said.ttl < ttl {
                    recorder.wrong(format!("a grant of lease {lease} for {ttl} s was answered {said:?}"));
                }
                recorder.ttl(ask, said.ttl);
                self.tenancy.lease = Some(lease);
            }
            // Whether it lives is not known, and nothing will hang on it.
            Ok(Err(_)) | Err(_) => self.links.forget(at),
        }
    }

    async fn keep_alive(&mut self, at: usize, channel: Channel, lease: LeaseId) {
        let ask = self.shared.recorder.borrow_mut().ask(lease, Ask::KeepAlive);
        match tokio::time::timeout(REPLY_WITHIN, keep_alive(channel, lease)).await {
            Ok(Ok(ttl)) => {
                self.shared.recorder.borrow_mut().ttl(ask, ttl);
                if ttl <= 0 {
                    self.tenancy.lease = None;
                }
            }
            Ok(Err(_)) | Err(_) => self.links.forget(at),
        }
    }
}

/// The TTL it has now; 0 if there is no such lease.
async fn keep_alive(channel: Channel, lease: LeaseId) -> Result<i64, Status> {
    let request = tokio_stream::once(LeaseKeepAliveRequest { id: lease.0 });
    let mut answers = LeaseClient::new(channel).lease_keep_alive(request).await?.into_inner();
    let answer = answers.message().await?.ok_or_else(|| Status::unavailable("the stream has ended"))?;
    if answer.id != lease.0 {
        return Err(Status::internal("an answer about another lease"));
    }
    Ok(answer.ttl)
}
