//! Doubles: clocks that a test moves or that are virtual, and a scheduler that a seed drives.

mod manual_clock;
mod scheduler;
mod seed;
mod virtual_clock;

pub use manual_clock::ManualClock;
pub use scheduler::{Plug, Plugs, Scheduler};
pub use seed::{Seed, draw_from};
pub use virtual_clock::VirtualClock;

pub(crate) use scheduler::Lanes;
pub(crate) use seed::drawn;
