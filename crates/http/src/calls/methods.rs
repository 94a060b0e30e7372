//! Every method that a client may call, and every code that it may end with.

/// One method.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Method {
    pub(crate) kind: &'static str,
    pub(crate) service: &'static str,
    pub(crate) name: &'static str,
    path: &'static str,
}

impl Method {
    pub(crate) fn is_at(&self, path: &str) -> bool {
        self.path == path
    }
}

const UNARY: &str = "unary";
const SERVER_STREAM: &str = "server_stream";
const BIDI_STREAM: &str = "bidi_stream";

/// gRPC's codes, each at its number.
pub(crate) const CODES: [&str; 17] = [
    "OK",
    "Canceled",
    "Unknown",
    "InvalidArgument",
    "DeadlineExceeded",
    "NotFound",
    "AlreadyExists",
    "PermissionDenied",
    "ResourceExhausted",
    "FailedPrecondition",
    "Aborted",
    "OutOfRange",
    "Unimplemented",
    "Internal",
    "Unavailable",
    "DataLoss",
    "Unauthenticated",
];

macro_rules! methods {
    ($($kind:ident $service:literal: $($name:literal)+;)+) => {
        &[$($(Method {
            kind: $kind,
            service: $service,
            name: $name,
            path: concat!("/", $service, "/", $name),
        },)+)+]
    };
}

/// The busiest first: a path is compared with each in turn, and almost always the lengths already differ.
pub(crate) const METHODS: &[Method] = methods! {
    UNARY "etcdserverpb.KV": "Range" "Put" "DeleteRange" "Txn" "Compact";
    SERVER_STREAM "etcdserverpb.KV": "RangeStream";
    BIDI_STREAM "etcdserverpb.Watch": "Watch";
    UNARY "etcdserverpb.Lease": "LeaseGrant" "LeaseRevoke";
    BIDI_STREAM "etcdserverpb.Lease": "LeaseKeepAlive";
    UNARY "etcdserverpb.Lease": "LeaseTimeToLive" "LeaseLeases";
    UNARY "etcdserverpb.Cluster": "MemberAdd" "MemberRemove" "MemberUpdate" "MemberList" "MemberPromote";
    UNARY "etcdserverpb.Maintenance": "Alarm" "Status" "Defragment" "Hash" "HashKV";
    SERVER_STREAM "etcdserverpb.Maintenance": "Snapshot";
    UNARY "etcdserverpb.Maintenance": "MoveLeader" "Downgrade";
    UNARY "etcdserverpb.Auth":
        "AuthEnable" "AuthDisable" "AuthStatus" "Authenticate" "UserAdd" "UserGet" "UserList"
        "UserDelete" "UserChangePassword" "UserGrantRole" "UserRevokeRole" "RoleAdd" "RoleGet"
        "RoleList" "RoleDelete" "RoleGrantPermission" "RoleRevokePermission";
    UNARY "v3electionpb.Election": "Campaign" "Proclaim" "Leader";
    SERVER_STREAM "v3electionpb.Election": "Observe";
    UNARY "v3electionpb.Election": "Resign";
    UNARY "v3lockpb.Lock": "Lock" "Unlock";
    UNARY "grpc.health.v1.Health": "Check";
    SERVER_STREAM "grpc.health.v1.Health": "Watch";
};

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message;
    use std::collections::BTreeSet;

    fn described() -> BTreeSet<(String, String, &'static str)> {
        let set = prost_types::FileDescriptorSet::decode(quorate_proto::DESCRIPTORS).unwrap();
        let mut found = BTreeSet::new();
        // What members say to each other is not for clients, and is counted elsewhere.
        for file in set.file.iter().filter(|file| !file.package().starts_with("quorate.")) {
            for service in &file.service {
                for method in &service.method {
                    let kind = match (method.client_streaming(), method.server_streaming()) {
                        (false, false) => UNARY,
                        (false, true) => SERVER_STREAM,
                        (true, _) => BIDI_STREAM,
                    };
                    let service = format!("{}.{}", file.package(), service.name());
                    found.insert((service, method.name().to_owned(), kind));
                }
            }
        }
        found
    }

    #[test]
    fn the_table_has_every_method_of_the_interface_once() {
        let ours = METHODS.iter().filter(|method| !method.service.starts_with("grpc."));
        let ours: Vec<_> =
            ours.map(|method| (method.service.to_owned(), method.name.to_owned(), method.kind)).collect();
        let described = described();
        assert_eq!(ours.len(), described.len());
        assert_eq!(BTreeSet::from_iter(ours), described);
    }
}
