use super::*;

fn steps(target: &std::path::Path) -> Steps {
    let folder = target.to_owned();
    Steps::new(&Places { root: folder.clone(), target: folder.clone(), cache: folder })
}

#[test]
fn a_step_that_breaks_off_counts_as_one_failure() {
    let target = tempfile::tempdir().unwrap();
    let mut steps = steps(target.path());
    assert_eq!(steps.run::<()>(&Step::of("tidy"), |_| anyhow::bail!("no")), None);
    assert_eq!(steps.sum, Tally { passed: 0, failed: 1 });
}

#[test]
fn sums_are_those_of_the_steps() {
    let target = tempfile::tempdir().unwrap();
    let mut steps = steps(target.path());
    for _ in 0..2 {
        steps.run(&Step::of("tidy"), |tally| {
            tally.count(true);
            tally.count(false);
            Ok(())
        });
    }
    assert_eq!(steps.sum, Tally { passed: 2, failed: 2 });
    assert!(steps.rows.iter().all(|row| row.verdict == "FAILED"));
}

#[test]
fn a_step_is_warm_after_it_succeeded_with_equal_dependencies() {
    let target = tempfile::tempdir().unwrap();
    let mut first = steps(target.path());
    first.run(&Step::with("build", "memory"), |_| Ok(()));
    assert!(!first.rows[0].warm);
    let mut second = steps(target.path());
    second.run(&Step::with("build", "memory"), |_| Ok(()));
    second.run(&Step::with("build", "rocksdb"), |_| Ok(()));
    assert_eq!([second.rows[0].warm, second.rows[1].warm], [true, false]);
    fs::write(target.path().join("Cargo.lock"), "another").unwrap();
    let mut third = steps(target.path());
    third.run(&Step::with("build", "memory"), |_| Ok(()));
    assert!(!third.rows[0].warm);
}

#[test]
fn slowness_alone_is_a_failure() {
    assert_eq!(verdict(&Ok(()), Tally { passed: 1, failed: 0 }, true), "TOO SLOW");
    assert_eq!(verdict(&Ok(()), Tally { passed: 1, failed: 0 }, false), "ok");
    assert_eq!(verdict(&Ok(()), Tally { passed: 1, failed: 1 }, false), "FAILED");
}
