//! What a client may ask of a cluster, free of any wire protocol.
//!
//! A [`Coordinator`] checks a request, admits it, has it agreed on or reads the local state, and gives back what came
//! of it. Each call carries an [`Identity`] and a deadline, whether or not authentication is on. All it knows of
//! consensus is the trait [`Consensus`]: it can be tested without any.
//!
//! One coordinator stands at each front thread: replies come back to that thread's desk, and small reads run on it.
//!
//! Laws:
//! - **C1** A front thread never waits for a disk while others wait for it: a read that memory cannot answer goes to the
//!   work pool, and only a thread with a single connection and a single call may carry a write through itself.
//! - **C2** What is queued is bounded, in bytes: past it a call is told `too many requests`.
//! - **C3** Every call ends by its deadline. What waits for others ends with its caller instead: a physical compaction, a
//!   checksum, the pieces of a stream or of a long range, a lock, a campaign, an observation. Only the single steps of
//!   these have a deadline.
//! - **C4** A linearizable read sees every write that was acknowledged, anywhere, before it was asked.

mod admission;
pub mod auto_compaction;
mod call;
mod check;
mod consensus;
mod coordinator;
mod errands;
mod error;
mod lease;
mod membership;
mod peer_url;
mod queue;
mod quota;
#[cfg(feature = "testing")]
pub mod testing;
mod time_out;
pub mod watch;
mod work;

pub use admission::Limits;
pub use call::{Call, Identity, Patience};
pub use check::{Room, TXN_DEPTH_MAX};
pub use consensus::{
    Consensus, LeaseQuestion, NotMoved, NotReconfigured, Reconfiguration, Standing, Submission,
};
pub use coordinator::{
    Compaction, Company, Coordinator, End, Granted, KeyHash, LongRange, Piece, RangeStream, Ranged,
    Remaining, StateHash, Status,
};
pub use errands::Errands;
pub use error::{Error, Invalid};
pub use lease::LeaseClock;
pub use membership::Refusal as MembershipRefusal;
pub use queue::{Locked, Observation, Office, Proclaimed, QueueError, Won};
pub use quorate_state_machine::{
    Alarm, AlarmChange, AlarmKind, ClusterVersion, DeleteRange, Member, Outcome, Put, Refusal, Unavailable,
    wire,
};
pub use quota::Quota;
pub use time_out::timed_out;
pub use work::Work;

pub use quorate_mvcc::Refusal as MvccRefusal;
pub use quorate_mvcc::{Deleted, Filter, Found, OpDone, Order, Query, Sort, Target, Txn, TxnDone};
