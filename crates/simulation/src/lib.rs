//! A whole cluster in one process, in virtual time, every order decided by a seed.
//!
//! Each member is the real thing above its ports and files: replica, coordinator, lease keeper, watch hub, pruner (`life`). Below
//! are doubles: a network that delays, loses, breaks and cuts, a log's disk that forgets and tears what was not synced, an engine
//! that loses what was not persisted, one thread for everything, and time that passes only when all wait.
//!
//! A [`storm`] is clients at work while everything goes wrong, then peace, in which everybody must come to the same. Whatever
//! clients were told is written down, and judged by `quorate_testkit` (K1-K10); of the members themselves `witness` holds what
//! must hold of them. A [`scenario`] is the same with the steps of a [`Script`] in place of chance.
//!
//! It is called a simulation since nothing in it is real but the code: no clock, no thread, no socket, no file. The same seed is
//! the same run in every entry of its recording, so a seed that fails is its own replay.
//!
//! Not looked at: ranges of several keys, reads at old revisions and serializable reads, which the recording has no words for;
//! gRPC, HTTP and the data directory, which are not in it; clocks that run at different rates.

mod clients;
mod life;
mod line;
mod machine;
mod notes;
mod operator;
mod peace;
mod report;
mod scenario;
mod script;
mod seeds;
mod storm;
mod tally;
mod tenants;
mod trouble;
mod watchers;
mod witness;
mod wording;
mod world;

pub use report::Report;
pub use scenario::scenario;
pub use script::{NoScript, Script};
pub use seeds::{STORMS, Sum};
pub use storm::{storm, storm_with_doubled_forwards};
pub use tally::{Counts, Event};
