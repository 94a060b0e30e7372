//! How a lease is stored: etcd's `leasepb.Lease` under its id, eight bytes big-endian (law L3).

use crate::table::Lease;
use bytes::Bytes;
use prost::Message;
use quorate_proto::leasepb;
use quorate_types::LeaseId;

/// Why a table cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The engine failed.
    #[error("read the leases")]
    Storage(#[from] quorate_storage::Error),
    /// A record is no lease.
    #[error("a stored lease cannot be decoded")]
    Corrupt,
}

pub(crate) fn key(id: LeaseId) -> Bytes {
    Bytes::copy_from_slice(&id.0.to_be_bytes())
}

pub(crate) fn encode(id: LeaseId, lease: &Lease) -> Bytes {
    let record = leasepb::Lease {
        id: id.0,
        ttl: lease.ttl_seconds,
        remaining_ttl: lease.remaining_seconds.unwrap_or(0),
    };
    Bytes::from(record.encode_to_vec())
}

pub(crate) fn decode(key: &[u8], record: &[u8]) -> Option<(LeaseId, Lease)> {
    let id = LeaseId(i64::from_be_bytes(key.try_into().ok()?));
    let record = leasepb::Lease::decode(record).ok().filter(|record| record.id == id.0)?;
    let remaining_seconds = (record.remaining_ttl > 0).then_some(record.remaining_ttl);
    Some((id, Lease { ttl_seconds: record.ttl, remaining_seconds, keys: Default::default() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_stored_as_etcd_stores_it() {
        let lease = Lease { ttl_seconds: 60, remaining_seconds: Some(7), keys: Default::default() };
        let id = LeaseId(0x1234);
        assert_eq!(key(id).as_ref(), [0, 0, 0, 0, 0, 0, 0x12, 0x34]);
        assert_eq!(encode(id, &lease).as_ref(), [0x08, 0xb4, 0x24, 0x10, 60, 0x18, 7]);
        assert_eq!(decode(&key(id), &encode(id, &lease)), Some((id, lease)));
        assert_eq!(decode(&key(LeaseId(1)), &encode(id, &Lease::of(5))), None, "stored under another id");
        assert_eq!(decode(b"short", b""), None);
    }
}
