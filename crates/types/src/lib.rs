//! The words of the domain, and nothing that does anything: keys, ranges, revisions, ids.
//!
//! Capped at 800 lines; a type that only one crate uses lives there.

mod change;
mod ids;
mod range;
mod revision;

pub use change::{Change, ChangeKind, Changes};
pub use ids::{ClusterId, LeaseId, MemberId};
pub use range::KeyRange;
pub use revision::Revision;
