//! The assembled server, short of its storage backend.
//!
//! [`Node::start`] composes the parts and starts what runs; [`Node::stop`] ends them from the outside in: listeners,
//! connections, consensus, storage. It is handed an open engine, so it names no backend.
//!
//! Laws:
//! - **N1** No port opens before the configuration was found free of problems, the data directory was found to be ours,
//!   and this member's own attributes were applied: it then serves a state it has agreed on.
//! - **N2** A directory that is not ours is refused by name and left as it was.

pub use quorate_grpc::ETCD_VERSION;

mod bootstrap;
pub mod config;
mod data_dir;
mod front;
pub mod logging;
mod node;
mod upkeep;
mod url;

pub use bootstrap::{Founding, Identity};
pub use config::Config;
pub use data_dir::{DataDir, DirError};
pub use node::{Error, Node, Parts};
