//! Counts the calls of a service with the layer that the server puts around its own.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use quorate_http::calls::{Calls, CountedBody};
use std::convert::Infallible;
use tower::{Layer, ServiceExt, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let calls = Calls::default(); // shown by `Metrics`, which adds up those of all threads
    let service = service_fn(|request: Request<CountedBody<Full<Bytes>>>| async move {
        println!("called {}", request.uri().path());
        Ok::<_, Infallible>(Response::builder().header("grpc-status", "0").body(Full::new(Bytes::new())))
    });
    let service = calls.layer(service.map_response(|response| response.expect("a constant header")));
    service.oneshot(Request::get("/etcdserverpb.KV/Put").body(Full::new(Bytes::new()))?).await?;
    println!("{calls:?}");
    Ok(())
}
