//! Doubles and the conformance suite for engines.
//!
//! An engine proves the laws S1 to S7 in three lines; one that keeps nothing, in this one:
//!
//! ```
//! use quorate_storage::testing::{Disk, ModelEngine, conformance_volatile};
//! conformance_volatile(|spaces| std::sync::Arc::new(ModelEngine::open(&Disk::default(), spaces)));
//! ```
//!
//! The suite crashes an engine by dropping it: an engine never persists by itself when it is dropped,
//! because nobody could tell whether that worked. What a killed process leaves behind is tested by each
//! engine with a [`Script`], or with [`Uniform`] states, which a second process can write and the first one check.
//!
//! [`Model`] is what all of it is compared with: a sorted map per space that is cloned for every view,
//! too plain to be wrong. [`FaultyEngine`] is for the tests of what stands on an engine. [`workload`] measures.

mod checks;
mod conformance;
mod faulty;
mod model;
mod script;
mod seed;
mod uniform;
mod workload;

pub use conformance::{SPACES, conformance, conformance_volatile};
pub use faulty::{Call, Effect, FaultyEngine};
pub use model::{Disk, Model, ModelEngine};
pub use script::Script;
pub use seed::Seed;
pub use uniform::Uniform;
pub use workload::{Figure, replacement, workload};
