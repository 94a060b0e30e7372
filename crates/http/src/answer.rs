//! The answers that every path may give, as Go's `net/http` words them.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// What Go calls plain text.
pub(crate) const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");

/// `text` as an error: what Go's `http.Error` writes, which ends the line.
pub(crate) fn error(status: StatusCode, text: &str) -> Response {
    text_answer(status, format!("{text}\n"))
}

/// Plain text that no browser should take for anything else.
pub(crate) fn text_answer(status: StatusCode, text: String) -> Response {
    let headers = [(header::CONTENT_TYPE, PLAIN), (header::X_CONTENT_TYPE_OPTIONS, NOSNIFF)];
    (status, headers, Body::from(text)).into_response()
}

/// For a method other than GET; HEAD is another one too.
pub(crate) async fn method_not_allowed() -> Response {
    let mut response = error(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET"));
    response
}

/// For a path that does not exist.
pub(crate) async fn not_found() -> Response {
    error(StatusCode::NOT_FOUND, "404 page not found")
}
