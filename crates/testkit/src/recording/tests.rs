use super::*;
use crate::operation::{Compare, Step, StepAnswer, Target};

fn recording() -> Recording {
    let mut recording = Recording::default();
    let put = Step::Put { key: "a".to_owned(), value: "1".to_owned(), lease: LeaseId(7), prev_kv: true };
    let compare = Compare { key: "a".to_owned(), target: Target::Mod(Revision(0)) };
    let call = recording.invoke(
        3,
        10,
        Operation::Txn { compare: vec![compare], success: vec![put], failure: Vec::new() },
    );
    let watch = recording.watch(10, Range { key: "a".to_owned(), range_end: String::new() }, None);
    recording.tell(watch, 11, Revision(1), Told::Created);
    let results = vec![StepAnswer::Put { prev_kv: None }];
    let answer = Answer { revision: Revision(2), succeeded: true, results };
    recording.complete(call, 12, Outcome::Done(answer));
    let record = Record {
        value: "1".to_owned(),
        create_revision: Revision(2),
        mod_revision: Revision(2),
        version: 1,
        lease: LeaseId(7),
    };
    let event = Event { key: "a".to_owned(), revision: Revision(2), record: Some(record), prev_kv: None };
    recording.tell(watch, 13, Revision(2), Told::Events(vec![event]));
    let ask = recording.ask(14, LeaseId(7), Ask::Grant { ttl: 5 });
    recording.ttl(ask, 15, 5);
    recording.hash(MemberHash {
        member: "one".to_owned(),
        revision: Revision(2),
        compact_revision: Revision(-1),
        hash: 0xdead_beef,
    });
    recording
}

#[test]
fn a_recording_is_read_as_it_was_written() {
    let mut file = Vec::new();
    recording().write(&mut file).unwrap();
    assert_eq!(file.iter().filter(|byte| **byte == b'\n').count(), recording().entries().len());
    assert_eq!(Recording::read(&file[..]).unwrap(), recording());
}

/// Other programs write these lines too: names and forms may be added to, not changed.
#[test]
fn the_lines_have_the_form_that_recorders_rely_on() {
    let mut file = Vec::new();
    recording().write(&mut file).unwrap();
    let golden = [
        r#"{"invoke":{"call":0,"client":3,"at":{"order":0,"ms":10},"operation":{"txn":{"compare":[{"key":"a","target":{"mod":0}}],"success":[{"put":{"key":"a","value":"1","lease":7,"prev_kv":true}}],"failure":[]}}}}"#,
        r#"{"watch":{"watch":1,"at":{"order":1,"ms":10},"range":{"key":"a","range_end":""},"start":null}}"#,
        r#"{"tell":{"watch":1,"at":{"order":2,"ms":11},"header":1,"told":"created"}}"#,
        r#"{"complete":{"call":0,"at":{"order":3,"ms":12},"outcome":{"done":{"revision":2,"succeeded":true,"results":[{"put":{"prev_kv":null}}]}}}}"#,
        r#"{"tell":{"watch":1,"at":{"order":4,"ms":13},"header":2,"told":{"events":[{"key":"a","revision":2,"record":{"value":"1","create_revision":2,"mod_revision":2,"version":1,"lease":7},"prev_kv":null}]}}}"#,
        r#"{"ask":{"ask":5,"at":{"order":5,"ms":14},"lease":7,"what":{"grant":{"ttl":5}}}}"#,
        r#"{"ttl":{"ask":5,"at":{"order":6,"ms":15},"ttl":5}}"#,
        r#"{"hash":{"member":"one","revision":2,"compact_revision":-1,"hash":3735928559}}"#,
    ];
    let written = String::from_utf8(file).unwrap();
    assert_eq!(written.lines().collect::<Vec<_>>(), golden);
}

#[test]
fn what_may_be_left_out_of_a_line_may_be_left_out() {
    let line = r#"{"invoke":{"call":0,"client":1,"at":{"order":0,"ms":0},"operation":{"step":{"put":{"key":"a","value":"1"}}}}}"#;
    let read = Recording::read(line.as_bytes()).unwrap();
    let Entry::Invoke { operation, .. } = &read.entries()[0] else { panic!("{read:?}") };
    assert_eq!(*operation, Operation::put("a", "1"));
}

#[test]
fn a_torn_line_is_named() {
    let mut file = Vec::new();
    recording().write(&mut file).unwrap();
    file.truncate(file.len() - 5);
    let error = Recording::read(&file[..]).unwrap_err();
    assert_eq!(error.to_string(), "line 8 is no entry of a recording");
}

#[test]
fn a_range_means_what_etcd_means_by_it() {
    for (key, range_end, inside, outside) in
        [("b", "", "b", "ba"), ("b", "d", "cz", "d"), ("b", "\0", "z", "a"), ("d", "b", "", "c")]
    {
        let range = Range { key: key.to_owned(), range_end: range_end.to_owned() };
        assert!(inside.is_empty() || range.contains(inside), "{range:?}");
        assert!(!range.contains(outside), "{range:?}");
    }
}
