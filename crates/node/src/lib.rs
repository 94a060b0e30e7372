//! The assembled server, short of its storage backend.
//!
//! [`Node::start`] composes the parts and starts what runs; [`Node::stop`] ends them from the outside in: listeners,
//! connections, consensus, storage. It is handed an open engine, so it names no backend.
//!
//! Laws:
//! - **N1** No port opens before the configuration was found free of problems, the data directory was found to be ours,
//!   and this member's own attributes were applied: it then serves a state it has agreed on.
//! - **N2** A directory that is not ours is refused by name and left as it was.
//! - **N3** All founders of a cluster compute the same map of it, from their settings alone, and a founder who can be
//!   reached and was given another one stops the start: two maps could split the brain.
//! - **N4** An empty directory never becomes that of a member which the cluster has seen at work: it may have voted.

pub use quorate_grpc::ETCD_VERSION;

pub mod audience;
pub mod bootstrap;
pub mod config;
pub mod consensus;
mod data_dir;
mod front;
pub mod logging;
mod node;
mod peers;
mod upkeep;
mod url;

pub use config::Config;
pub use data_dir::{DataDir, DirError, Opened, Vacancy};
pub use node::{Error, Node, Parts};
