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

const INCOMING: Incoming = Incoming { from: MemberId(1), state: 77 };

/// What a leader would send of `engine`, behind what has arrived by `reply`.
fn sent_behind(
    reply: Option<ResumeReply>,
    engine: &Arc<dyn Engine>,
    group: &Group,
) -> BoxStream<'static, SnapshotPart> {
    let (reading, reading_inbox) = inbox(9);
    group.step("snapshot-read", reading_inbox, Reading);
    let view = engine.view();
    let (applied, membership) = StateMachine::position(view.as_ref()).unwrap();
    let meta = SnapshotMetaOf::<TypeConfig> {
        last_log_id: applied.map(decode_log_id),
        last_membership: decode_stored_membership(membership).unwrap(),
    };
    let vote = vote_of(log::Vote { term: 3, node: 1, committed: true });
    let snapshot =
        SnapshotOf::<TypeConfig, _> { meta, snapshot: SnapshotView::Durable(view, INCOMING.state) };
    parts(&vote, &snapshot, reply, reading)
}

fn sent(engine: &Arc<dyn Engine>, group: &Group) -> BoxStream<'static, SnapshotPart> {
    sent_behind(None, engine, group)
}

/// Takes a whole state.
async fn take(parts: Vec<SnapshotPart>, writing: &Sender<Part>) -> Result<Prepared, NotReceived> {
    let number = begin(INCOMING, 0, writing).await?;
    receive(number, &mut futures::stream::iter(parts).boxed(), writing).await
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

    let prepared = take(sent.into_iter().skip(1).collect(), &receiver(&group)).await.unwrap();
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
        take(parts, &receiver(&group)).await.err().map(|error| error.to_string())
    };
    assert_eq!(told(whole.clone()).await, None);
    let changed = |change: &dyn Fn(&mut Vec<SnapshotPart>)| {
        let mut parts = whole.clone();
        change(&mut parts);
        parts
    };
    let sum = Some("malformed message: the sum of a part is another one".to_owned());
    assert_eq!(told(changed(&|parts| drop(parts.remove(1)))).await, sum, "a part is missing");
    let end = Some("malformed message: its sum is another one".to_owned());
    let last = whole.len() - 2;
    assert_eq!(told(changed(&|parts| drop(parts.remove(last)))).await, end, "the last part is missing");
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
    assert_eq!(told(changed(&|parts| parts.swap(1, 2))).await, sum);
}

#[tokio::test]
async fn a_second_transfer_ends_the_first() {
    let group = Group::threads();
    let writing = receiver(&group);
    let first = begin(INCOMING, 0, &writing).await.unwrap();
    let second = begin(INCOMING, 0, &writing).await.unwrap();
    let mut records = SnapshotRecords { space: "key".into(), ..SnapshotRecords::default() };
    records.sha256 = Sum::default().with(&records).sha256;
    let given_up = tell(&writing, |done| Part::Records(first, records.clone(), done)).await;
    assert!(matches!(given_up, Err(NotReceived::GivenUp)));
    assert!(tell(&writing, |done| Part::Records(second, records, done)).await.is_ok());
}

#[tokio::test]
async fn what_has_arrived_before_the_way_broke_is_not_sent_again() {
    let group = Group::threads();
    let (source, writing) = (engine(5000), receiver(&group));
    let whole: Vec<SnapshotPart> = sent(&source, &group).collect().await;
    let arrived = whole.iter().skip(1).take(3).cloned().collect();
    assert!(matches!(take(arrived, &writing).await, Err(NotReceived::Malformed(Malformed("it broke off")))));

    let reply = progress(INCOMING, &writing).await;
    assert!(reply.records > 2000, "{} records", reply.records);
    let others = Incoming { state: 78, ..INCOMING };
    assert_eq!(progress(others, &writing).await, ResumeReply::default(), "of another state nothing has");
    let rest: Vec<SnapshotPart> = sent_behind(Some(reply.clone()), &source, &group).collect().await;
    assert_eq!(rest.len(), whole.len() - 3);
    let Some(snapshot_part::Part::Head(head)) = &rest[0].part else { unreachable!("it comes first") };
    assert_eq!((head.state, head.skipped), (INCOMING.state, reply.records));

    for (incoming, skipped) in [(others, reply.records), (INCOMING, reply.records - 1)] {
        assert!(begin(incoming, skipped, &writing).await.is_err(), "nothing has arrived there");
    }
    let number = begin(INCOMING, head.skipped, &writing).await.unwrap();
    let mut parts = futures::stream::iter(rest.into_iter().skip(1)).boxed();
    let prepared = receive(number, &mut parts, &writing).await.unwrap();
    assert_eq!(prepared.view().size(), source.view().size());
}

#[tokio::test]
async fn what_nobody_goes_on_with_is_given_up() {
    let group = Group::threads();
    let writing = receiver(&group);
    let whole: Vec<SnapshotPart> = sent(&engine(3000), &group).skip(1).take(2).collect().await;
    assert!(take(whole.clone(), &writing).await.is_err());
    let records = progress(INCOMING, &writing).await.records;
    let second = begin(INCOMING, records, &writing).await.unwrap();
    assert!(writing.push(Part::GiveUp(second - 1)).is_ok());
    assert_eq!(progress(INCOMING, &writing).await.records, records, "the second try goes on with it");
    assert!(writing.push(Part::GiveUp(second)).is_ok());
    assert_eq!(progress(INCOMING, &writing).await.records, 0);
}
