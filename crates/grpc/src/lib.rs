//! The etcd v3 gRPC services over a [`Coordinator`]: a thin skin, one file a service.
//!
//! The hot calls are plain functions from message to message in [`kv`]; tonic only carries them. Codes and texts of
//! every refusal are in one table, [`status`]: clients compare the texts.
//!
//! What is not implemented answers UNIMPLEMENTED and says so; `docs/compatibility.md` lists it.

mod call;
mod cluster;
mod election;
pub mod kv;
mod lease;
mod limit;
mod lock;
mod maintenance;
#[cfg(test)]
mod scene;
pub mod status;
mod unary;
mod watch;

use call::Caller;
use quorate_coordinator::Coordinator;
use quorate_proto::etcdserverpb::cluster_server::ClusterServer;
use quorate_proto::etcdserverpb::kv_server::KvServer;
use quorate_proto::etcdserverpb::lease_server::LeaseServer;
use quorate_proto::etcdserverpb::maintenance_server::MaintenanceServer;
use quorate_proto::etcdserverpb::watch_server::WatchServer;
use quorate_proto::v3electionpb::election_server::ElectionServer;
use quorate_proto::v3lockpb::lock_server::LockServer;
use tonic::Request;
use tonic::service::interceptor::InterceptedService;
use tonic::service::{LayerExt, Routes};
use tower::util::MapResponseLayer;

pub use unary::{ReplyBody, Services};

/// The version of etcd whose interface this is; clients choose their behaviour by it.
pub const ETCD_VERSION: &str = "3.7.1";

/// What a message may weigh beyond the longest command, as in etcd.
const MESSAGE_OVERHEAD_BYTES: usize = 512 << 10;

/// All services of one front thread, to be served over HTTP/2: the hot calls by a short way, the others through tonic.
#[must_use]
pub fn services(door: &Coordinator) -> Services {
    Services::new(door.clone(), routes(door), door.limits().command_bytes_max + MESSAGE_OVERHEAD_BYTES)
}

/// The same services, all of them through tonic.
#[must_use]
pub fn routes(door: &Coordinator) -> Routes {
    let message_bytes_max = door.limits().command_bytes_max + MESSAGE_OVERHEAD_BYTES;
    let kv = KvServer::new(kv::Service::new(door.clone())).max_decoding_message_size(message_bytes_max);
    let cluster =
        ClusterServer::new(cluster::Service::new(door.clone())).max_decoding_message_size(message_bytes_max);
    let lease =
        LeaseServer::new(lease::Service::new(door.clone())).max_decoding_message_size(message_bytes_max);
    let maintenance = MaintenanceServer::new(maintenance::Service::new(door.clone()))
        .max_decoding_message_size(message_bytes_max);
    let watch =
        WatchServer::new(watch::Service::new(door.clone())).max_decoding_message_size(message_bytes_max);
    let lock = LockServer::new(lock::Service::new(door.clone())).max_decoding_message_size(message_bytes_max);
    let election = ElectionServer::new(election::Service::new(door.clone()))
        .max_decoding_message_size(message_bytes_max);
    let limit = MapResponseLayer::new(limit::in_etcds_words);
    // etcd's health service knows the empty service name only, and answers SERVING whatever the cluster does; a learner
    // serves it as little as the rest.
    let (_reporter, health) = tonic_health::server::health_reporter();
    let checked = door.clone();
    let health = InterceptedService::new(health, move |request: Request<()>| {
        Caller::of(request.metadata(), &checked).map(|_| request)
    });
    Routes::new(limit.named_layer(kv))
        .add_service(limit.named_layer(cluster))
        .add_service(limit.named_layer(lease))
        .add_service(limit.named_layer(maintenance))
        .add_service(limit.named_layer(watch))
        .add_service(limit.named_layer(lock))
        .add_service(limit.named_layer(election))
        .add_service(health)
}
