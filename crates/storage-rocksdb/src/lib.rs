//! Records on disk, in RocksDB, with a bounded cache: for data larger than memory.
//!
//! Each space is a column family of its name. RocksDB's own log is off: a record is durable once the memtables
//! are flushed, which `persist` asks for and RocksDB also does by itself when they are full. Flushes are atomic
//! over all column families, so that whatever a crash leaves is a prefix of the batches (law S3). Who writes
//! keeps a log for the rest.
//!
//! It refuses to share its directory, to open one with a column family that it was not told of, to write
//! anything that no batch asked for into a space, and to answer for what RocksDB finds corrupt: that is an error
//! in RocksDB's words, with the file. No other crate names RocksDB.
//!
//! Laws, beside S1 to S7 of the seam:
//! - **R1** A reader sees a snapshot that the writer published, never RocksDB's newest state: records and size
//!   of a view belong together, and taking a view does not enter RocksDB.
//! - **R2** A snapshot is released before the database that it is of is closed.
//! - **R3** The size is written in the batch that changes it: it is as durable as the records.
//!
//! A state that was received from elsewhere is a second database in a folder of its own, which a small file names once it
//! is the state: `home.rs` draws the folder.
//!
//! On disk, beside the spaces, the column family `default` is the engine's own:
//!
//! | key | value |
//! |---|---|
//! | `format` | version of this layout: 1, as 4 bytes, little-endian |
//! | `counted/<space>` | 1 if the space counts in the size, else 0: one byte |
//! | `size` | law S5's sum, as 8 bytes, little-endian; not there while it has always been 0 |

mod engine;
mod failure;
mod home;
mod layout;
mod place;
mod received;
mod size;
mod tuning;
mod view;

pub use engine::RocksEngine;
pub use tuning::Options;
