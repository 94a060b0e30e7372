//! The log as its owner sees it: on a disk in memory, its writer run turn by turn.

#![expect(clippy::unwrap_used, reason = "helpers of tests panic as tests do; clippy exempts only the latter")]

mod commit;
mod crash;
mod damage;
mod disk;
mod golden;
mod live;
mod read;
mod space;
