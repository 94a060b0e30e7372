//! The laws, under the seeded scheduler: a world of random changes, watches, slow streams, compactions and gaps, and a
//! naive model of what each watcher must be told.

mod laws;
mod rows;
mod world;
