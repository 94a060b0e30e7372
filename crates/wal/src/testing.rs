//! Doubles: a disk that a test can crash, and what every disk must do.

mod conformance;
mod powered;
mod sim_disk;

pub use conformance::conforms;
pub use powered::Powered;
pub use sim_disk::{Fault, Operation, SimDisk};
