//! What happened to a key.

use crate::Revision;
use bytes::Bytes;

/// Whether a key was set or removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// It has a value now.
    Put,
    /// It is gone.
    Delete,
}

/// One change of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: Bytes,
    /// What happened to it.
    pub kind: ChangeKind,
    /// The `KeyValue` that an event about it carries, in wire form: for a delete only key and revision.
    pub record: Bytes,
}

/// All changes of one revision, in their order. Every revision but the first has at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// The revision.
    pub revision: Revision,
    /// What changed.
    pub changes: Vec<Change>,
}
