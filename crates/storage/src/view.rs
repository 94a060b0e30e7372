//! Reading: one moment of an engine.

use crate::{Error, Space};
use bytes::Bytes;
use std::ops::{Bound, ControlFlow};

/// The keys a scan visits: every key within both bounds.
#[derive(Debug, Clone, Copy)]
pub struct Range<'a> {
    /// The low end.
    pub start: Bound<&'a [u8]>,
    /// The high end.
    pub end: Bound<&'a [u8]>,
}

impl Range<'_> {
    /// Every key of the space.
    pub const ALL: Range<'static> = Range { start: Bound::Unbounded, end: Bound::Unbounded };
}

/// The direction of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Smallest key first.
    Ascending,
    /// Largest key first.
    Descending,
}

/// What a read that may not touch the disk found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cached {
    /// The record's value, or that there is none.
    Known(Option<Bytes>),
    /// Only the disk can tell: ask again with [`View::get`], off the front threads.
    Unknown,
}

/// An engine as it was at one moment (law S2). Cheap to share, safe on any thread.
pub trait View: Send + Sync {
    /// The value under `key`. May read the disk.
    ///
    /// # Errors
    /// The engine cannot read its files, or they are corrupt.
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, Error>;

    /// The value under `key` if memory knows it. Never touches the disk.
    ///
    /// # Errors
    /// As [`View::get`].
    fn get_cached(&self, space: Space, key: &[u8]) -> Result<Cached, Error>;

    /// Visits the records of `range` in `order` until `visit` breaks. May read the disk.
    ///
    /// Cost: one seek plus the records visited; nothing is collected.
    ///
    /// # Errors
    /// As [`View::get`]; records visited before the error were right.
    #[expect(clippy::type_complexity, reason = "an alias would hide what a caller has to write")]
    fn scan(
        &self,
        space: Space,
        range: Range<'_>,
        order: Order,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), Error>;

    /// Logical bytes of all counted records (law S5). Cost: constant.
    fn size(&self) -> u64;
}
