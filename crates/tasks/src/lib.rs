//! Who runs, who stops, and what time it is.
//!
//! Everything in Quorate that runs by itself is a [`Step`]: a value with a synchronous
//! `turn(batch)`, fed by an [`inbox`]. In the server a [`Group`] gives each step a named thread; in a
//! test a seeded [`testing::Scheduler`] runs all of them on one thread, in an order that the
//! seed decides. The step does not know which. What has to await (the proposer, the read loop) is a
//! future started through the same group, and scheduled the same way.
//!
//! This crate and the programs in `bin` are the only places where a thread is started, a clock is read or
//! chance is drawn; `clippy.toml` bans it elsewhere.
//!
//! Laws:
//! - **T1** Every thread and task has a name and a fate: its error, or its panic, ends the group.
//! - **T2** Every inbox has a bound; a full one refuses, it does not wait.
//! - **T3** One wake-up a batch: a consumer that is awake is not woken again.
//! - **T4** A reply reaches the call that took the ticket, or nobody: a slot that is used again has
//!   another generation.
//! - **T5** A task of a strand that was woken runs, whoever ran the strand last; never two run at once.

pub mod budget;
mod clock;
mod entropy;
mod group;
pub mod inbox;
pub mod poll;
pub mod reply;
mod stage;
mod step;
pub mod strand;
#[cfg(feature = "testing")]
pub mod testing;
pub mod watch;

pub use clock::{Clock, Moment, SystemClock, timeout};
pub use entropy::entropy;
pub use group::{Failure, Group, NamedFailure};
pub use stage::Stage;
pub use step::Step;
pub use strand::Strand;
