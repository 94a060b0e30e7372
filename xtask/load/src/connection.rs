//! One HTTP/2 connection and the calls we make on it.

use std::time::Duration;

use quorate_proto::etcdserverpb::kv_client::KvClient;
use quorate_proto::etcdserverpb::{DeleteRangeRequest, PutRequest, RangeRequest, RangeResponse};
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

use crate::journal::{Op, end_of};

/// A crash closes the connection at once; whoever answers later than this hangs.
const REPLY_WITHIN: Duration = Duration::from_secs(20);
const REPLY_BYTES_MAX: usize = 256 << 20;

/// Clones share the connection.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    kv: KvClient<Channel>,
}

/// What the server said about a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) revision: i64,
    pub(crate) deleted: i64,
}

impl Connection {
    pub(crate) async fn open(endpoint: &str) -> anyhow::Result<Connection> {
        let endpoint = Endpoint::from_shared(endpoint.to_owned())?.timeout(REPLY_WITHIN).tcp_nodelay(true);
        let channel = endpoint.connect().await?;
        Ok(Connection { kv: KvClient::new(channel).max_decoding_message_size(REPLY_BYTES_MAX) })
    }

    pub(crate) async fn open_all(endpoint: &str, count: u32) -> anyhow::Result<Vec<Connection>> {
        let mut connections = Vec::new();
        for _ in 0..count {
            connections.push(Connection::open(endpoint).await?);
        }
        Ok(connections)
    }

    pub(crate) async fn write(&mut self, op: &Op) -> Result<Reply, Status> {
        let (header, deleted) = match op {
            Op::Put { key, value } => {
                let request = PutRequest {
                    key: key.clone().into(),
                    value: value.bytes().into(),
                    ..PutRequest::default()
                };
                (self.kv.put(request).await?.into_inner().header, 0)
            }
            Op::Delete { prefix } => {
                let request = DeleteRangeRequest {
                    key: prefix.clone().into(),
                    range_end: end_of(prefix).into(),
                    ..DeleteRangeRequest::default()
                };
                let response = self.kv.delete_range(request).await?.into_inner();
                (response.header, response.deleted)
            }
        };
        let header = header.ok_or_else(|| Status::internal("a reply without a header"))?;
        Ok(Reply { revision: header.revision, deleted })
    }

    pub(crate) async fn range(&mut self, request: RangeRequest) -> Result<RangeResponse, Status> {
        Ok(self.kv.range(request).await?.into_inner())
    }
}
