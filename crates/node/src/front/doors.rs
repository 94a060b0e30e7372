//! Which service a request is for: the gRPC services, or the pages of plain HTTP.
//!
//! As in etcd it is the content type over HTTP/2 that makes a call a gRPC call, not its path.

use axum::Router;
use futures::TryFutureExt;
use futures::future::{Either, MapOk};
use http::{Request, Response, Version, header};
use http_body_util::Either as Body;
use hyper::body::Incoming;
use quorate_coordinator::Coordinator;
use quorate_grpc::{ReplyBody, Services};
use quorate_http::Metrics;
use quorate_http::calls::{Calls, Counted, CountedBody};
use std::convert::Infallible;
use std::sync::Arc;
use tower::{Layer, Service};

/// All that one front thread serves.
#[derive(Clone)]
pub(super) struct Doors {
    grpc: Counted<Services>,
    pages: Router,
}

/// What either door answers with.
type Reply = Response<Body<CountedBody<ReplyBody>, axum::body::Body>>;
type Call = <Counted<Services> as Service<Request<Incoming>>>::Future;
type Page = <Router as Service<Request<Incoming>>>::Future;

impl Doors {
    pub(super) fn new(door: &Coordinator, calls: &Calls, metrics: &Arc<Metrics>) -> Self {
        Self { grpc: calls.layer(quorate_grpc::services(door)), pages: quorate_http::router(door, metrics) }
    }
}

impl hyper::service::Service<Request<Incoming>> for Doors {
    type Response = Reply;
    type Error = Infallible;
    type Future = Either<
        MapOk<Call, fn(Response<CountedBody<ReplyBody>>) -> Reply>,
        MapOk<Page, fn(Response<axum::body::Body>) -> Reply>,
    >;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        if is_grpc(&request) {
            Either::Left(self.grpc.clone().call(request).map_ok(|reply| reply.map(Body::Left)))
        } else {
            Either::Right(self.pages.clone().call(request).map_ok(|reply| reply.map(Body::Right)))
        }
    }
}

fn is_grpc<B>(request: &Request<B>) -> bool {
    let content = request.headers().get(header::CONTENT_TYPE);
    request.version() == Version::HTTP_2
        && content.is_some_and(|content| content.as_bytes().starts_with(b"application/grpc"))
}
