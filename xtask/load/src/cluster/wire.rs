//! A recorded operation as a call, and its answer as what is recorded.

use anyhow::{Context, bail, ensure};
use quorate_proto::etcdserverpb::compare::{CompareResult, CompareTarget, TargetUnion};
use quorate_proto::etcdserverpb::kv_client::KvClient;
use quorate_proto::etcdserverpb::lease_client::LeaseClient;
use quorate_proto::etcdserverpb::request_op::Request;
use quorate_proto::etcdserverpb::response_op::Response;
use quorate_proto::etcdserverpb::{
    Compare, DeleteRangeRequest, DeleteRangeResponse, LeaseRevokeRequest, PutRequest, PutResponse,
    RangeRequest, RangeResponse, RequestOp, ResponseHeader, ResponseOp, TxnRequest,
};
use quorate_proto::mvccpb::KeyValue;
use quorate_testkit::{Answer, LeaseId, Operation, Record, Revision, Step, StepAnswer, Target};
use tonic::Status;
use tonic::transport::Channel;

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server, or what is between, says so.
    Status(Status),
    /// It answered something that is no answer to this (V6).
    Nonsense(anyhow::Error),
}

impl From<Status> for Failure {
    fn from(status: Status) -> Failure {
        Failure::Status(status)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        Failure::Nonsense(error)
    }
}

/// Makes the call, once.
pub(super) async fn call(channel: Channel, operation: &Operation) -> Result<Answer, Failure> {
    let mut kv = KvClient::new(channel.clone());
    match operation {
        Operation::Step(Step::Put { key, value, lease, prev_kv }) => {
            let said = kv.put(put(key, value, (*lease, *prev_kv))).await?.into_inner();
            let header = said.header;
            Ok(answer(header, vec![put_answer(&said, key)?])?)
        }
        Operation::Step(Step::Delete { key, prev_kv }) => {
            let said = kv.delete_range(delete(key, *prev_kv)).await?.into_inner();
            let header = said.header;
            Ok(answer(header, vec![delete_answer(&said, key)?])?)
        }
        Operation::Step(Step::Range { key }) => {
            let said = kv.range(range(key)).await?.into_inner();
            let header = said.header;
            Ok(answer(header, vec![range_answer(&said, key)?])?)
        }
        Operation::Txn { compare, success, failure } => {
            let request = TxnRequest {
                compare: compare.iter().map(comparison).collect(),
                success: success.iter().map(step).collect(),
                failure: failure.iter().map(step).collect(),
            };
            let said = kv.txn(request).await?.into_inner();
            let steps = operation.branch(said.succeeded);
            let results = txn_answers(steps, said.responses)?;
            Ok(Answer { succeeded: said.succeeded, ..answer(said.header, results)? })
        }
        Operation::Revoke { lease } => {
            let request = LeaseRevokeRequest { id: lease.0 };
            let said = LeaseClient::new(channel).lease_revoke(request).await?.into_inner();
            Ok(answer(said.header, Vec::new())?)
        }
    }
}

/// What a key holds.
pub(super) fn record(pair: &KeyValue) -> Record {
    Record {
        value: text(&pair.value),
        create_revision: Revision(pair.create_revision),
        mod_revision: Revision(pair.mod_revision),
        version: pair.version,
        lease: LeaseId(pair.lease),
    }
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn answer(header: Option<ResponseHeader>, results: Vec<StepAnswer>) -> anyhow::Result<Answer> {
    let header = header.context("an answer without a header")?;
    Ok(Answer { revision: Revision(header.revision), succeeded: true, results })
}

fn put(key: &str, value: &str, (lease, prev_kv): (LeaseId, bool)) -> PutRequest {
    let (key, value) = (key.to_owned().into(), value.to_owned().into());
    PutRequest { key, value, lease: lease.0, prev_kv, ..PutRequest::default() }
}

fn delete(key: &str, prev_kv: bool) -> DeleteRangeRequest {
    DeleteRangeRequest { key: key.to_owned().into(), prev_kv, ..DeleteRangeRequest::default() }
}

fn range(key: &str) -> RangeRequest {
    RangeRequest { key: key.to_owned().into(), ..RangeRequest::default() }
}

fn step(step: &Step) -> RequestOp {
    RequestOp {
        request: Some(match step {
            Step::Put { key, value, lease, prev_kv } => {
                Request::RequestPut(put(key, value, (*lease, *prev_kv)))
            }
            Step::Delete { key, prev_kv } => Request::RequestDeleteRange(delete(key, *prev_kv)),
            Step::Range { key } => Request::RequestRange(range(key)),
        }),
    }
}

fn comparison(compare: &quorate_testkit::Compare) -> Compare {
    let (target, union) = match &compare.target {
        Target::Create(revision) => (CompareTarget::Create, TargetUnion::CreateRevision(revision.0)),
        Target::Mod(revision) => (CompareTarget::Mod, TargetUnion::ModRevision(revision.0)),
        Target::Version(version) => (CompareTarget::Version, TargetUnion::Version(*version)),
        Target::Value(value) => (CompareTarget::Value, TargetUnion::Value(value.clone().into())),
    };
    Compare {
        result: CompareResult::Equal.into(),
        target: target.into(),
        key: compare.key.clone().into(),
        target_union: Some(union),
        ..Compare::default()
    }
}

fn put_answer(said: &PutResponse, key: &str) -> anyhow::Result<StepAnswer> {
    Ok(StepAnswer::Put { prev_kv: of_key(said.prev_kv.as_slice(), key)? })
}

fn delete_answer(said: &DeleteRangeResponse, key: &str) -> anyhow::Result<StepAnswer> {
    Ok(StepAnswer::Delete { deleted: said.deleted, prev_kv: of_key(&said.prev_kvs, key)? })
}

fn range_answer(said: &RangeResponse, key: &str) -> anyhow::Result<StepAnswer> {
    ensure!(said.count == said.kvs.len() as i64, "a range of {key} found {said:?}");
    Ok(StepAnswer::Range(of_key(&said.kvs, key)?))
}

/// The record of this key, and there is no other.
fn of_key(pairs: &[KeyValue], key: &str) -> anyhow::Result<Option<Record>> {
    ensure!(pairs.len() <= 1 && pairs.iter().all(|pair| pair.key == key), "of {key} there is {pairs:?}");
    Ok(pairs.first().map(record))
}

fn txn_answers(steps: &[Step], responses: Vec<ResponseOp>) -> anyhow::Result<Vec<StepAnswer>> {
    ensure!(steps.len() == responses.len(), "{} steps and {} answers", steps.len(), responses.len());
    let pairs = steps.iter().zip(responses);
    pairs
        .map(|(step, response)| match (step, response.response) {
            (Step::Put { key, .. }, Some(Response::ResponsePut(said))) => put_answer(&said, key),
            (Step::Delete { key, .. }, Some(Response::ResponseDeleteRange(said))) => {
                delete_answer(&said, key)
            }
            (Step::Range { key }, Some(Response::ResponseRange(said))) => range_answer(&said, key),
            (step, response) => bail!("{step} of a transaction was answered {response:?}"),
        })
        .collect()
}

#[cfg(test)]
mod tests;
