//! A put request on its way: from fields to the bytes a client sends, and back.
//!
//! `cargo run -p quorate-proto --example put`

use bytes::Bytes;
use prost::Message;
use quorate_proto::etcdserverpb::PutRequest;

fn main() -> Result<(), prost::DecodeError> {
    let put = PutRequest {
        key: Bytes::from_static(b"/registry/pods/default/web-0"),
        value: Bytes::from_static(b"running"),
        lease: 7,
        ..Default::default()
    };

    let sent = Bytes::from(put.encode_to_vec());
    println!("{} bytes: {sent:?}", sent.len());

    // Key and value share the memory of `sent`.
    let received = PutRequest::decode(sent)?;
    println!("{received:?}");
    assert_eq!(received, put);
    Ok(())
}
