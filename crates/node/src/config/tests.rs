use super::*;

fn read(arguments: &[&str], environment: &[(&str, &str)]) -> Parsed {
    let arguments = ["quorate"].iter().chain(arguments).map(std::ffi::OsString::from);
    parse(arguments, environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
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
    let (text, code) = refusal(&["--name", "a"], &[("ETCD_NAME", "a")]);
    assert!(
        text.contains("conflicting environment variable") && text.contains("ETCD_NAME") && code == 1,
        "{text}"
    );
}

#[test]
fn unknown_variables_only_warn() {
    match read(&[], &[("ETCD_TYPO", "1"), ("HOME", "/root")]) {
        Parsed::Serve { warnings, .. } => {
            assert_eq!(warnings, ["unrecognized environment variable ETCD_TYPO"]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let arguments = [
        "--listen-client-urls=https://0.0.0.0:1",
        "--heartbeat-interval=500",
        "--log-level=loud",
        "--initial-cluster=default=http://localhost:2380,b=http://b:2380",
    ];
    let (text, code) = refusal(&arguments, &[]);
    assert_eq!(code, 1);
    for part in [
        "scheme must be http",
        "--advertise-client-urls is required",
        "five times --heartbeat-interval",
        "`loud` is not one of",
        "several members are not implemented yet",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
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
        (&["--unsafe-no-fsync=maybe"], "invalid boolean value \"maybe\" for -unsafe-no-fsync: parse error"),
        (&["--name"], "flag needs an argument: -name"),
    ] {
        assert_eq!(refusal(arguments, &[]), (text.to_owned(), 2));
    }
    let (text, code) = refusal(&[], &[("ETCD_SNAPSHOT_COUNT", "many")]);
    assert!(code == 1 && text.contains("snapshot-count") && text.contains("the environment"), "{text}");
}

#[test]
fn a_config_file_excludes_everything_else() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("etcd.yaml");
    std::fs::write(&file, "name: from-file\nheartbeat-interval: 50\nunsafe-no-fsync: true\n").unwrap();
    let flag = format!("--config-file={}", file.display());
    let config = config(&[&flag, "--name=from-flag"], &[("ETCD_NAME", "from-environment")]);
    assert_eq!(
        (config.name.as_str(), config.heartbeat, config.fsync),
        ("from-file", Duration::from_millis(50), false)
    );
    std::fs::write(&file, "nmae: typo\n").unwrap();
    assert!(refusal(&[&flag], &[]).0.contains("nmae"));
}

#[test]
fn what_is_not_in_force_is_known_to_be_so() {
    assert_eq!(config(&["--listen-peer-urls=http://localhost:1"], &[]).not_in_force, ["listen-peer-urls"]);
    assert!(config(&[], &[]).not_in_force.is_empty());
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

#[test]
fn a_config_file_may_be_named_in_the_environment_and_the_flag_goes_first() {
    let root = tempfile::tempdir().unwrap();
    let file = |name: &str| {
        let file = root.path().join(name);
        std::fs::write(&file, format!("name: {name}\n")).unwrap();
        file.display().to_string()
    };
    let (one, two) = (file("one"), file("two"));
    let warned = read(&[], &[("ETCD_CONFIG_FILE", &one), ("ETCD_NAME", "a")]);
    let Parsed::Serve { config: settings, warnings } = warned else { panic!("{warned:?}") };
    assert_eq!((settings.name.as_str(), warnings.len()), ("one", 1));
    assert_eq!(config(&["--config-file", &two], &[("ETCD_CONFIG_FILE", &one)]).name, "two");
    let (text, code) = refusal(&["--config-file=/no/such/file"], &[]);
    assert!(text.contains("/no/such/file") && code == 1, "{text}");
}

#[test]
fn numbers_out_of_bounds_are_problems_never_panics() {
    let huge = u64::MAX.to_string();
    for flag in ["heartbeat-interval", "election-timeout", "front-threads", "max-request-bytes"] {
        let (text, code) = refusal(&[&format!("--{flag}={huge}")], &[]);
        assert!(code == 1 && text.contains(flag) || flag == "heartbeat-interval", "{text}");
    }
    for flag in ["heartbeat-interval", "snapshot-count", "max-request-bytes"] {
        assert_eq!(refusal(&[&format!("--{flag}=0")], &[]).1, 1, "{flag}");
    }
    assert!(config(&[&format!("--snapshot-count={huge}")], &[]).snapshot_entries > 0);
}
