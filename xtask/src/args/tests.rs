use super::*;

fn args(line: &str) -> Args {
    Args::new(line.split_whitespace().map(str::to_owned).collect())
}

#[test]
fn both_spellings_of_a_value_are_read_and_the_last_wins() {
    let mut args = args("--seed 1 --quick --seed=2");
    assert_eq!(args.take_value::<u64>("--seed").unwrap(), Some(2));
    assert!(args.take_switch("--quick"));
    args.finish().unwrap();
}

#[test]
fn what_nobody_took_is_refused() {
    assert!(args("--fast").finish().unwrap_err().to_string().contains("--fast"));
    assert!(args("-- x").finish().is_err());
}

#[test]
fn a_value_that_is_missing_or_malformed_is_named() {
    assert!(args("--seed").take_value::<u64>("--seed").unwrap_err().to_string().contains("wants a value"));
    assert!(args("--seed x").take_value::<u64>("--seed").unwrap_err().to_string().contains("--seed x"));
}

#[test]
fn words_after_two_dashes_are_passed_on_untouched() {
    let mut args = args("--release -- --release --name a");
    assert!(args.take_switch("--release"));
    assert_eq!(args.take_passed_on(), ["--release", "--name", "a"]);
    args.finish().unwrap();
}

#[test]
fn a_list_of_counts_has_no_zero() {
    assert_eq!("1,100".parse::<Counts>().unwrap(), Counts(vec![1, 100]));
    assert!("1,0".parse::<Counts>().is_err());
    assert!("many".parse::<Counts>().is_err());
}
