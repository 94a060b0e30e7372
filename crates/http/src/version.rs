//! `/version`.

use crate::{ETCD_VERSION, Site};
use axum::extract::State;
use axum::http::{Method, header};
use axum::response::{IntoResponse, Response};
use quorate_coordinator::Coordinator;

/// What etcd answers, to the byte. Ours stands in the header `server`.
pub(crate) async fn answer(method: Method, State(site): State<Site>) -> Response {
    if method != Method::GET {
        return crate::answer::method_not_allowed().await;
    }
    page(&site.door)
}

/// The three versions as `door` knows them.
pub(crate) fn page(door: &Coordinator) -> Response {
    // The state corresponds to etcd's storage format of the version that the members agreed on.
    let agreed = door.status().cluster_version.map(|version| version.to_string());
    let cluster = agreed.as_deref().unwrap_or("not_decided");
    let storage = agreed.as_deref().unwrap_or("unknown");
    let body =
        format!(r#"{{"etcdserver":"{ETCD_VERSION}","etcdcluster":"{cluster}","storage":"{storage}"}}"#);
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}
