//! What kind of tale is told: its size, its losses, its lie.

/// What the store does wrong, at the first chance after half of the steps, until a client has been told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    /// A read is answered from a state that was over before it began, with that state's header.
    StaleRead,
    /// A read is answered with what the key held before, under the newest header.
    OldValue,
    /// A write is acknowledged and forgotten; its revision goes to another.
    LostWrite,
    /// A write is acknowledged and takes a revision, but changes nothing.
    HollowWrite,
    /// A write is done twice.
    Doubled,
    /// A write is acknowledged with the revision of an earlier one, which is told its own.
    Reordered,
    /// A lease ends although its time has not run out.
    EarlyExpiry,
    /// No lease ever ends.
    Immortal,
    /// A watch is not told of a change.
    LostEvent,
    /// A watch is told of a change twice.
    DoubledEvent,
    /// A watch is told of a change out of order.
    LateEvent,
    /// A revision comes in two responses.
    SplitRevision,
    /// A watch is told of progress, and then of what came before.
    EarlyProgress,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Plot {
    pub(crate) seed: u64,
    pub(crate) steps: usize,
    pub(crate) clients: usize,
    pub(crate) keys: usize,
    /// Different values; 0: every write has its own.
    pub(crate) values: u64,
    /// Of a hundred answers so many are lost.
    pub(crate) lost: u64,
    pub(crate) leases: bool,
    pub(crate) watches: usize,
    pub(crate) lie: Option<Lie>,
}
