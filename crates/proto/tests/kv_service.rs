//! An ordinary client against a KV server that answers with stored bytes. Both in one process, without a
//! connection: a generated server is a function from an HTTP request to its response.

use bytes::Bytes;
use futures::executor::block_on;
use futures::stream;
use prost::Message;
use quorate_proto::encoded::{DeleteRangeReply, PutReply, RangeReply, RangeStreamReply, TxnReply};
use quorate_proto::etcdserverpb::kv_client::KvClient;
use quorate_proto::etcdserverpb::kv_server::{Kv, KvServer};
use quorate_proto::etcdserverpb::{
    CompactionRequest, CompactionResponse, DeleteRangeRequest, PutRequest, RangeRequest, TxnRequest,
};
use quorate_proto::mvccpb::KeyValue;
use tonic::{Request, Response, Status};

#[test]
fn client_reads_stored_bytes_as_records() {
    let mut client = KvClient::new(KvServer::new(Fixed(pair())));

    let range = block_on(client.range(RangeRequest::default())).expect("fixed").into_inner();
    assert_eq!((range.kvs, range.count), (vec![pair()], 1));

    let put = block_on(client.put(PutRequest::default())).expect("fixed").into_inner();
    assert_eq!(put.prev_kv, Some(pair()));

    let deletion = block_on(client.delete_range(DeleteRangeRequest::default())).expect("fixed").into_inner();
    assert_eq!(deletion.prev_kvs, [pair()]);

    let mut pieces = block_on(client.range_stream(RangeRequest::default())).expect("fixed").into_inner();
    let piece = block_on(pieces.message()).expect("fixed").and_then(|piece| piece.range_response);
    assert_eq!(piece.expect("one piece").kvs, [pair()]);
    assert_eq!(block_on(pieces.message()).expect("an orderly end"), None);
}

fn pair() -> KeyValue {
    KeyValue { key: "k".into(), value: "v".into(), mod_revision: 2, ..Default::default() }
}

/// Answers everything with one pair.
struct Fixed(KeyValue);

impl Fixed {
    fn stored(&self) -> Bytes {
        self.0.encode_to_vec().into()
    }

    fn one(&self) -> RangeReply {
        RangeReply { kvs: vec![self.stored()], count: 1, ..Default::default() }
    }
}

#[tonic::async_trait]
impl Kv for Fixed {
    async fn range(&self, _: Request<RangeRequest>) -> Result<Response<RangeReply>, Status> {
        Ok(Response::new(self.one()))
    }

    type RangeStreamStream = stream::Iter<std::array::IntoIter<Result<RangeStreamReply, Status>, 1>>;

    async fn range_stream(
        &self,
        _: Request<RangeRequest>,
    ) -> Result<Response<Self::RangeStreamStream>, Status> {
        Ok(Response::new(stream::iter([Ok(RangeStreamReply { range_response: Some(self.one()) })])))
    }

    async fn put(&self, _: Request<PutRequest>) -> Result<Response<PutReply>, Status> {
        Ok(Response::new(PutReply { header: None, prev_kv: Some(self.stored()) }))
    }

    async fn delete_range(
        &self,
        _: Request<DeleteRangeRequest>,
    ) -> Result<Response<DeleteRangeReply>, Status> {
        Ok(Response::new(DeleteRangeReply { header: None, deleted: 1, prev_kvs: vec![self.stored()] }))
    }

    async fn txn(&self, _: Request<TxnRequest>) -> Result<Response<TxnReply>, Status> {
        Ok(Response::new(TxnReply::default()))
    }

    async fn compact(&self, _: Request<CompactionRequest>) -> Result<Response<CompactionResponse>, Status> {
        Ok(Response::new(CompactionResponse::default()))
    }
}
