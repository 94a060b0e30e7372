use super::*;
use crate::check::check;
use crate::operation::{Answer, Record, Step};
use crate::recording::{Outcome, Recording};

const LEASE: LeaseId = LeaseId(7);

struct Script(Recording);

impl Script {
    /// A lease of 5 s, granted between 0 and 10 ms, with the key `a` at revision 2, told at 30 ms.
    fn begin() -> Script {
        let mut script = Script(Recording::default());
        script.ask(Ask::Grant { ttl: 5 }, (0, 10), 5);
        let step = Step::Put { key: "a".to_owned(), value: "1".to_owned(), lease: LEASE, prev_kv: false };
        script.call(Operation::Step(step), (20, 30), 2, StepAnswer::Put { prev_kv: None });
        script
    }

    fn ask(&mut self, what: Ask, (sent, answered): (u64, u64), ttl: i64) {
        let ask = self.0.ask(sent, LEASE, what);
        self.0.ttl(ask, answered, ttl);
    }

    fn call(&mut self, operation: Operation, (begun, ended): (u64, u64), revision: i64, result: StepAnswer) {
        let call = self.0.invoke(0, begun, operation);
        let answer = Answer { revision: Revision(revision), succeeded: true, results: vec![result] };
        self.0.complete(call, ended, Outcome::Done(answer));
    }

    fn gone(&mut self, begun: u64, ended: u64) {
        self.call(Operation::range("a"), (begun, ended), 3, StepAnswer::Range(None));
    }

    fn there(&mut self, begun: u64, ended: u64) {
        let (at, lease) = (Revision(2), LEASE);
        let record =
            Record { value: "1".to_owned(), create_revision: at, mod_revision: at, version: 1, lease };
        self.call(Operation::range("a"), (begun, ended), 2, StepAnswer::Range(Some(record)));
    }

    fn broken(&self, settings: &Settings) -> Vec<Law> {
        let history = History::try_from(&self.0).unwrap();
        check(&history, settings).violations.iter().map(|violation| violation.law).collect()
    }
}

#[test]
fn a_key_that_goes_after_the_ttl_is_accepted() {
    let mut script = Script::begin();
    script.gone(4990, 5000);
    assert_eq!(script.broken(&Settings::default()), []);
}

#[test]
fn a_key_that_is_gone_before_the_ttl_ran_out_is_found() {
    let mut script = Script::begin();
    script.gone(4980, 4999);
    assert_eq!(script.broken(&Settings::default()), [Law::LeaseEarly]);
    let drift = Settings { clock_drift_ms: 1, ..Settings::default() };
    assert_eq!(script.broken(&drift), []);
}

#[test]
fn a_keep_alive_that_was_answered_counts_from_its_sending() {
    for (ended, broken) in [(7999, vec![Law::LeaseEarly]), (8000, vec![])] {
        let mut script = Script::begin();
        script.ask(Ask::KeepAlive, (3000, 3500), 5);
        script.gone(7990, ended);
        assert_eq!(script.broken(&Settings::default()), broken);
    }
}

#[test]
fn a_lost_keep_alive_promises_nothing() {
    let mut script = Script::begin();
    script.0.ask(3000, LEASE, Ask::KeepAlive);
    script.gone(5500, 5600);
    assert_eq!(script.broken(&Settings::default()), []);
}

#[test]
fn a_key_that_its_client_removed_is_no_early_end() {
    let mut script = Script::begin();
    script.0.invoke(1, 100, Operation::delete("a"));
    script.gone(200, 210);
    assert_eq!(script.broken(&Settings::default()), []);
}

#[test]
fn a_lease_that_is_denied_while_it_lives_is_found() {
    for (answered, broken) in [(4999, vec![Law::LeaseEarly]), (5000, vec![])] {
        let mut script = Script::begin();
        script.ask(Ask::KeepAlive, (4900, answered), 0);
        assert_eq!(script.broken(&Settings::default()), broken);
    }
}

#[test]
fn a_revoked_lease_may_be_denied() {
    let mut script = Script::begin();
    script.0.invoke(1, 100, Operation::Revoke { lease: LEASE });
    script.ask(Ask::KeepAlive, (200, 300), 0);
    assert_eq!(script.broken(&Settings::default()), []);
}

#[test]
fn a_key_that_outlives_its_lease_is_found() {
    let settings = Settings { lease_grace_ms: 1000, ..Settings::default() };
    for (begun, broken) in [(6010, vec![]), (6011, vec![Law::LeaseForEver])] {
        let mut script = Script::begin();
        script.there(begun, begun + 5);
        assert_eq!(script.broken(&settings), broken);
    }
}

#[test]
fn a_put_under_a_lease_that_has_ended_is_found() {
    let mut script = Script::begin();
    script.gone(9000, 9010);
    let step = Step::Put { key: "b".to_owned(), value: "1".to_owned(), lease: LEASE, prev_kv: false };
    script.call(Operation::Step(step), (9020, 9030), 4, StepAnswer::Put { prev_kv: None });
    assert_eq!(script.broken(&Settings::default()), [Law::Written]);
}
