use super::*;

fn error(text: &str) -> String {
    Script::parse(text).expect_err("it is no script").to_string()
}

#[test]
fn steps_are_understood() {
    let text = "# a comment\nstart 3\n\nwait leader but 2  # who else\nput a 1 at leader lease 7\ncut 1 -> 2\n\
                crash 1 after 3\nexpect a = 1 at 2\nexpect a gone at X\nwait 300ms\n";
    let script = Script::parse(text).unwrap();
    assert_eq!(script.members, 3);
    let named = |name: &str| Who::Named(name.into());
    let expected = [
        (4, Step::WaitLeader { but: Some(named("2")) }),
        (5, Step::Put(Put { key: "a".into(), value: "1".into(), lease: 7, at: Who::Leader })),
        (6, Step::Cut { from: named("1"), to: named("2"), both: false }),
        (7, Step::Crash { who: named("1"), after: Some(3) }),
        (8, Step::ExpectValue { key: "a".into(), value: Some("1".into()), at: named("2") }),
        (9, Step::ExpectValue { key: "a".into(), value: None, at: named("X") }),
        (10, Step::Wait(Duration::from_millis(300))),
    ];
    let expected: Vec<Line> = expected.map(|(number, step)| Line { number, step }).into();
    assert_eq!(script.lines, expected);
}

#[test]
fn what_is_not_understood_is_an_error_with_its_line() {
    for (text, said) in [
        ("", "line 1: a script begins with `start N`"),
        ("\nput a 1 at 1", "line 2: `start`, not `put`"),
        ("start many", "line 1: a number, not `many`"),
        ("start 10", "line 1: 1 to 9 members"),
        ("start 3\nput a 1 at", "line 2: the line ends too early"),
        ("start 3\nput a 1 on 2", "line 2: `at`, not `on`"),
        ("start 3\nheal all", "line 2: `all` has no place here"),
        ("start 3\n\n# x\nbreak 1", "line 4: no step is called `break`"),
        ("start 3\nwait 3", "line 2: a span like 300ms or 2s, not `3`"),
        ("start 3\ncut 1 to 2", "line 2: `->` or `<->`, not `to`"),
        ("start 3\nname leader 1", "line 2: `leader` is no name"),
        ("start 3\nadd voters X at 1", "line 2: `learner` or `voter`, not `voters`"),
        ("start 3\nexpect a 1 at 2", "line 2: `=`, not `1`"),
        ("start 3\nstart 3", "line 2: no step is called `start`"),
    ] {
        assert_eq!(error(text), said, "{text:?}");
    }
}
