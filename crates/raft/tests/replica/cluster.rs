//! Several replicas on a simulated network, in virtual time: crashes, cuts and a bad network, every order decided by a seed.
//!
//! `QUORATE_CLUSTER_SEEDS=first..end cargo test -p quorate-raft --test replica cluster` runs these seeds instead of the few of CI.
//! With `QUORATE_TRACE=1` they tell what consensus does.

mod behind;
mod chronicle;
mod farewell;
mod new_cluster;
mod reads;
mod restore;
mod storms;
pub(crate) mod world;
