//! One replica from the outside: what it promises, on a disk and an engine that forget, in virtual time.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

mod cluster;
mod crashes;
mod ends;
mod entries;
mod faults;
mod ledger;
mod pruning;
mod refusals;
mod world;
