//! `/version`.

use crate::{CLUSTER_VERSION, ETCD_VERSION};
use axum::http::{Method, header};
use axum::response::{IntoResponse, Response};

/// What etcd answers, to the byte. Ours stands in the header `server`.
pub(crate) async fn answer(method: Method) -> Response {
    if method != Method::GET {
        return crate::answer::method_not_allowed().await;
    }
    let body = format!(
        r#"{{"etcdserver":"{ETCD_VERSION}","etcdcluster":"{CLUSTER_VERSION}","storage":"{CLUSTER_VERSION}"}}"#
    );
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}
