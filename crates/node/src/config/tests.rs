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
    assert_eq!(config(&[], &[("ETCD_UNSAFE_NO_FSYNC", "true")]).fsync, false);
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
            assert_eq!(warnings, ["unrecognized environment variable ETCD_TYPO"])
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
    let (text, code) = refusal(&["--snapshot-count=many"], &[]);
    assert!(code == 1 && text.contains("snapshot-count") && text.contains("the command line"), "{text}");
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
