//! The spaces of the engine: etcd's own, and one of ours.
//!
//! Names, keys and values are those of etcd's database file, so that hashes agree and imports and exports
//! are plain copies. [`QUORATE`] holds what etcd has no place for; it is left out of hashes, exports and sizes.

use quorate_storage::{Space, SpaceSet};

/// `revision -> KeyValue`: every change of the key space.
pub const KEY: Space = Space::new(0, "key");
/// Where compaction stands.
pub const META: Space = Space::new(1, "meta");
/// `lease id -> Lease`.
pub const LEASE: Space = Space::new(2, "lease");
/// Alarms that are raised.
pub const ALARM: Space = Space::new(3, "alarm");
/// `member id -> JSON`: who belongs to the cluster.
pub const MEMBERS: Space = Space::new(4, "members");
/// Member ids that may never return.
pub const MEMBERS_REMOVED: Space = Space::new(5, "members_removed");
/// The cluster's version and a downgrade in progress.
pub const CLUSTER: Space = Space::new(6, "cluster");
/// Whether authentication is on, and its revision.
pub const AUTH: Space = Space::new(7, "auth");
/// `user name -> User`.
pub const AUTH_USERS: Space = Space::new(8, "authUsers");
/// `role name -> Role`.
pub const AUTH_ROLES: Space = Space::new(9, "authRoles");
/// Our own bookkeeping, by the keys below.
pub const QUORATE: Space = Space::new(10, "quorate").uncounted();

/// All of them.
pub const ALL: SpaceSet = SpaceSet::new(&[
    KEY,
    META,
    LEASE,
    ALARM,
    MEMBERS,
    MEMBERS_REMOVED,
    CLUSTER,
    AUTH,
    AUTH_USERS,
    AUTH_ROLES,
    QUORATE,
]);

/// In [`QUORATE`]: the format version of the state, four bytes big-endian.
pub(crate) const FORMAT: &[u8] = b"format";
/// In [`QUORATE`]: the applied log id, a version byte and `quorate.log.v1.LogId`.
pub(crate) const APPLIED: &[u8] = b"applied";
/// In [`QUORATE`]: the last applied membership, a version byte and `quorate.log.v1.StoredMembership`.
pub(crate) const MEMBERSHIP: &[u8] = b"membership";
