//! The protobuf messages of Quorate: etcd's v3 interface, the replicated command, and our Raft log.
//!
//! Everything here except [`encoded`] is generated while the crate is built, from the files in
//! `/proto` of the repository, by a parser in Rust: no `protoc` is needed. One module is one
//! protobuf package and has its name; [`log`] is package `quorate.log.v1`, [`peer`] is `quorate.peer.v1`.
//!
//! The `.proto` files hold the wire form: etcd's exact field names, which are also the names in JSON.
//! Rust names follow from them by the usual change of case (`memberID` to `member_id`, `HashKV` to
//! `HashKv`, `NOT_EQUAL` to `NotEqual`), with one repair: `peerURLs` and `clientURLs` are `peer_urls`
//! and `client_urls`. Fields of type `bytes` are [`bytes::Bytes`]: decoding from `Bytes` copies nothing, so
//! a key taken from a request keeps the whole request in memory; copy what is to stay.
//!
//! Feature `services` adds gRPC: for a service `Lease` the modules `lease_server` and `lease_client` in
//! the package's module. All speak the ordinary messages on both sides but two: the servers of KV and Watch
//! answer with the replies of [`encoded`], which are the same bytes. Clients are generic over their
//! channel and know no way to connect; whoever uses one brings the channel.
//!
//! There is no logic here: no validation, no defaults, no conversion to domain types. A message says
//! what was sent, not that it makes sense.
//!
//! Laws: L1 a number, once given, never changes its meaning: `tests/wire.txt` lists every field, value
//! and call, and may only be added to. L2 a feature adds gRPC code and changes no message.

pub mod encoded;

/// Every message and service of this crate as an encoded `google.protobuf.FileDescriptorSet`, with the
/// names of the wire and without comments: for reflection, and for checks.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

macro_rules! packages {
    ($($(#[$attribute:meta])* $module:ident = $package:literal;)*) => {$(
        $(#[$attribute])*
        #[expect(missing_docs, reason = "a field is documented where it has more to say than its name")]
        pub mod $module {
            include!(concat!(env!("OUT_DIR"), "/", $package, ".rs"));
        }
    )*};
}

/// Where generated code looks for our own packages, and where the one that looks for another has to be.
mod quorate {
    pub(crate) mod command {
        pub(crate) use crate::command as v1;
    }

    pub(crate) mod log {
        pub(crate) use crate::log as v1;
    }

    pub(crate) mod peer {
        #[expect(missing_docs, reason = "a field is documented where it has more to say than its name")]
        #[cfg_attr(feature = "services", expect(clippy::allow_attributes, reason = "generated"))]
        pub mod v1 {
            include!(concat!(env!("OUT_DIR"), "/quorate.peer.v1.rs"));
        }
    }
}

/// What members say to each other.
pub use quorate::peer::v1 as peer;

packages! {
    /// Users, roles and permissions.
    authpb = "authpb";
    /// Commands of our own within the replicated command.
    command = "quorate.command.v1";
    /// The client interface, and the replicated command [`etcdserverpb::InternalRaftRequest`].
    #[cfg_attr(feature = "services", expect(clippy::allow_attributes, reason = "generated"))]
    etcdserverpb = "etcdserverpb";
    /// The stored lease.
    leasepb = "leasepb";
    /// Our own storage format of the Raft log.
    log = "quorate.log.v1";
    /// The stored members and cluster version.
    membershippb = "membershippb";
    /// Key-value pairs and events.
    mvccpb = "mvccpb";
    /// Elections.
    #[cfg_attr(feature = "services", expect(clippy::allow_attributes, reason = "generated"))]
    v3electionpb = "v3electionpb";
    /// Locks.
    #[cfg_attr(feature = "services", expect(clippy::allow_attributes, reason = "generated"))]
    v3lockpb = "v3lockpb";
}
