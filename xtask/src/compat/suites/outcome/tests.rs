use super::Outcome::{Failed, Passed, Skipped};
use super::*;

fn check(found: &Outcomes, expected: &[(&str, Outcome)]) {
    let found: Vec<_> = found.iter().collect();
    assert_eq!(found, expected);
}

#[test]
fn what_pytest_prints_is_read() {
    let text = "collected 5 items\n\
        t/a.py::one PASSED\n\
        t/a.py::C::two[a b] FAILED\n\
        t/b.py::three ERROR\n\
        t/b.py::four SKIPPED (ETCD cluster was not run)\n\
        E   assert x PASSED\n\
        FAILED t/a.py::C::two[a b] - assert PASSED or not\n\
        === 1 passed ===\n";
    let expected = [
        ("t/a.py::C::two[a b]", Failed),
        ("t/a.py::one", Passed),
        ("t/b.py::four", Skipped),
        ("t/b.py::three", Failed),
    ];
    check(&of_pytest(text), &expected);
    assert_eq!(of_pytest(text).summary(), "1 passed, 2 failed, 1 skipped");
}

#[test]
fn a_test_that_passed_and_could_not_clean_up_has_failed() {
    check(&of_pytest("t/a.py::one PASSED\nt/a.py::one ERROR\n"), &[("t/a.py::one", Failed)]);
}

#[test]
fn a_test_that_hung_is_found_in_the_summary() {
    let text = "t/a.py::one \n+++ Timeout +++\nFAILED\nFAILED t/a.py::one - Failed: Timeout (>40.0s)...\n";
    check(&of_pytest(text), &[("t/a.py::one", Failed)]);
}

#[test]
fn what_rusts_harness_prints_is_read() {
    let text = "running 4 tests\n\
        test a::one ... ok\n\
        test two ... FAILED\n\
        test three ... ignored, requires etcd v3.7 or later\n\
        test four has been running for over 60 seconds\n\
        test result: FAILED. 1 passed; 1 failed; 1 ignored\n";
    check(&of_libtest(text), &[("a::one", Passed), ("three", Skipped), ("two", Failed)]);
}

#[test]
fn a_test_that_was_skipped_in_one_part_may_run_in_another() {
    check(&of_libtest("test a ... ignored\ntest a ... ok\n"), &[("a", Passed)]);
}
