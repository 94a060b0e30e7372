//! How the members of a cluster reach each other: [`quorate_raft::Transport`] over gRPC, and the service on the other side.
//!
//! [`Peers`] calls: a connection for each member and purpose, so that what is long never holds up what is in a hurry; opened when it
//! is first needed, and again after it broke. [`service`] answers, for the [`Door`](quorate_raft::Door) of a replica; whoever runs
//! the listener puts it on the peer port. What is said is `quorate.peer.v1` (`proto/quorate/peer.proto`).
//!
//! It neither retries nor interprets. What it adds to a call is who calls whom, in the metadata; the door looks at that first.
//!
//! Laws:
//! - **P1** "Not sent" is said only if no byte of the call left this member, or if the other side says that it did nothing.
//! - **P2** A connection that is quiet is asked whether it is there, and closed if it is not: no call waits for ever.
//! - **P3** What another member sends is bounded: messages in bytes, streams in windows.
//!
//! Plain TCP so far: TLS takes its place in `line::connect`.

mod caller;
mod line;
mod peers;
mod service;
mod traffic;

pub use peers::{Options, Peers};
pub use service::{Service, service};
pub use traffic::{Figures, ROUND_TRIP_CLASSES, Traffic};
