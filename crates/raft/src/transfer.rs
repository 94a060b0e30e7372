//! The whole state on its way to another member, in parts.
//!
//! The sender reads a view, part by part, as the receiver takes them: nothing is copied before, and writes go on. The receiver
//! fills a state beside its own, which it installs once all parts have come and their sum is right. Reading and
//! writing are steps of their own, since both may wait for a disk.

mod reading;
mod writing;

pub(crate) use reading::{ReadPart, Reading, parts};
pub(crate) use writing::{Part, Writing, receive};

use crate::codec::peer::Malformed;
use sha2::{Digest, Sha256};

/// Parts are about so long.
const PART_BYTES: usize = 1 << 20;

/// What both sides count, so that they can compare: see `SnapshotEnd` in `proto/quorate/peer.proto`.
#[derive(Debug, Clone, Default)]
struct Sum {
    digest: Sha256,
    records: u64,
}

impl Sum {
    fn add(&mut self, space: &str, key: &[u8], value: &[u8]) {
        let parts = [space.as_bytes(), key, value];
        for part in parts {
            let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
            self.digest.update(length.to_be_bytes());
        }
        parts.iter().for_each(|part| self.digest.update(part));
        self.records += 1;
    }

    fn end(self) -> quorate_proto::peer::SnapshotEnd {
        let sha256 = self.digest.finalize().to_vec().into();
        quorate_proto::peer::SnapshotEnd { records: self.records, sha256 }
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
