use super::*;

const LIST: &str = "# c\ntotal 4\n\nauth    a::needs it\nignored  b\nsince-3.7 c\n";

fn check(side: Side, outcomes: &[(&str, Outcome)]) -> Vec<String> {
    let outcomes = outcomes.iter().map(|&(test, outcome)| (test.to_owned(), outcome)).collect();
    Expected::read(LIST).unwrap().surprises(side, &outcomes)
}

#[test]
fn as_listed_is_no_surprise_on_either_side() {
    use Outcome::{Failed, Passed, Skipped};
    let ours = [("a::needs it", Failed), ("b", Skipped), ("c", Passed), ("d", Passed)];
    assert_eq!(check(Side::Ours, &ours), [""; 0]);
    let reference = [("a::needs it", Passed), ("b", Skipped), ("c", Skipped), ("d", Passed)];
    assert_eq!(check(Side::Reference, &reference), [""; 0]);
}

#[test]
fn a_failure_that_is_not_listed_and_a_listed_test_that_passes_are_both_surprises() {
    use Outcome::{Failed, Passed, Skipped};
    let ours = [("a::needs it", Passed), ("b", Skipped), ("c", Skipped), ("d", Failed)];
    let expected = [
        "a::needs it: passes: take it off the list, where it waits for auth",
        "c: Skipped, which is not what Since37 means",
        "d: fails, and is not listed",
    ];
    assert_eq!(check(Side::Ours, &ours), expected);
}

#[test]
fn an_unsteady_test_may_pass_or_fail_and_has_to_run() {
    let list = Expected::read("total 1\nunsteady a\n").unwrap();
    let with = |outcome| list.surprises(Side::Reference, &[("a".to_owned(), outcome)].into_iter().collect());
    assert_eq!(with(Outcome::Passed), [""; 0]);
    assert_eq!(with(Outcome::Failed), [""; 0]);
    assert_eq!(with(Outcome::Skipped).len(), 1);
}

#[test]
fn tests_that_were_not_run_are_missed() {
    let expected = [
        "a::needs it: listed, but it was not run",
        "b: listed, but it was not run",
        "c: listed, but it was not run",
        "0 tests were seen and not 4",
    ];
    assert_eq!(check(Side::Ours, &[]), expected);
}

#[test]
fn a_list_says_how_many_and_no_test_twice() {
    for list in ["auth a\n", "total 2\nauth a\nlease a\n", "total 1\nalone\n", "total many\n"] {
        assert!(Expected::read(list).is_err(), "{list}");
    }
    let expected = Expected::read(LIST).unwrap();
    assert!(expected.awaits("auth") && !expected.awaits("lease") && !expected.awaits("ignored"));
}

#[test]
fn the_lists_of_all_suites_can_be_read() {
    for suite in &super::super::SUITES {
        Expected::read(suite.list).unwrap_or_else(|error| panic!("{}: {error:#}", suite.name));
    }
}
