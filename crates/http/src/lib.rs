//! What a member answers over plain HTTP: `/version`, `/health`, `/livez`, `/readyz` and `/metrics`.
//!
//! Bodies and headers are etcd's to the letter: probes, dashboards and scripts compare them. Quorate's own version is
//! where no parser of etcd's answers looks: in the header `server` of every answer here, and in the metric
//! `quorate_build_info`.
//!
//! Nothing here is measured between the lines of logic: gRPC calls are counted by a layer around the services
//! ([`calls`]), polls by the front threads' meters, and everything else is asked for when somebody scrapes.
//!
//! Members ask each other on another port, for [`peer`].
//!
//! The JSON gateway, `/debug` and the console are not here yet.
//!
//! Laws:
//! - **H1** A call costs the counters no allocation, no lock and no hashing: each front thread has its own.
//! - **H2** A scrape is put together on the work pool, never on a front thread.

mod answer;
pub mod calls;
mod checks;
mod health;
pub mod metrics;
pub mod peer;
mod process;
#[cfg(test)]
mod scene;
mod version;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use axum::routing::any;
use quorate_coordinator::Coordinator;
use std::sync::Arc;

pub use metrics::{Build, Front, Metrics, PeerFigures, Peers};

/// The version of etcd whose interface this is; clients choose their behaviour by it.
pub const ETCD_VERSION: &str = "3.7.1";
/// What every answer says of the server itself.
const SERVER: HeaderValue = HeaderValue::from_static(concat!("quorate/", env!("CARGO_PKG_VERSION")));

/// The paths of one front thread, to be served over HTTP/1.1 and HTTP/2.
///
/// A path that is not here gets Go's `404 page not found`, a method that is not allowed etcd's 405.
pub fn router(door: &Coordinator, metrics: &Arc<Metrics>) -> Router {
    let site = Site { door: door.clone(), metrics: metrics.clone() };
    Router::new()
        .route("/version", any(version::answer))
        .route("/health", any(health::answer))
        .merge(checks::routes())
        .route("/metrics", any(metrics::answer)) // Prometheus's handler looks at no method
        .fallback(answer::not_found)
        .layer(axum::middleware::map_response(signed))
        .with_state(site)
}

/// What the handlers of one front thread share.
#[derive(Clone)]
struct Site {
    door: Coordinator,
    metrics: Arc<Metrics>,
}

async fn signed(mut response: Response) -> Response {
    response.headers_mut().insert(header::SERVER, SERVER);
    response
}

#[cfg(test)]
mod tests;
