//! The whole state on its way to another member, in parts.
//!
//! The sender reads a view, part by part, as the receiver takes them: nothing is copied before, and writes go on. The receiver
//! fills a state beside its own, which it installs once all parts have come and their sums are right. Reading and
//! writing are steps of their own, since both may wait for a disk.
//!
//! If the way breaks, what has arrived is kept for a while ([`KEPT`]), and the next try goes on behind it, provided that it is of the same
//! state: while one is on its way, and for as long after, the sender makes no newer one and keeps its log ([`Outgoing`]).

mod outgoing;
mod reading;
mod writing;

pub(crate) use outgoing::Outgoing;
pub(crate) use reading::{ReadPart, Reading, parts};
pub(crate) use writing::{Incoming, Part, Writing, begin, progress, receive};

use crate::codec::peer::Malformed;
use bytes::Bytes;
use quorate_proto::peer::{SnapshotEnd, SnapshotRecords};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// Parts are about so long.
const PART_BYTES: usize = 1 << 20;

/// How long either side waits for another try, after one that broke. etcd keeps its log for as long after a snapshot was sent.
pub(crate) const KEPT: Duration = Duration::from_secs(30);

/// What both sides count, so that they can compare: see `SnapshotRecords` in `proto/quorate/peer.proto`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Sum {
    sha256: Bytes,
    records: u64,
}

impl Sum {
    /// The sum with one part more.
    fn with(&self, part: &SnapshotRecords) -> Self {
        let mut digest = Sha256::new();
        digest.update(&self.sha256);
        for record in &part.records {
            let fields = [part.space.as_bytes(), &record.key, &record.value];
            for field in fields {
                digest.update(u32::try_from(field.len()).unwrap_or(u32::MAX).to_be_bytes());
            }
            fields.iter().for_each(|field| digest.update(field));
        }
        Self { sha256: digest.finalize().to_vec().into(), records: self.records + part.records.len() as u64 }
    }

    fn end(self) -> SnapshotEnd {
        SnapshotEnd { records: self.records, sha256: self.sha256 }
    }
}

/// Why a state was not taken over. The one that was there before still is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotReceived {
    /// The parts make no state.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The engine has no room for it.
    #[error("store a received state")]
    Storage(#[from] quorate_storage::Error),
    /// It cannot be read, or is of a newer format.
    #[error("read a received state")]
    State(#[from] quorate_state_machine::Fault),
    /// This member is stopping, or receives another state by now.
    #[error("another state is being received, or this member is stopping")]
    GivenUp,
}
