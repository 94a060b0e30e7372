use super::*;
use crate::scene::Scene;
use bytes::Bytes;
use http_body::Body;
use http_body_util::{BodyExt, Full, StreamBody};
use std::convert::Infallible;
use tower::{ServiceExt, service_fn};

const PUT: &str = "http://member/etcdserverpb.KV/Put";

/// A message of three bytes.
fn message() -> Bytes {
    Bytes::from_static(&[0, 0, 0, 0, 3, 1, 2, 3])
}

fn status(code: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(
        http::HeaderName::from_static("grpc-status"),
        http::HeaderValue::from_static(code),
    )])
}

/// What a service answers with: a message, and how it ends.
fn reply(end: &'static str) -> impl Body<Data = Bytes, Error = Infallible> {
    Full::new(message()).with_trailers(async move { Some(Ok(status(end))) })
}

fn request(path: &str) -> Request<Full<Bytes>> {
    Request::builder().uri(path).body(Full::new(message())).unwrap()
}

/// One call whose answer ends with `end`, read to its end.
async fn call(calls: &Calls, path: &str, end: &'static str) {
    let service = service_fn(move |request: Request<CountedBody<Full<Bytes>>>| async move {
        request.into_body().collect().await.unwrap();
        Ok::<_, Infallible>(Response::new(reply(end)))
    });
    let response = calls.layer(service).oneshot(request(path)).await.unwrap();
    response.into_body().collect().await.unwrap();
}

fn put(calls: &Calls) -> Sum {
    let at = METHODS.iter().position(|method| method.name == "Put").unwrap();
    Calls::sums([calls].into_iter())[at]
}

#[tokio::test]
async fn a_call_is_counted_by_the_code_it_ends_with() {
    let calls = Calls::default();
    call(&calls, PUT, "0").await;
    call(&calls, PUT, "0").await;
    call(&calls, PUT, "14").await;
    call(&calls, PUT, "nonsense").await;
    let sum = put(&calls);
    let mut handled = [0; CODES.len()];
    (handled[0], handled[14], handled[UNKNOWN]) = (2, 1, 1);
    assert_eq!((sum.started, sum.handled), (4, handled));
    assert_eq!((sum.messages_received, sum.bytes_received), (4, 12));
    assert_eq!((sum.messages_sent, sum.bytes_sent), (4, 12));
}

#[tokio::test]
async fn a_refusal_without_a_body_is_counted_by_its_header() {
    let calls = Calls::default();
    let service = service_fn(|_| async {
        let mut response = Response::new(Full::new(Bytes::new()));
        *response.headers_mut() = status("3");
        Ok::<_, Infallible>(response)
    });
    drop(calls.layer(service).oneshot(request(PUT)).await.unwrap());
    assert_eq!(put(&calls).handled[3], 1);
}

#[tokio::test]
async fn a_call_that_the_client_gave_up_is_canceled_before_and_after_its_answer() {
    let calls = Calls::default();
    let silent = service_fn(|_| std::future::pending::<Result<Response<Full<Bytes>>, Infallible>>());
    drop(calls.layer(silent).oneshot(request(PUT)));
    assert_eq!(put(&calls).started, 0, "a call begins when its service is called");
    let mut call = Box::pin(calls.layer(silent).oneshot(request(PUT)));
    assert!(futures::poll!(&mut call).is_pending());
    drop(call);
    assert_eq!((put(&calls).started, put(&calls).handled[CANCELED]), (1, 1));
    let endless = service_fn(|_| async {
        let body = StreamBody::new(futures::stream::pending::<Result<http_body::Frame<Bytes>, Infallible>>());
        Ok::<_, Infallible>(Response::new(body))
    });
    drop(calls.layer(endless).oneshot(request(PUT)).await.unwrap());
    assert_eq!((put(&calls).started, put(&calls).handled[CANCELED]), (2, 2));
}

#[tokio::test]
async fn a_method_that_does_not_exist_is_not_counted() {
    let calls = Calls::default();
    for path in ["http://m/etcdserverpb.KV/Puts", "http://m/etcdserverpb.KV/", "http://m/", "http://m/x"] {
        call(&calls, path, "12").await;
    }
    assert!(Calls::sums([&calls].into_iter()).iter().all(|sum| *sum == Sum::default()));
}

#[tokio::test]
async fn a_scrape_has_the_calls_of_all_methods_and_codes() {
    let scene = Scene::new();
    call(&scene.front.calls, PUT, "0").await;
    let scrape = scene.get("/metrics").await;
    assert_eq!(scrape.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let labels = r#"grpc_method="Put",grpc_service="etcdserverpb.KV",grpc_type="unary""#;
    for (series, value) in [
        (format!("grpc_server_started_total{{{labels}}}"), 1.0),
        (format!(r#"grpc_server_handled_total{{grpc_code="OK",{labels}}}"#), 1.0),
        (format!(r#"grpc_server_handled_total{{grpc_code="Unauthenticated",{labels}}}"#), 0.0),
        (format!("grpc_server_msg_received_total{{{labels}}}"), 1.0),
        (format!("grpc_server_msg_sent_total{{{labels}}}"), 1.0),
        ("etcd_network_client_grpc_received_bytes_total".into(), 3.0),
        ("etcd_network_client_grpc_sent_bytes_total".into(), 3.0),
    ] {
        assert_eq!(scrape.series(&series), Some(value), "{series}");
    }
    let handled = scrape.text.lines().filter(|line| line.starts_with("grpc_server_handled_total{"));
    assert_eq!(handled.count(), METHODS.len() * CODES.len());
}
