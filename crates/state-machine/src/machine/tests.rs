use super::*;
use crate::members::Member;
use crate::{Attributes, DeleteRange, Kind, Put, Refusal, Reply, spaces};
use proptest::prelude::*;
use quorate_mvcc::{self as mvcc, Query, Tier, key_value};
use quorate_storage::testing::{Call, Effect, FaultyEngine, Model};
use quorate_storage_memory::MemoryEngine;
use quorate_types::{KeyRange, LeaseId, MemberId, Revision};

/// A state on a volatile engine, and the log that it is told.
pub(crate) struct Scene {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) state: StateMachine,
    pub(crate) index: u64,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::on(Arc::new(MemoryEngine::volatile(spaces::ALL)))
    }

    pub(crate) fn on(engine: Arc<dyn Engine>) -> Self {
        let state = StateMachine::open(engine.clone()).unwrap();
        Self { engine, state, index: 0 }
    }

    pub(crate) fn entry(&mut self, payload: Payload) -> Entry {
        self.index += 1;
        Entry { id: log::LogId { term: 1, index: self.index - 1 }, payload }
    }

    fn try_apply(&mut self, payload: Payload) -> Result<Vec<Outcome>, Fault> {
        let (entry, mut applied) = (self.entry(payload), Vec::new());
        self.state.apply(&[entry], &mut applied)?;
        Ok(applied.into_iter().map(|applied| applied.outcome).collect())
    }

    pub(crate) fn apply(&mut self, payload: Payload) -> Vec<Outcome> {
        self.try_apply(payload).unwrap()
    }

    pub(crate) fn run(&mut self, kinds: impl IntoIterator<Item = Kind>) -> Vec<Outcome> {
        self.apply(Payload::Commands(kinds.into_iter().map(envelope).collect()))
    }

    /// `key=value@mod_revision` of every key that readers see, and the revision they see.
    pub(crate) fn published(&self) -> (Vec<String>, i64) {
        published(&self.state)
    }

    pub(crate) fn contents(&self) -> Contents {
        contents(self.engine.as_ref())
    }
}

pub(crate) type Contents = Vec<(&'static str, Vec<(Bytes, Bytes)>)>;

/// Every record of every space.
fn contents(engine: &dyn Engine) -> Contents {
    let model = Model::of(engine.view().as_ref(), spaces::ALL).unwrap();
    let records = |&space| {
        let records = model.records(space).iter().map(|(key, value)| (key.clone(), value.clone()));
        (space.name(), records.collect())
    };
    spaces::ALL.as_slice().iter().map(records).collect()
}

fn published(state: &StateMachine) -> (Vec<String>, i64) {
    let newest = state.reader().newest();
    let all = Query::newest(KeyRange::From(Bytes::from_static(b"\0")));
    let found = newest.range(&all, Tier::Disk).unwrap();
    (found.records.into_iter().map(shown).collect(), newest.revision().0)
}

fn shown(record: Bytes) -> String {
    let record = key_value(record).unwrap();
    let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
    format!("{}={}@{}", text(&record.key), text(&record.value), record.mod_revision)
}

fn envelope(kind: Kind) -> Bytes {
    Command { id: 7, user: String::new(), auth_revision: 0, kind }.encode()
}

pub(crate) fn put(key: &'static str, value: &'static str) -> Kind {
    put_as(key, Some(value), Some(0))
}

pub(crate) fn put_as(key: &'static str, value: Option<&'static str>, lease: Option<i64>) -> Kind {
    let change = mvcc::Put { key: key.into(), value: value.map(Bytes::from), lease: lease.map(LeaseId) };
    Kind::Put(Put { change, with_previous: true })
}

pub(crate) fn delete(key: &'static str, end: &'static str) -> Kind {
    let range = KeyRange::from_wire(key.into(), end.into());
    Kind::DeleteRange(DeleteRange { range, with_previous: true })
}

pub(crate) fn describe(member: u64, name: &str) -> Kind {
    let client_urls = vec![format!("http://{name}:2379")];
    Kind::SetMemberAttributes {
        member: MemberId(member),
        attributes: Attributes { name: name.into(), client_urls },
    }
}

pub(super) fn membership(members: &[u64]) -> Payload {
    let node = |&id: &u64| log::Node {
        id,
        name: String::new(),
        peer_urls: vec![format!("http://{id}:2380")],
        ..log::Node::default()
    };
    let configs = vec![log::VoterSet { voters: members.to_vec() }];
    Payload::Membership(log::Membership { configs, nodes: members.iter().map(node).collect() })
}

fn previous(outcome: &Outcome) -> Option<String> {
    match &outcome.result {
        Ok(Reply::Put { previous }) => previous.clone().map(shown),
        other => panic!("expected a put's reply, got {other:?}"),
    }
}

#[test]
fn an_empty_state_is_at_revision_one_and_has_applied_nothing() {
    let scene = Scene::new();
    let newest = scene.state.reader().newest();
    assert_eq!(scene.published(), (vec![], 1));
    assert_eq!((newest.applied(), newest.members().count(), newest.size()), (None, 0, 0));
    let nothing_known = (None, log::StoredMembership::default());
    assert_eq!(StateMachine::position(newest.view().as_ref()).unwrap(), nothing_known);
}

#[test]
fn the_first_change_is_revision_two_and_a_blank_entry_is_none() {
    let mut scene = Scene::new();
    scene.apply(Payload::Blank);
    assert_eq!(scene.state.reader().newest().revision(), Revision(1));
    let outcome = scene.run([put("a", "1")]).remove(0);
    assert_eq!((outcome.revision, previous(&outcome)), (Revision(2), None));
    assert_eq!(scene.published(), (vec!["a=1@2".into()], 2));
}

#[test]
fn each_command_of_an_entry_has_a_revision_of_its_own_and_sees_those_before_it() {
    let mut scene = Scene::new();
    let outcomes = scene.run([put("a", "1"), put("a", "2"), delete("a", ""), delete("a", ""), put("a", "3")]);
    let revisions: Vec<i64> = outcomes.iter().map(|outcome| outcome.revision.0).collect();
    assert_eq!(revisions, [2, 3, 4, 4, 5]);
    assert_eq!(previous(&outcomes[1]).as_deref(), Some("a=1@2"));
    let Ok(Reply::DeleteRange(deleted)) = &outcomes[2].result else { panic!("{:?}", outcomes[2]) };
    assert_eq!(deleted.records.iter().cloned().map(shown).collect::<Vec<_>>(), ["a=2@3"]);
    assert_eq!(outcomes[3].result, Ok(Reply::DeleteRange(mvcc::Deleted::default())));
    assert_eq!(previous(&outcomes[4]), None);
}

#[test]
fn members_are_stored_as_etcd_stores_them() {
    let mut scene = Scene::new();
    scene.apply(membership(&[0x0a, 0xbeef]));
    scene.run([describe(0x0a, "ann"), describe(0xdead, "nobody")]);
    let stored = [
        ("a", r#"{"id":10,"peerURLs":["http://10:2380"],"name":"ann","clientURLs":["http://ann:2379"]}"#),
        ("beef", r#"{"id":48879,"peerURLs":["http://48879:2380"]}"#),
    ];
    let (_, members) = scene.contents().remove(spaces::MEMBERS.ordinal());
    assert_eq!(members, stored.map(|(id, json)| (id.into(), json.into())));
    let names = |state: &StateMachine| {
        let newest = state.reader().newest();
        newest.members().map(|member: &Member| member.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&scene.state), ["ann", ""]);
    scene.apply(membership(&[0x0a, 0xbeef]));
    assert_eq!(names(&scene.state), ["ann", ""], "what members said of themselves stays");
    assert_eq!(names(&Scene::on(scene.engine).state), ["ann", ""]);
}

#[test]
#[should_panic(expected = "A1")]
fn an_entry_is_applied_once() {
    let mut scene = Scene::new();
    scene.run([put("a", "1")]);
    scene.index = 0;
    scene.run([put("a", "1")]);
}

#[test]
#[should_panic(expected = "A1")]
fn no_entry_is_left_out() {
    let mut scene = Scene::new();
    scene.run([put("a", "1")]);
    scene.index += 1;
    scene.run([put("a", "1")]);
}

#[test]
#[should_panic(expected = "A1")]
fn a_restart_knows_what_was_applied() {
    let mut scene = Scene::new();
    scene.run([put("a", "1")]);
    let mut again = Scene::on(scene.engine);
    again.run([put("a", "1")]);
}

/// Law A5.
#[test]
fn a_refusal_changes_nothing() {
    let refused = [
        (put_as("a", Some("2"), Some(5)), Refusal::LeaseNotFound),
        (put_as("a", None, Some(5)), Refusal::LeaseNotFound),
        (put_as("b", None, Some(0)), Refusal::Mvcc(mvcc::Refusal::KeyNotFound)),
        (put_as("b", Some("2"), None), Refusal::Mvcc(mvcc::Refusal::KeyNotFound)),
        (put_as("b", None, None), Refusal::Mvcc(mvcc::Refusal::KeyNotFound)),
    ];
    for (kind, refusal) in refused {
        let mut scene = Scene::new();
        scene.run([put("a", "1")]);
        let (keys, before) = (scene.published(), without_position(scene.contents()));
        let outcome = scene.run([kind]).remove(0);
        assert_eq!(outcome, Outcome { revision: Revision(2), result: Err(refusal) });
        assert_eq!((scene.published(), without_position(scene.contents())), (keys, before));
        assert_eq!(scene.state.reader().applied_index(), Some(1), "it counts as applied all the same");
    }
}

pub(crate) fn without_position(mut contents: Contents) -> Contents {
    for (space, records) in &mut contents {
        if *space == QUORATE.name() {
            records.retain(|(key, _)| key.as_ref() != APPLIED);
        }
    }
    contents
}

#[test]
fn a_restart_finds_what_was_published() {
    let mut scene = Scene::new();
    scene.apply(membership(&[7]));
    scene.run([put("a", "1"), put("b", "2"), put("a", "3"), delete("b", ""), put("c", "4")]);
    let before = (scene.published(), scene.state.applied(), scene.state.membership().clone());
    let again = Scene::on(scene.engine);
    assert_eq!((again.published(), again.state.applied(), again.state.membership().clone()), before);
    let (applied, stored) = StateMachine::position(again.engine.view().as_ref()).unwrap();
    assert_eq!((applied, stored), (before.1, before.2));
}

#[test]
fn a_restart_after_a_last_delete_keeps_the_revision() {
    let mut scene = Scene::new();
    scene.run([put("a", "1"), delete("a", "")]);
    let mut again = Scene { index: 1, ..Scene::on(scene.engine) };
    assert_eq!(again.published(), (vec![], 3));
    assert_eq!(again.run([put("a", "2")])[0].revision, Revision(4));
}

#[test]
fn records_of_another_format_are_refused() {
    let refused = |key: &'static [u8], value: &'static [u8]| {
        let engine = Arc::new(MemoryEngine::volatile(spaces::ALL));
        let mut batch = Batch::default();
        batch.put(QUORATE, key, value);
        engine.write(batch).unwrap();
        StateMachine::open(engine).err().map(|fault| fault.to_string())
    };
    let newer = refused(FORMAT, &[0, 0, 0, 9]).unwrap();
    assert!(newer.contains("version 9") && newer.contains("up to 1"), "{newer}");
    for (key, value) in [
        (FORMAT, &[1][..]),
        (APPLIED, &[]),
        (APPLIED, &[9, 8, 1]),
        (APPLIED, &[1, 0xff]),
        (MEMBERSHIP, &[0]),
        (MEMBERSHIP, &[1, 0x0a, 0x09]),
    ] {
        let message = refused(key, value).unwrap();
        assert!(message.ends_with("cannot be decoded"), "{key:?} {value:?}: {message}");
    }
}

#[test]
fn a_member_that_cannot_be_read_is_refused() {
    for (space, key, value) in [
        (spaces::MEMBERS, "a", "{"),
        (spaces::MEMBERS_REMOVED, "x", "removed"),
        (spaces::MEMBERS_REMOVED, "", ""),
    ] {
        let engine = Arc::new(MemoryEngine::volatile(spaces::ALL));
        let mut batch = Batch::default();
        batch.put(space, key, value);
        engine.write(batch).unwrap();
        let fault = StateMachine::open(engine).err();
        assert!(matches!(fault, Some(Fault::Undecodable { .. })), "{key} {value}: {fault:?}");
    }
}

/// Law A3, seen from outside: the node stops before anybody is told anything.
#[test]
fn an_unknown_command_is_a_fault_and_nothing_of_its_batch_is_published() {
    let mut scene = Scene::new();
    scene.run([put("a", "1")]);
    let before = (scene.published(), scene.contents());
    let envelopes = vec![envelope(put("a", "2")), Bytes::from_static(&[1, 0xc2, 0x3e, 0])];
    let fault = scene.try_apply(Payload::Commands(envelopes));
    assert!(matches!(fault, Err(Fault::UnknownCommand)), "{fault:?}");
    assert_eq!((scene.published(), scene.contents()), before);
}

/// Law A4.
#[test]
fn a_write_that_failed_publishes_nothing() {
    for effect in [Effect::None, Effect::Full] {
        let engine = Arc::new(FaultyEngine::new(Arc::new(MemoryEngine::volatile(spaces::ALL)), spaces::ALL));
        engine.fail_after(1, Call::Write, effect);
        let mut scene = Scene::on(engine);
        scene.run([put("a", "1")]);
        let fault = scene.try_apply(Payload::Commands(vec![envelope(put("a", "2"))]));
        assert!(matches!(fault, Err(Fault::Storage { action: "write a batch", .. })), "{fault:?}");
        assert_eq!(scene.published(), (vec!["a=1@2".into()], 2));
    }
}

const KEYS: [&str; 4] = ["a", "b", "c", "d"];
const VALUES: [&str; 3] = ["", "1", "22"];

pub(super) fn any_kind() -> impl Strategy<Value = Kind> {
    let key = || prop::sample::select(&KEYS[..]);
    let value = prop::option::weighted(0.8, prop::sample::select(&VALUES[..]));
    let lease = prop::option::weighted(0.8, prop::sample::select(vec![0, 0, 0, 5]));
    prop_oneof![
        6 => (key(), value, lease).prop_map(|(key, value, lease)| put_as(key, value, lease)),
        3 => (key(), prop::sample::select(vec!["", "\0", "c", "zz"])).prop_map(|(key, end)| delete(key, end)),
        1 => prop::sample::select(vec![1, 2, 3]).prop_map(|member| describe(member, "member")),
        1 => (0..20i64).prop_map(|revision| Kind::Compact { revision: Revision(revision) }),
        2 => (key(), prop::sample::select(&VALUES[..])).prop_map(|(key, value)| moved(key, value)),
    ]
}

/// If the key is there: its value is moved to the first key, else it is put.
fn moved(key: &'static str, value: &'static str) -> Kind {
    let range = || KeyRange::Single(key.into());
    let to = |key: &'static str| {
        let change = mvcc::Put { key: key.into(), value: Some(value.into()), lease: Some(LeaseId::NONE) };
        mvcc::TxnOp::Put { change, with_previous: true }
    };
    let compare = mvcc::Compare {
        range: range(),
        relation: mvcc::Relation::Greater,
        operand: mvcc::Operand::Version(0),
    };
    let removal = mvcc::TxnOp::DeleteRange { range: range(), with_previous: true };
    Kind::Txn(mvcc::Txn {
        compares: vec![compare],
        success: vec![removal, to("first"), mvcc::TxnOp::Range(Query::newest(range()))],
        failure: vec![to(key)],
    })
}

/// Applies `kinds`: after each, `cuts` says whether its entry ends there, and whether its batch does.
fn packed(kinds: &[Kind], cuts: impl Fn(usize) -> (bool, bool)) -> (Contents, Vec<Outcome>) {
    let mut scene = Scene::new();
    let founding = scene.entry(membership(&[1, 2]));
    let (mut batch, mut envelopes, mut applied) = (vec![founding], Vec::new(), Vec::new());
    for (at, kind) in kinds.iter().enumerate() {
        let (ends_entry, ends_batch) = cuts(at);
        envelopes.push(envelope(kind.clone()));
        if ends_entry || ends_batch || at + 1 == kinds.len() {
            batch.push(scene.entry(Payload::Commands(std::mem::take(&mut envelopes))));
        }
        if ends_batch || at + 1 == kinds.len() {
            scene.state.apply(&std::mem::take(&mut batch), &mut applied).unwrap();
        }
    }
    let outcomes = applied.into_iter().map(|applied| applied.outcome).collect();
    (without_position(scene.contents()), outcomes)
}

proptest! {
    /// Law A2.
    #[test]
    fn the_state_does_not_depend_on_the_packing(
        kinds in prop::collection::vec(any_kind(), 1..40),
        cuts in prop::collection::vec((any::<bool>(), any::<bool>()), 40),
    ) {
        let one_by_one = packed(&kinds, |_| (true, true));
        prop_assert_eq!(&packed(&kinds, |_| (true, false)), &one_by_one, "one batch of many entries");
        prop_assert_eq!(&packed(&kinds, |_| (false, false)), &one_by_one, "one entry of many commands");
        prop_assert_eq!(&packed(&kinds, |at| cuts[at]), &one_by_one, "split at random");
    }

    /// Nor on when a member prunes: what it answers is the same, and once it is through so is what it holds.
    #[test]
    fn the_state_does_not_depend_on_when_it_is_pruned(
        kinds in prop::collection::vec(any_kind(), 1..40),
        steps in prop::collection::vec(0..3usize, 40),
    ) {
        let (mut late, mut early) = (Scene::new(), Scene::new());
        for (kind, steps) in kinds.into_iter().zip(steps) {
            prop_assert_eq!(late.run([kind.clone()]), early.run([kind]));
            for _ in 0..steps {
                early.state.prune(1).unwrap();
            }
            prop_assert_eq!(late.published(), early.published());
        }
        while late.state.prune(1).unwrap() {}
        while early.state.prune(3).unwrap() {}
        prop_assert_eq!(late.contents(), early.contents());
        let again = Scene::on(early.engine.clone());
        prop_assert_eq!(again.published(), early.published());
    }

    /// Nor on restarts: the index is built from what the engine holds.
    #[test]
    fn the_state_does_not_depend_on_restarts(kinds in prop::collection::vec(any_kind(), 1..30), every in 1..5usize) {
        let mut steady = Scene::new();
        let mut restarting = Scene::new();
        for (at, kind) in kinds.into_iter().enumerate() {
            prop_assert_eq!(steady.run([kind.clone()]), restarting.run([kind]));
            if at % every == 0 {
                restarting = Scene { index: restarting.index, ..Scene::on(restarting.engine) };
            }
        }
        prop_assert_eq!(steady.contents(), restarting.contents());
        prop_assert_eq!(steady.published(), restarting.published());
    }
}
