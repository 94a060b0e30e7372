//! What is written at once.

use crate::Space;
use bytes::Bytes;

/// One change of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// A record under a key that the space does not hold at this point of the batch. The writer vouches for
    /// that: it saves the engine a look-up per record, and S5 rests on it. An engine may panic if it is not so.
    Insert {
        /// The space of the record.
        space: Space,
        /// The key, new in that space.
        key: Bytes,
        /// The value.
        value: Bytes,
    },
    /// A record, whether or not the key is there already.
    Put {
        /// The space of the record.
        space: Space,
        /// The key.
        key: Bytes,
        /// The value that replaces any earlier one.
        value: Bytes,
    },
    /// No record under this key any more; a key that is not there is no error.
    Delete {
        /// The space of the record.
        space: Space,
        /// The key.
        key: Bytes,
    },
}

/// Changes that become visible, and durable, together. Later operations win over earlier ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    ops: Vec<Op>,
}

impl Batch {
    /// A batch with room for `count` operations.
    #[must_use]
    pub fn with_capacity(count: usize) -> Self {
        Self { ops: Vec::with_capacity(count) }
    }

    /// Adds a record under a key that is not in `space`: it never was, or an operation before this one deleted
    /// it; see [`Op::Insert`].
    pub fn insert(&mut self, space: Space, key: impl Into<Bytes>, value: impl Into<Bytes>) {
        self.ops.push(Op::Insert { space, key: key.into(), value: value.into() });
    }

    /// Sets the record under `key`.
    pub fn put(&mut self, space: Space, key: impl Into<Bytes>, value: impl Into<Bytes>) {
        self.ops.push(Op::Put { space, key: key.into(), value: value.into() });
    }

    /// Removes the record under `key`.
    pub fn delete(&mut self, space: Space, key: impl Into<Bytes>) {
        self.ops.push(Op::Delete { space, key: key.into() });
    }

    /// The operations in the order in which they were added.
    #[must_use]
    pub fn ops(&self) -> &[Op] {
        &self.ops
    }

    /// The operations by value, in order.
    #[must_use]
    pub fn into_ops(self) -> Vec<Op> {
        self.ops
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }
}
