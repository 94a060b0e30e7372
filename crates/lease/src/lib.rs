//! Leases: which live, which keys die with them, and which are due.
//!
//! Two tables that never meet. [`Table`] is replicated: every member makes the same of the same log, it reads no clock, and
//! a clone of it is constant time, for readers. [`Deadlines`] is the leader's alone: when each lease ends, told by the
//! leader's clock and lost with its leadership. There are no timers here: somebody asks [`Deadlines::due`] now and then,
//! and has a revocation agreed on for what it answers; only that ends a lease.
//!
//! A time is a span since the beginning of one clock, which only moves forward.
//!
//! Laws:
//! - **L1** A key hangs on one lease at most: that of its newest record.
//! - **L2** A lease's keys are exactly the live keys whose newest record names it.
//! - **L3** What is stored of a lease is etcd's record of it; its keys are not stored, but found again among the live keys.
//! - **L4** A lease that was granted, and not ended, has a deadline while somebody leads: none lives for ever.
//! - **L5** A lease is due only once its deadline has passed on a clock that somebody looked at all the while: after a gap,
//!   and for a new leader, everybody gets the time again that they would have had to renew in.
//! - **L6** Due means no longer renewable.

mod deadlines;
mod effect;
mod record;
mod table;

pub use deadlines::{Checkpoint, Deadlines, Renewal, Settings};
pub use effect::Effect;
pub use record::OpenError;
pub use table::{Lease, Refusal, Table};
