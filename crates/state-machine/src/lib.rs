//! The replicated state: what every member makes of the same log.
//!
//! [`StateMachine::apply`] takes committed entries in order and gives back what each command came to. It
//! writes each batch of entries to the engine at once, the applied log id with it, and publishes the result
//! as one immutable [`Published`] value that readers take without a lock.
//!
//! It reads no clock, draws no chance, knows no flag, and iterates nothing whose order is not fixed: two members
//! with the same applied log id hold the same bytes. It does no IO but the engine's.
//!
//! Laws:
//! - **A1** Entries are applied in log order, each once; the applied log id is stored in the same batch as what
//!   it covers.
//! - **A2** The state after a log does not depend on how its entries were batched, nor on how commands were
//!   packed into entries.
//!   Records that a compaction has freed go at each member's own pace: until they are gone, which nobody can read, stored
//!   bytes differ, and nothing else does.
//! - **A3** A command of a kind, or an envelope of a version, that this code does not know is a [`Fault`]: a member
//!   that skipped it would hold another state than the rest.
//! - **A4** What is published is never ahead of the engine: first the write, then the publication, then the replies.
//! - **A5** A refusal changes nothing.
//! - **A6** A state from another member takes the place of this one as a whole, for readers at once, and only if it is newer: the
//!   applied log id never goes back.
//! - **A7** An id that was removed from the cluster is never listed again, whatever a later membership says.

mod alarms;
mod answer;
mod cluster_version;
mod command;
pub mod cost;
mod fault;
pub mod hash;
mod machine;
mod members;
mod published;
pub mod spaces;
pub mod wire;

pub use alarms::{Alarm, AlarmChange, AlarmKind};
pub use answer::{Answer, Outcome, Refusal, Reply, Unavailable};
pub use cluster_version::ClusterVersion;
pub use command::{Command, DeleteRange, Kind, Packed, Put};
pub use fault::Fault;
pub use machine::{Applied, Effects, Entry, Installed, Payload, Prepared, StateMachine};
pub use members::{Attributes, Member};
pub use published::{Published, Reader};
pub use quorate_lease as lease;
pub use quorate_mvcc as mvcc;
