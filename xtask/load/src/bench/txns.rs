//! Kubernetes' optimistic update: if the key's mod revision is still what I saw, put, else show it to me.
//!
//! Each client has keys of its own and remembers their revisions, so nearly all succeed, as in a cluster at rest;
//! the first write of a key expects revision 0, as Kubernetes' create does.

use prost::Message;
use quorate_proto::etcdserverpb::compare::{CompareResult, CompareTarget, TargetUnion};
use quorate_proto::etcdserverpb::request_op::Request;
use quorate_proto::etcdserverpb::{Compare, PutRequest, RangeRequest, RequestOp, TxnRequest};

use super::closed::Source;
use crate::grpc::Method;
use crate::ledger::{KEYS, Ledger};
use crate::message::TxnReply;

#[derive(Debug)]
pub(crate) struct Txns {
    ledgers: Vec<Ledger>,
    /// By client and key: the mod revision that the client believes in.
    seen: Vec<Vec<i64>>,
    failed: u64,
}

impl Txns {
    pub(crate) fn new(clients: u32, value_bytes: usize) -> Txns {
        let ledgers = Ledger::of_all(clients, value_bytes);
        let keys = usize::try_from(KEYS).expect("KEYS is small");
        Txns { seen: vec![vec![0; keys]; ledgers.len()], ledgers, failed: 0 }
    }

    pub(crate) fn ledgers(&self) -> &[Ledger] {
        &self.ledgers
    }

    pub(crate) fn failed(&self) -> u64 {
        self.failed
    }
}

impl Source for Txns {
    fn request(&mut self, client: usize, message: &mut Vec<u8>) -> Method {
        let ledger = &mut self.ledgers[client];
        let (key, value) = ledger.next();
        let expected = self.seen[client][ledger.key()];
        update(key, value, expected).encode(message).expect("a vector grows");
        Method::Txn
    }

    fn reply(&mut self, client: usize, reply: &[u8]) -> anyhow::Result<()> {
        let reply = TxnReply::read(reply)?;
        let ledger = &mut self.ledgers[client];
        let seen = &mut self.seen[client][ledger.key()];
        if reply.succeeded {
            *seen = reply.revision;
            ledger.acknowledge(reply.revision);
        } else {
            *seen = reply.mod_revision;
            self.failed += 1;
        }
        Ok(())
    }
}

fn update(key: String, value: Vec<u8>, expected: i64) -> TxnRequest {
    let key = bytes::Bytes::from(key);
    let compare = Compare {
        result: CompareResult::Equal.into(),
        target: CompareTarget::Mod.into(),
        key: key.clone(),
        target_union: Some(TargetUnion::ModRevision(expected)),
        ..Compare::default()
    };
    let put = PutRequest { key: key.clone(), value: value.into(), ..PutRequest::default() };
    let range = RangeRequest { key, ..RangeRequest::default() };
    TxnRequest {
        compare: vec![compare],
        success: vec![RequestOp { request: Some(Request::RequestPut(put)) }],
        failure: vec![RequestOp { request: Some(Request::RequestRange(range)) }],
    }
}

#[cfg(test)]
mod tests;
