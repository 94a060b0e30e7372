use crate::check::{Settings, check};
use crate::history::History;
use crate::operation::{Answer, LeaseId, Operation, Record, Revision, StepAnswer};
use crate::recording::{Outcome, Recording};

/// What is found when a lamp is put on at revision 2, and another client then reads `lamp` at `revision`.
fn found(record: Option<Record>, revision: i64) -> String {
    let mut recording = Recording::default();
    let mut call = |client, operation, revision, result| {
        let call = recording.invoke(client, 0, operation);
        let answer = Answer { revision: Revision(revision), succeeded: true, results: vec![result] };
        recording.complete(call, 0, Outcome::Done(answer));
    };
    call(1, Operation::put("lamp", "on"), 2, StepAnswer::Put { prev_kv: None });
    call(2, Operation::range("lamp"), revision, StepAnswer::Range(record));
    let history = History::try_from(&recording).expect("it is well formed");
    check(&history, &Settings::default()).to_string()
}

#[test]
fn a_wrong_answer_is_shown_with_the_right_one_and_the_writes_before_it() {
    assert_eq!(
        found(None, 2),
        "K3 every answer is what the order gives
  call 2 of client 2, 2..3: range lamp -> nothing at revision 2
  in its place the answer is: \"on\" (mod 2, create 2, version 1) at revision 2
  the newest writes of lamp before:
    revision 2: \"on\" (mod 2, create 2, version 1), by call 0 of client 1, 0..1: put lamp=\"on\" -> ok at revision 2
"
    );
}

#[test]
fn a_revision_that_nobody_wrote_is_shown_with_what_it_did_and_who_saw_it() {
    let (created, modified) = (Revision(2), Revision(3));
    let twice = Record {
        value: "on".to_owned(),
        create_revision: created,
        mod_revision: modified,
        version: 2,
        lease: LeaseId(0),
    };
    let read = "call 2 of client 2, 2..3: range lamp -> \"on\" (mod 3, create 2, version 2) at revision 3";
    assert_eq!(
        found(Some(twice), 3),
        format!(
            "K4 every revision was written by somebody
  nobody can have written revision 3
  what it was seen to do:
    lamp held \"on\" (mod 3, create 2, version 2): {read}
  the first call that was told of it or a later one:
    {read}
"
        )
    );
}

#[test]
fn an_answer_of_the_past_is_shown_with_who_knew_better() {
    assert_eq!(
        found(None, 1),
        "K2 the order of revisions keeps the order of time
  call 2 of client 2, 2..3: range lamp -> nothing at revision 1
  stands at revision 1, but began after revision 2 had been told of:
  call 0 of client 1, 0..1: put lamp=\"on\" -> ok at revision 2
"
    );
}
