//! What clients ask and are told, in the words of the recording and in those of the coordinator.

use bytes::Bytes;
use prost::Message;
use quorate_coordinator::{
    Call, Coordinator, DeleteRange, Deleted, Error, Found, OpDone, Put, Query, Txn, TxnDone, Unavailable,
};
use quorate_proto::mvccpb;
use quorate_state_machine::mvcc::{self, Operand, Relation, TxnOp};
use quorate_testkit::{
    Answer, Compare, Event, LeaseId, Operation, Outcome, Record, Revision, Step, StepAnswer, Target,
};
use quorate_types::KeyRange;

/// Has a member do it.
pub(crate) async fn carry_out(
    door: &Coordinator,
    call: &Call,
    operation: &Operation,
) -> Result<Answer, Error> {
    match operation {
        Operation::Step(Step::Put { key, value, lease, prev_kv }) => {
            let put = Put { change: change(key, value, *lease), with_previous: *prev_kv };
            let (revision, previous) = door.put(call, put).await?;
            Ok(answer(revision, StepAnswer::Put { prev_kv: previous.as_ref().map(record) }))
        }
        Operation::Step(Step::Delete { key, prev_kv }) => {
            let delete = DeleteRange { range: single(key), with_previous: *prev_kv };
            let (revision, gone) = door.delete_range(call, delete).await?;
            Ok(answer(revision, deleted(&gone)))
        }
        Operation::Step(Step::Range { key }) => {
            let (revision, there) = door.range(call, Query::newest(single(key)), false).await?;
            Ok(answer(revision, found(&there)))
        }
        Operation::Txn { compare, success, failure } => {
            let txn = Txn {
                compares: compare.iter().map(condition).collect(),
                success: success.iter().map(step).collect(),
                failure: failure.iter().map(step).collect(),
            };
            let (revision, TxnDone { succeeded, results }) = door.txn(call, txn, false).await?;
            Ok(Answer {
                revision: Revision(revision.0),
                succeeded,
                results: results.iter().map(result).collect(),
            })
        }
        Operation::Revoke { lease } => {
            let revision = door.lease_revoke(call, quorate_types::LeaseId(lease.0)).await?;
            Ok(Answer { revision: Revision(revision.0), succeeded: true, results: Vec::new() })
        }
    }
}

/// How a call ended for its client. What is unavailable may have been done, but for what was turned away at the door.
pub(crate) fn outcome(answer: Result<Answer, Error>) -> Outcome {
    match answer {
        Ok(answer) => Outcome::Done(answer),
        Err(Error::Unavailable(Unavailable::TooManyRequests)) => Outcome::Refused("too many requests".into()),
        Err(error @ (Error::Unavailable(_) | Error::Unreadable)) => Outcome::Unknown(error.to_string()),
        Err(error) => Outcome::Refused(error.to_string()),
    }
}

/// An event as a watch tells it.
///
/// # Panics
/// If it is none.
pub(crate) fn event(bytes: &Bytes) -> Event {
    let event = mvccpb::Event::decode(bytes.clone()).expect("the hub tells events");
    let is_delete = event.r#type() == mvccpb::event::EventType::Delete;
    let pair = event.kv.expect("an event is about a key");
    Event {
        key: text(&pair.key),
        revision: Revision(pair.mod_revision),
        record: (!is_delete).then(|| of_pair(&pair)),
        prev_kv: event.prev_kv.as_ref().map(of_pair),
    }
}

fn answer(revision: quorate_types::Revision, result: StepAnswer) -> Answer {
    Answer { revision: Revision(revision.0), succeeded: true, results: vec![result] }
}

fn single(key: &str) -> KeyRange {
    KeyRange::Single(Bytes::copy_from_slice(key.as_bytes()))
}

fn change(key: &str, value: &str, lease: LeaseId) -> mvcc::Put {
    mvcc::Put {
        key: Bytes::copy_from_slice(key.as_bytes()),
        value: Some(Bytes::copy_from_slice(value.as_bytes())),
        lease: Some(quorate_types::LeaseId(lease.0)),
    }
}

fn condition(compare: &Compare) -> mvcc::Compare {
    let revision = |revision: &Revision| quorate_types::Revision(revision.0);
    let operand = match &compare.target {
        Target::Create(created) => Operand::Created(revision(created)),
        Target::Mod(modified) => Operand::Modified(revision(modified)),
        Target::Version(version) => Operand::Version(*version),
        Target::Value(value) => Operand::Value(Bytes::copy_from_slice(value.as_bytes())),
    };
    mvcc::Compare { range: single(&compare.key), relation: Relation::Equal, operand }
}

fn step(step: &Step) -> TxnOp {
    match step {
        Step::Put { key, value, lease, prev_kv } => {
            TxnOp::Put { change: change(key, value, *lease), with_previous: *prev_kv }
        }
        Step::Delete { key, prev_kv } => TxnOp::DeleteRange { range: single(key), with_previous: *prev_kv },
        Step::Range { key } => TxnOp::Range(Query::newest(single(key))),
    }
}

fn result(done: &OpDone) -> StepAnswer {
    match done {
        OpDone::Put { previous, .. } => StepAnswer::Put { prev_kv: previous.as_ref().map(record) },
        OpDone::DeleteRange { deleted: gone, .. } => deleted(gone),
        OpDone::Range { found: there, .. } => found(there),
        OpDone::Txn(_) => unreachable!("no client nests transactions"),
    }
}

fn deleted(deleted: &Deleted) -> StepAnswer {
    let count = i64::try_from(deleted.count).unwrap_or(i64::MAX);
    StepAnswer::Delete { deleted: count, prev_kv: deleted.records.first().map(record) }
}

fn found(found: &Found) -> StepAnswer {
    StepAnswer::Range(found.records.first().map(record))
}

fn record(bytes: &Bytes) -> Record {
    of_pair(&mvccpb::KeyValue::decode(bytes.clone()).expect("a record is a pair"))
}

fn of_pair(pair: &mvccpb::KeyValue) -> Record {
    Record {
        value: text(&pair.value),
        create_revision: Revision(pair.create_revision),
        mod_revision: Revision(pair.mod_revision),
        version: pair.version,
        lease: LeaseId(pair.lease),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
