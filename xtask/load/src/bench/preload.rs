//! Keys that are there before anything is measured.

use anyhow::bail;
use prost::Message;
use quorate_proto::etcdserverpb::request_op::Request;
use quorate_proto::etcdserverpb::{LeaseGrantRequest, PutRequest, RequestOp, TxnRequest};

use super::UNIMPLEMENTED;
use crate::grpc::{Method, Refused, What};
use crate::lines::Lines;
use crate::message;

/// Below etcd's limit of 128 operations a transaction.
const PUTS_PER_TXN: u64 = 100;
/// Calls under way together, over all lines: some megabytes of transactions, or enough puts for large batches.
const TXNS_UNDER_WAY: u64 = 32;
const PUTS_UNDER_WAY: u64 = 512;
/// The first byte of each key, and the byte after it: together the range that holds them all.
pub(crate) const ALL: (&str, &str) = ("p", "q");

/// The key of this number; they sort by it.
pub(crate) fn key(number: u64) -> String {
    format!("p/{number:08}")
}

/// What to write: puts over keys that come in turn, far apart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Writes {
    pub(crate) count: u64,
    pub(crate) keys: u64,
    pub(crate) value_bytes: usize,
}

/// Prime, so that writes over any number of keys below it meet them all.
const STRIDE: u64 = 10_000_019;

impl Writes {
    fn put(&self, number: u64) -> PutRequest {
        let value = vec![b'v'; self.value_bytes];
        let key = key(number * STRIDE % self.keys);
        PutRequest { key: key.into(), value: value.into(), ..PutRequest::default() }
    }
}

/// Writes many at once, a revision for a hundred; with single puts if the server knows no transactions. Gives the
/// newest revision.
pub(crate) fn packed(lines: &mut Lines, writes: Writes) -> anyhow::Result<i64> {
    let per_txn = PUTS_PER_TXN.min(writes.keys);
    let calls = Calls { count: writes.count.div_ceil(per_txn), under_way: TXNS_UNDER_WAY };
    let packed = many(lines, calls, |call, message| {
        let numbers = call * per_txn..((call + 1) * per_txn).min(writes.count);
        let put = |number| RequestOp { request: Some(Request::RequestPut(writes.put(number))) };
        let success = numbers.map(put).collect();
        TxnRequest { success, ..TxnRequest::default() }.encode(message).expect("a vector grows");
        Method::Txn
    });
    match packed {
        Err(error) if is_unimplemented(&error) => single(lines, writes),
        packed => packed,
    }
}

/// Single puts, each a revision of its own. Gives the newest revision.
pub(crate) fn single(lines: &mut Lines, writes: Writes) -> anyhow::Result<i64> {
    let calls = Calls { count: writes.count, under_way: PUTS_UNDER_WAY };
    many(lines, calls, |number, message| {
        writes.put(number).encode(message).expect("a vector grows");
        Method::Put
    })
}

/// The lease of this number.
pub(crate) fn lease_id(number: u64) -> i64 {
    i64::try_from(number + 1).expect("fewer leases than that")
}

/// Leases of one time, many at once.
pub(crate) fn leases(lines: &mut Lines, count: u64, ttl_seconds: i64) -> anyhow::Result<()> {
    let calls = Calls { count, under_way: PUTS_UNDER_WAY };
    many(lines, calls, |number, message| {
        let request = LeaseGrantRequest { ttl: ttl_seconds, id: lease_id(number) };
        request.encode(message).expect("a vector grows");
        Method::LeaseGrant
    })
    .map(drop)
}

fn is_unimplemented(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Refused>().is_some_and(|refused| refused.code == UNIMPLEMENTED)
}

#[derive(Debug, Clone, Copy)]
struct Calls {
    count: u64,
    under_way: u64,
}

/// A refusal is returned once nothing is under way any more.
fn many(
    lines: &mut Lines,
    calls: Calls,
    mut write: impl FnMut(u64, &mut Vec<u8>) -> Method,
) -> anyhow::Result<i64> {
    let mut newest = 0;
    let (mut sent, mut under_way) = (0, 0);
    let mut refusal = None;
    let mut message = Vec::new();
    while under_way > 0 || (sent < calls.count && refusal.is_none()) {
        while sent < calls.count && under_way < calls.under_way && refusal.is_none() {
            message.clear();
            let method = write(sent, &mut message);
            let line = usize::try_from(sent)? % lines.len();
            lines.call(line, 0, method, &message);
            sent += 1;
            under_way += 1;
        }
        match lines.next()?.1.what {
            What::Reply(reply) => newest = newest.max(message::revision(reply.bytes())?),
            What::End(refused) => refusal = Some(refused),
            What::Message(_) => bail!("a message on a call that is not a stream"),
        }
        under_way -= 1;
    }
    refusal.map_or(Ok(newest), |refused| Err(refused.into()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_key_is_written_once_before_any_again() {
        for keys in [1, 7, 10_000] {
            let writes = Writes { count: 2 * keys, keys, value_bytes: 1 };
            let first: BTreeSet<_> = (0..keys).map(|number| writes.put(number).key).collect();
            let again: BTreeSet<_> = (keys..2 * keys).map(|number| writes.put(number).key).collect();
            assert_eq!(first.len(), usize::try_from(keys).unwrap());
            assert_eq!(first, again);
            assert!(first.iter().all(|key| (ALL.0.as_bytes()..ALL.1.as_bytes()).contains(&&key[..])));
        }
    }
}
