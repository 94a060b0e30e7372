//! One replica of the state: openraft over our log and our state machine.
//!
//! This is the only crate that names openraft. It adds what openraft leaves to its user: a log that groups
//! commits ([`quorate_wal`]), entries in a format of our own, an apply thread with one publication and one round of
//! wake-ups a batch, reads coalesced into one ReadIndex round, waiters that are told of a rejection, and the bound on
//! the log.
//!
//! The way of a command: [`Replica::propose`] → proposer → openraft → log → committed → apply → the call's ticket. The
//! way of a linearizable read: [`Replica::confirm`] → read loop → ReadIndex → applied → ticket.
//!
//! Laws:
//! - **R1** Nothing openraft awaits blocks on a disk: the log and the apply queue take over and return.
//! - **R2** A waiter is answered once: by its command's outcome, by its rejection, or by its deadline.
//! - **R3** A command is proposed again only if openraft's refusal proves that it was not appended.
//! - **R4** The log is purged only up to an entry that the engine has made durable.
//! - **R5** Reads ask a quorum (ReadIndex), never a lease; and only what was said after the question counts.
//! - **R6** A restarted leader stands for election again: `enable_leader_restore` is off, since a leader that resumes its
//!   old term after it lost its unsynced tail uses a log id twice.
//! - **R7** A member that is forced to go on alone keeps every entry that it has, committed or not.
//! - **R8** Whoever says that it has taken a state has all that is in it on disk.

mod apply;
mod codec;
mod confirmation;
mod contacts;
mod door;
mod forward;
mod grouping;
mod housekeeping;
mod log_store;
mod machine;
mod members;
mod network;
mod new_cluster;
mod options;
mod pending;
mod prober;
mod proposer;
mod pruner;
mod reads;
mod replica;
mod runtime;
mod shortcut;
mod standing;
#[cfg(feature = "testing")]
pub mod testing;
mod transfer;
mod transport;
mod types;

pub use apply::Observer;
pub use door::{Door, LeaseDesk, NotTaken, TurnedAway};
pub use members::{Change, NotChanged, NotMoved};
pub use options::{Options, Pace, Peer};
pub use proposer::Proposal;
pub use replica::{Error, Parts, Replica};
pub use standing::Standing;
pub use transport::{Broken, Caller, NoPeers, Purpose, Replies, Target, Transport};
pub use types::Node;
