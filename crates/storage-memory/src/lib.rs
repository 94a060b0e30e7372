//! All records in memory, durable by a checkpoint file.
//!
//! For data that fits in memory: every read is answered at once, and nothing runs in the background. Each
//! space is a sorted map with structural sharing, so a [`View`](quorate_storage::View) is one more reference
//! to the maps as they are, and `persist` writes such a view to a file while writes go on.
//!
//! It refuses to limit its memory (the node's quota does that), to write part of a checkpoint (each one holds
//! everything, so the disk takes up to twice the data while one is written), and to fall back to an older
//! checkpoint when the newest is damaged: that would bring back a state that was already superseded. It panics
//! when an inserted key is there already: it is where such a mistake of ours is found first.
//!
//! Laws, beside S1 to S7 of the seam:
//! - **M1** A published state is never changed: the writer changes a copy that shares all it can, and swaps it in.
//! - **M2** A file under a checkpoint's name is complete: it was synced before it got that name.
//! - **M3** Bytes from disk cost at most twice their number in memory, and never a panic.
//!
//! The file format is written down in `format.rs`, byte by byte.

mod checkpoint;
mod directory;
mod engine;
mod format;
mod nursery;
mod received;
mod state;

pub use engine::{MemoryEngine, Options};
