//! What members ask each other over plain HTTP, on the peer port: `/members`, `/version`, `/health`.
//!
//! This is how a new member finds out which cluster it is about to found or to join, before it takes part in anything:
//! every answer says which cluster it comes from, in the header [`CLUSTER_ID`]. What is told is what this member has
//! applied, also without a leader.
//!
//! The port, and how consensus speaks on it, are not here.
//!
//! etcd: `etcdhttp/peer.go`. Unlike etcd's, this port has `/health` too, and every answer has the header.

use crate::answer;
use crate::health::Pairs;
use crate::{checks, health, signed, version};
use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use quorate_coordinator::Coordinator;

/// Which cluster an answer comes from: its id in lower hex, unpadded.
pub const CLUSTER_ID: &str = "x-etcd-cluster-id";

/// The paths of the peer port, to be served over HTTP/1.1 and HTTP/2. What else is served there goes before it: a path
/// that is not here gets Go's `404 page not found`.
///
/// No answer but that of `/health` waits for anything. With `serializable=true` that one does not either.
pub fn router(door: &Coordinator) -> Router {
    let cluster = HeaderValue::from_str(&door.cluster().to_string()).expect("hex digits fit a header");
    let marked = from_fn(move |request: Request, next: Next| {
        let cluster = cluster.clone();
        async move {
            let mut response = next.run(request).await;
            response.headers_mut().insert(HeaderName::from_static(CLUSTER_ID), cluster);
            response
        }
    });
    Router::new()
        .route("/members", any(members))
        .route("/version", any(versions))
        .route("/health", any(healthy))
        .fallback(answer::not_found)
        .layer(marked)
        .layer(axum::middleware::map_response(signed))
        .with_state(door.clone())
}

/// etcd's list: numeric ids, what is empty left out, a line.
async fn members(method: Method, State(door): State<Coordinator>) -> Response {
    if method != Method::GET {
        return answer::method_not_allowed().await;
    }
    match door.members(&checks::call(&door), false).await {
        Ok(members) => {
            let list = serde_json::to_string(&members).expect("members have only strings and numbers");
            ([(header::CONTENT_TYPE, "application/json")], format!("{list}\n")).into_response()
        }
        Err(error) => answer::error(StatusCode::SERVICE_UNAVAILABLE, &format!("etcdserver: {error}")),
    }
}

async fn versions(method: Method, State(door): State<Coordinator>) -> Response {
    if method != Method::GET {
        return answer::method_not_allowed().await;
    }
    version::page(&door)
}

async fn healthy(method: Method, State(door): State<Coordinator>, Query(pairs): Pairs) -> Response {
    if method != Method::GET {
        return answer::method_not_allowed().await;
    }
    health::page(health::reason(&door, &pairs).await)
}

#[cfg(test)]
mod tests;
