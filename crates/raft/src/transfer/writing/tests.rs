use super::super::reading::{Reading, parts};
use super::*;
use crate::codec::{decode_log_id, decode_stored_membership, vote_of};
use crate::machine::SnapshotView;
use crate::types::TypeConfig;
use bytes::Bytes;
use openraft::alias::{SnapshotMetaOf, SnapshotOf};
use quorate_proto::log;
use quorate_state_machine::StateMachine;
use quorate_storage::Batch;
use quorate_storage_memory::MemoryEngine;
use quorate_tasks::Group;
use quorate_tasks::inbox::inbox;

/// An engine with `records` keys of a kilobyte each, and where it stands.
fn engine(records: u32) -> Arc<dyn Engine> {
    let engine = Arc::new(MemoryEngine::volatile(spaces::ALL));
    let mut state = StateMachine::open(engine.clone()).unwrap();
    let id = log::LogId { term: 3, index: 0 };
    let entry = quorate_state_machine::Entry { id, payload: quorate_state_machine::Payload::Blank };
    state.apply(&[entry], &mut Vec::new()).unwrap();
    let mut batch = Batch::default();
    for key in 0..records {
        batch.put(spaces::AUTH_USERS, Bytes::copy_from_slice(&key.to_be_bytes()), vec![7u8; 1024]);
    }
    engine.write(batch).unwrap();
    engine
}

/// What a leader would send of `engine`.
fn sent(engine: &Arc<dyn Engine>, group: &Group) -> BoxStream<'static, SnapshotPart> {
    let (reading, reading_inbox) = inbox(9);
    group.step("snapshot-read", reading_inbox, Reading);
    let view = engine.view();
    let (applied, membership) = StateMachine::position(view.as_ref()).unwrap();
    let meta = SnapshotMetaOf::<TypeConfig> {
        last_log_id: applied.map(decode_log_id),
        last_membership: decode_stored_membership(membership).unwrap(),
    };
    let vote = vote_of(log::Vote { term: 3, node: 1, committed: true });
    parts(&vote, &SnapshotOf::<TypeConfig, _> { meta, snapshot: SnapshotView::Durable(view) }, reading)
}

fn receiver(group: &Group) -> Sender<Part> {
    let (writing, writing_inbox) = inbox(9);
    group.step("snapshot-write", writing_inbox, Writing::new(engine(0)));
    writing
}

#[tokio::test]
async fn a_state_arrives_as_it_was_sent_in_parts_of_a_megabyte() {
    let group = Group::threads();
    let source = engine(3000);
    let sent: Vec<SnapshotPart> = sent(&source, &group).collect().await;
    let is_records = |part: &&SnapshotPart| matches!(part.part, Some(snapshot_part::Part::Records(_)));
    let kilobytes = 3000;
    assert!((kilobytes / 1024..kilobytes / 1024 + 5).contains(&sent.iter().filter(is_records).count()));

    let mut parts = futures::stream::iter(sent.into_iter().skip(1)).boxed();
    let prepared = receive(&mut parts, &receiver(&group)).await.unwrap();
    assert_eq!(prepared.view().size(), source.view().size());
    assert_eq!(prepared.applied(), Some(log::LogId { term: 3, index: 0 }));
    let middle = prepared.view().get(spaces::AUTH_USERS, &1500u32.to_be_bytes()).unwrap();
    assert_eq!(middle.as_deref(), Some(&[7u8; 1024][..]));
}

#[tokio::test]
async fn a_state_that_is_not_whole_is_not_taken() {
    let group = Group::threads();
    let whole: Vec<SnapshotPart> = sent(&engine(3000), &group).skip(1).collect().await;
    let told = async |parts: Vec<SnapshotPart>| {
        let mut parts = futures::stream::iter(parts).boxed();
        receive(&mut parts, &receiver(&group)).await.err().map(|error| error.to_string())
    };
    assert_eq!(told(whole.clone()).await, None);
    let changed = |change: &dyn Fn(&mut Vec<SnapshotPart>)| {
        let mut parts = whole.clone();
        change(&mut parts);
        parts
    };
    let sum = Some("malformed message: its sum is another one".to_owned());
    assert_eq!(told(changed(&|parts| drop(parts.remove(2)))).await, sum, "a part is missing");
    let flipped = changed(&|parts| {
        if let Some(snapshot_part::Part::Records(records)) = &mut parts[2].part {
            records.records[5].value = Bytes::from_static(b"another");
        }
    });
    assert_eq!(told(flipped).await, sum);
    let broke = Some("malformed message: it broke off".to_owned());
    assert_eq!(told(changed(&|parts| drop(parts.pop()))).await, broke);
    let unknown = changed(&|parts| {
        if let Some(snapshot_part::Part::Records(records)) = &mut parts[0].part {
            records.space = "nobody's".into();
        }
    });
    assert_eq!(told(unknown).await.as_deref(), Some("malformed message: it has records of an unknown kind"));
    assert_eq!(told(changed(&|parts| parts.swap(1, 2))).await.as_deref(), Some("store a received state"));
}

#[tokio::test]
async fn a_second_transfer_ends_the_first() {
    let group = Group::threads();
    let writing = receiver(&group);
    let first = tell(&writing, Part::Begin).await.unwrap();
    let second = tell(&writing, Part::Begin).await.unwrap();
    let records = SnapshotRecords { space: "key".into(), records: Vec::new() };
    let given_up = tell(&writing, |done| Part::Records(first, records.clone(), done)).await;
    assert!(matches!(given_up, Err(NotReceived::GivenUp)));
    assert!(tell(&writing, |done| Part::Records(second, records, done)).await.is_ok());
}
