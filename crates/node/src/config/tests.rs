mod files;
mod gates;
mod rules;
mod table;

use super::*;

fn read(arguments: &[&str], environment: &[(&str, &str)]) -> Parsed {
    let arguments = ["quorate"].iter().chain(arguments).map(std::ffi::OsString::from);
    parse(arguments, environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

/// The remarks of settings that can be used.
fn remarks(arguments: &[&str], environment: &[(&str, &str)]) -> Vec<String> {
    match read(arguments, environment) {
        Parsed::Serve { warnings, .. } => warnings,
        other => panic!("expected settings, got {other:?}"),
    }
}

fn config(arguments: &[&str], environment: &[(&str, &str)]) -> Config {
    match read(arguments, environment) {
        Parsed::Serve { config, .. } => *config,
        other => panic!("expected settings, got {other:?}"),
    }
}

fn refusal(arguments: &[&str], environment: &[(&str, &str)]) -> (String, u8) {
    match read(arguments, environment) {
        Parsed::Exit { text, code } => (text, code),
        other => panic!("expected a refusal, got {other:?}"),
    }
}

#[test]
fn defaults_are_etcds() {
    let config = config(&[], &[]);
    assert_eq!(config.name, "default");
    assert_eq!(config.data_dir, PathBuf::from("default.etcd"));
    assert_eq!(config.listen_client_urls[0].to_string(), "http://localhost:2379");
    assert_eq!(config.request_bytes_max, 1_572_864);
    assert!(config.fsync);
}

#[test]
fn flags_come_in_gos_shapes() {
    for arguments in [&["--name=a", "--unsafe-no-fsync"][..], &["-name", "a", "-unsafe-no-fsync=true"]] {
        let config = config(arguments, &[]);
        assert_eq!((config.name.as_str(), config.fsync), ("a", false), "{arguments:?}");
    }
    assert!(config(&["--unsafe-no-fsync=false"], &[]).fsync);
}

#[test]
fn a_flag_given_twice_counts_the_last_time() {
    assert_eq!(config(&["--name", "a", "--name", "b"], &[]).name, "b");
}

#[test]
fn the_environment_counts_and_ours_beats_etcds() {
    assert_eq!(config(&[], &[("ETCD_NAME", "a")]).name, "a");
    assert_eq!(config(&[], &[("ETCD_NAME", "a"), ("QUORATE_NAME", "b")]).name, "b");
    assert!(!config(&[], &[("ETCD_UNSAFE_NO_FSYNC", "true")]).fsync);
}

#[test]
fn one_setting_in_a_flag_and_in_the_environment_is_fatal() {
    let variables = [("ETCD_NAME", "a"), ("QUORATE_DATA_DIR", "b"), ("ETCD_WAL_DIR", "c")];
    let (text, code) = refusal(&["--name", "a", "--data-dir=b"], &variables);
    let lines: Vec<&str> = text.lines().collect();
    let words = "conflicting environment variable is shadowed by corresponding command-line flag (either unset environment variable or disable flag): ";
    assert_eq!(lines, [format!("{words}QUORATE_DATA_DIR"), format!("{words}ETCD_NAME")]);
    assert_eq!(code, 1);
}

#[test]
fn unknown_variables_only_warn() {
    let warned = remarks(
        &[],
        &[
            ("ETCD_TYPO", "1"),
            ("HOME", "/root"),
            ("ETCD_FORCE", "1"),
            ("QUORATE_X", "1"),
            ("ETCD_VERSION", "3"),
        ],
    );
    assert_eq!(
        warned,
        [
            "unrecognized environment variable ETCD_TYPO",
            "unrecognized environment variable QUORATE_X",
            "cannot set special environment variable ETCD_VERSION: ignored",
        ]
    );
}

#[test]
fn names_that_went_before_37_are_refused_as_flags_and_warned_of_elsewhere() {
    let (text, code) = refusal(&["--experimental-corrupt-check-time=1s"], &[]);
    assert!(code == 2 && text.contains("use --corrupt-check-time"), "{text}");
    let warned = remarks(&[], &[("ETCD_EXPERIMENTAL_CORRUPT_CHECK_TIME", "1s")]);
    assert!(warned.len() == 1 && warned[0].contains("use --corrupt-check-time"), "{warned:?}");
}

#[test]
fn what_cannot_be_read_exits_with_two_and_help_with_zero() {
    assert_eq!(refusal(&["--no-such-flag"], &[]).1, 2);
    let (text, code) = refusal(&["--help"], &[]);
    assert!(code == 0 && text.contains("--data-dir"));
    for arguments in [&["-h"][..], &["-help"], &["--h"], &["--name", "a", "-h"]] {
        assert_eq!(refusal(arguments, &[]).1, 0, "{arguments:?}");
    }
    for (arguments, text) in [
        (&["--snapshot-count=many"][..], "invalid value \"many\" for flag -snapshot-count: parse error"),
        (&["-snapshot-count", "-1"], "invalid value \"-1\" for flag -snapshot-count: parse error"),
        (
            &["--max-concurrent-streams=4294967296"],
            "invalid value \"4294967296\" for flag -max-concurrent-streams: value out of range",
        ),
        (&["--unsafe-no-fsync=maybe"], "invalid boolean value \"maybe\" for -unsafe-no-fsync: parse error"),
        (&["--corrupt-check-time=5"], "invalid value \"5\" for flag -corrupt-check-time: parse error"),
        (&["--name"], "flag needs an argument: -name"),
        (&["--version=maybe"], "invalid boolean value \"maybe\" for -version: parse error"),
        (&["-no-such-flag=1", "--name"], "flag provided but not defined: -no-such-flag"),
    ] {
        let (told, code) = refusal(arguments, &[]);
        assert!(told.starts_with(text) && code == 2, "{arguments:?}: {code} {told}");
    }
    let (text, code) = refusal(&[], &[("ETCD_SNAPSHOT_COUNT", "many")]);
    let told = "invalid value \"many\" for ETCD_SNAPSHOT_COUNT in the environment: parse error";
    assert!(code == 1 && text.contains(told), "{text}");
}

#[test]
fn switches_take_gos_words_and_no_other() {
    for word in ["1", "t", "T", "true", "TRUE", "True"] {
        assert!(!config(&[&format!("--unsafe-no-fsync={word}")], &[]).fsync, "{word}");
        assert!(!config(&[], &[("ETCD_UNSAFE_NO_FSYNC", word)]).fsync, "{word}");
    }
    for word in ["0", "f", "F", "false", "FALSE", "False"] {
        assert!(config(&[&format!("-unsafe-no-fsync={word}")], &[]).fsync, "{word}");
        assert!(config(&[], &[("ETCD_UNSAFE_NO_FSYNC", word)]).fsync, "{word}");
    }
    for word in ["yes", "on", "tRUE"] {
        assert_eq!(refusal(&[&format!("--unsafe-no-fsync={word}")], &[]).1, 2, "{word}");
        assert_eq!(refusal(&[], &[("ETCD_UNSAFE_NO_FSYNC", word)]).1, 1, "{word}");
    }
}

#[test]
fn the_first_argument_that_is_no_flag_is_named() {
    for (arguments, stray) in [
        (&["x"][..], "x"),
        (&["--name", "a", "x", "--no-such-flag"], "x"),
        (&["--unsafe-no-fsync", "true"], "true"),
        (&["--snapshot", "3"], "3"),
        (&["-"], "-"),
        (&["--", "--name"], "--name"),
    ] {
        assert_eq!(refusal(arguments, &[]), (format!("{stray:?} is not a valid flag"), 1), "{arguments:?}");
    }
    assert_eq!(config(&["--name", "a", "--"], &[]).name, "a");
    assert_eq!(refusal(&["--no-such-flag", "x"], &[]).1, 2, "the flag came first");
}

#[test]
fn a_value_may_begin_with_a_dash() {
    for arguments in [&["--name", "-a"][..], &["-name", "-a"], &["-name=-a"], &["--name=-a"]] {
        assert_eq!(config(arguments, &[]).name, "-a", "{arguments:?}");
    }
    assert_eq!(config(&["--name", "--data-dir"], &[]).name, "--data-dir");
    assert_eq!(config(&["--initial-cluster-token=a=b"], &[]).cluster_token, "a=b");
}

#[test]
fn flags_of_etcds_past_are_ignored() {
    assert_eq!(config(&["-snapshot=3", "--vv", "-force", "--name", "a"], &[]).name, "a");
}

#[test]
fn version_is_a_switch() {
    for arguments in [&["--version"][..], &["-version"], &["--version=true"]] {
        assert!(matches!(read(arguments, &[]), Parsed::Version), "{arguments:?}");
    }
    assert!(matches!(read(&["--version=false"], &[]), Parsed::Serve { .. }));
}

#[test]
fn an_empty_variable_sets_nothing() {
    let variables = [("ETCD_NAME", ""), ("ETCD_INITIAL_CLUSTER", ""), ("ETCD_SNAPSHOT_COUNT", "")];
    assert_eq!(config(&[], &variables).name, "default");
    assert_eq!(config(&[], &[("ETCD_NAME", "a"), ("QUORATE_NAME", "")]).name, "a");
    assert_eq!(config(&[], &[("ETCD_CONFIG_FILE", ""), ("ETCD_NAME", "a")]).name, "a");
    assert!(config(&["--name=a"], &[("ETCD_LISTEN_CLIENT_URLS", "")]).fsync, "no conflict, nothing explicit");
    assert_eq!(refusal(&["--name=a"], &[("ETCD_NAME", "")]).1, 1, "etcd calls that a conflict too");
}
