use super::*;
use crate::admission::Limits;
use crate::testing::{LocalConsensus, MEMBER, Manner};
use crate::work::Work;
use crate::{Consensus, Put};
use quorate_state_machine::Unavailable;
use quorate_tasks::reply::Desk;
use quorate_tasks::testing::ManualClock;
use quorate_tasks::{Clock, Group};
use quorate_types::{ClusterId, LeaseId};
use std::cell::RefCell;
use std::sync::Arc;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

fn at(seconds: u64) -> Moment {
    Moment(Duration::from_secs(seconds))
}

/// A leader whose revision grows by one a second, from 1 on; what it compacts, and when, until `end`.
fn story(retention: Retention, end: u64, is_done: impl Fn(u64) -> bool) -> Vec<(u64, i64)> {
    let (mut history, mut told) = (AutoCompaction::new(retention, at(0), Revision(1)), Vec::new());
    loop {
        let now = history.due();
        let seconds = now.0.as_secs();
        if seconds > end {
            return told;
        }
        let newest = Revision(1 + i64::try_from(seconds).unwrap());
        if let Some(revision) = history.turn(Seen { now, newest, leads: true }) {
            told.push((seconds, revision.0));
            if is_done(seconds) {
                history.done(now, revision);
            }
        }
    }
}

fn always(_: u64) -> bool {
    true
}

#[test]
fn by_time_the_revision_of_a_period_ago_goes_after_the_first_period_and_then_every_one() {
    let half = Retention::Period(Duration::from_secs(30 * MINUTE));
    let told = story(half, 2 * HOUR, always);
    // As in etcd the sample is one interval older than the period.
    assert_eq!(told, [(1800, 1), (3600, 1621), (5400, 3421), (7200, 5221)]);
}

#[test]
fn a_long_period_is_compacted_every_hour_once_it_has_passed() {
    let told = story(Retention::Period(Duration::from_secs(5 * HOUR)), 8 * HOUR, always);
    assert_eq!(told, [(5 * HOUR, 1), (6 * HOUR, 3241), (7 * HOUR, 6841), (8 * HOUR, 10_441)]);
}

#[test]
fn what_failed_is_tried_again_at_the_next_sample() {
    let half = Retention::Period(Duration::from_secs(30 * MINUTE));
    let told = story(half, HOUR + 5 * MINUTE, |seconds| seconds != 1800);
    // Then as long after that as ever.
    assert_eq!(told, [(1800, 1), (1980, 1), (3780, 1801)]);
}

#[test]
fn by_revisions_what_is_older_goes_every_five_minutes_if_anything_is() {
    let told = story(Retention::Revisions(700), 20 * MINUTE, always);
    assert_eq!(told, [(900, 201), (1200, 501)]);
    assert_eq!(story(Retention::Revisions(i64::MAX), 20 * MINUTE, always), []);
}

#[test]
fn nothing_is_compacted_twice() {
    for retention in [Retention::Period(Duration::from_secs(30 * MINUTE)), Retention::Revisions(3)] {
        let mut history = AutoCompaction::new(retention, at(0), Revision(10));
        let mut told = Vec::new();
        for _ in 0..100 {
            let now = history.due();
            if let Some(revision) = history.turn(Seen { now, newest: Revision(10), leads: true }) {
                told.push(revision.0);
                history.done(now, revision);
            }
        }
        let expected = if matches!(retention, Retention::Revisions(_)) { 7 } else { 10 };
        assert_eq!(told, [expected], "{retention:?}");
    }
}

#[test]
fn only_a_leader_compacts_and_a_new_one_knows_the_past() {
    let retention = Retention::Period(Duration::from_secs(30 * MINUTE));
    let mut history = AutoCompaction::new(retention, at(0), Revision(1));
    for turn in 1..=20 {
        let (now, newest) = (history.due(), Revision(1 + turn));
        assert_eq!(history.turn(Seen { now, newest, leads: false }), None);
    }
    let told = history.turn(Seen { now: history.due(), newest: Revision(22), leads: true });
    assert_eq!(told, Some(Revision(11)), "ten samples ago");
    let mut history = AutoCompaction::new(Retention::Revisions(5), at(0), Revision(1));
    let seen = Seen { now: history.due(), newest: Revision(22), leads: false };
    assert_eq!((history.turn(seen), history.turn(Seen { leads: true, ..seen })), (None, Some(Revision(17))));
}

/// Through the door: done, refused because somebody was ahead, and failed.
#[tokio::test]
async fn what_somebody_compacted_already_counts_as_done_and_a_failure_does_not() {
    let consensus = Arc::new(LocalConsensus::new().unwrap());
    let (clock, desk) = (ManualClock::default(), Desk::default());
    let work = Work::start(&Group::threads(), 1);
    let shared = Arc::new(clock.clone());
    let door = Coordinator::new(ClusterId(1), MEMBER, consensus.clone(), shared, Limits::default(), work);
    let door = door.at(desk.clone());
    let told = RefCell::new(Vec::new());
    let running = run(&door, Retention::Revisions(2), |revision, outcome| {
        told.borrow_mut().push((revision.0, outcome.is_ok()));
    });
    let story = async {
        let turn = async || {
            while clock.sleepers() == 0 {
                tokio::task::yield_now().await;
            }
            clock.advance(REVISIONS_PERIOD);
            while clock.sleepers() == 0 {
                tokio::task::yield_now().await;
            }
        };
        let call = || Call { identity: Identity::Anonymous, deadline: clock.now() + Duration::from_secs(7) };
        let put = async || {
            let change = mvcc::Put { key: "a".into(), value: Some("1".into()), lease: Some(LeaseId::NONE) };
            door.put(&call(), Put { change, with_previous: false }).await.unwrap();
        };
        for _ in 0..3 {
            put().await;
        }
        turn().await;
        assert_eq!(consensus.reader().newest().compacted(), Some(Revision(2)));
        turn().await;
        assert_eq!(told.borrow().as_slice(), [(2, true)], "nothing new");
        put().await;
        door.compact(&call(), Compaction { revision: Revision(4), physical: false }).await.unwrap();
        turn().await;
        put().await;
        put().await;
        consensus.behave(Manner::Refusing(Unavailable::NoLeader));
        turn().await;
        consensus.behave(Manner::Prompt);
        turn().await;
        assert_eq!(told.borrow().as_slice(), [(2, true), (3, true), (5, false), (5, true)]);
        assert_eq!(consensus.reader().newest().compacted(), Some(Revision(5)));
    };
    tokio::select! {
        () = story => {}
        () = running => unreachable!("it runs for ever"),
        () = desk.attend() => unreachable!("a desk is attended for ever"),
    }
}
