//! Config files, of both kinds.

use super::*;

/// A file of these contents, and the flag that names it.
struct Given(tempfile::TempDir);

impl Given {
    fn new(contents: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("file"), contents).unwrap();
        Self(root)
    }

    fn flag(&self) -> String {
        format!("--config-file={}", self.0.path().join("file").display())
    }
}

fn from_file(contents: &str) -> (Config, Vec<String>) {
    match read(&[&Given::new(contents).flag()], &[]) {
        Parsed::Serve { config, warnings } => (*config, warnings),
        other => panic!("{contents}\n{other:?}"),
    }
}

fn wrong(contents: &str) -> String {
    let (text, code) = refusal(&[&Given::new(contents).flag()], &[]);
    assert_eq!(code, 1, "{contents}");
    text
}

#[test]
fn a_config_file_excludes_everything_else() {
    for contents in [
        "name: from-file\nheartbeat-interval: 50\nunsafe-no-fsync: true\n",
        "ETCD_NAME=from-file\nETCD_HEARTBEAT_INTERVAL=50\nETCD_UNSAFE_NO_FSYNC=true\n",
    ] {
        let file = Given::new(contents);
        let parsed = read(
            &[&file.flag(), "--name=from-flag"],
            &[("ETCD_NAME", "from-environment"), ("ETCD_DATA_DIR", "x")],
        );
        let Parsed::Serve { config, warnings } = parsed else { panic!("{parsed:?}") };
        assert_eq!(
            (config.name.as_str(), config.heartbeat, config.fsync),
            ("from-file", Duration::from_millis(50), false)
        );
        assert_eq!((config.data_dir, warnings.len()), (PathBuf::from("from-file.etcd"), 1));
    }
}

#[test]
fn a_config_file_may_be_named_in_the_environment_and_the_flag_goes_first() {
    let (one, two) = (Given::new("name: one"), Given::new("name: two"));
    let path = one.flag().replace("--config-file=", "");
    let warned = read(&[], &[("ETCD_CONFIG_FILE", &path), ("ETCD_NAME", "a")]);
    let Parsed::Serve { config: settings, warnings } = warned else { panic!("{warned:?}") };
    assert_eq!((settings.name.as_str(), warnings.len()), ("one", 1));
    assert_eq!(config(&[], &[("QUORATE_CONFIG_FILE", &path), ("ETCD_CONFIG_FILE", "/no")]).name, "one");
    assert_eq!(config(&[&two.flag()], &[("ETCD_CONFIG_FILE", &path)]).name, "two");
    let (text, code) = refusal(&["--config-file=/no/such/file"], &[]);
    assert!(text.contains("/no/such/file") && code == 1, "{text}");
}

#[test]
fn a_file_of_lines_is_read_as_shells_read_it() {
    for (line, name) in [
        ("ETCD_NAME=a", "a"),
        ("ETCD_NAME=\"a b\"", "a b"),
        ("ETCD_NAME='a \"b\" $c'", "a \"b\" $c"),
        ("  export ETCD_NAME=a  ", "a"),
        ("export\tETCD_NAME=\"a\" # what it is called", "a"),
        ("ETCD_NAME=a # what it is called", "a"),
        ("ETCD_NAME=a#b", "a#b"),
        (r#"ETCD_NAME="a \"b\" \$c \\ \n""#, r#"a "b" $c \ \n"#),
        ("# a comment\n\n; another\nETCD_NAME=a\r\n", "a"),
        ("ETCD_NAME=a\nETCD_NAME=b", "b"),
        ("ETCD_NAME=a\nQUORATE_NAME=b", "b"),
        ("QUORATE_NAME=b\nETCD_NAME=a", "b"),
        ("ETCD_NAME=a\nQUORATE_NAME=\"\"", "a"),
        ("ETCD_NAME=\"\"", "default"),
        ("ETCD_NAME=", "default"),
        ("\u{feff}ETCD_NAME=a", "a"),
        ("ETCD_NAME=a=b", "a=b"),
    ] {
        let (config, warnings) = from_file(line);
        assert_eq!((config.name.as_str(), warnings.as_slice()), (name, &[][..]), "{line}");
    }
}

#[test]
fn what_lines_cannot_say_is_told_with_its_number() {
    let text = wrong("ETCD_NAME=\"a\nname: b\nETCD_WAL_DIR='x' y\nETCD_DATA_DIR=\"a\\\n");
    for part in [
        "line 1: the quote is not closed",
        "line 2: expected NAME=value",
        "line 3: something follows",
        "line 4: the quote",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
    let text = wrong("ETCD_NAME=a\n\nETCD_SNAPSHOT_COUNT=many\nETCD_CERT_FILE=x\n");
    assert!(
        text.contains("\"many\" for ETCD_SNAPSHOT_COUNT in ") && text.contains(", line 3: parse error"),
        "{text}"
    );
    assert!(text.contains("line 4: this would have no effect yet"), "{text}");
}

#[test]
fn lines_that_are_no_settings_are_warned_of() {
    let (_, warnings) =
        from_file("ETCD_TYPO=1\nGOMAXPROCS=4\nETCD_CONFIG_FILE=x\nETCD_ENABLE_PPROF=true\nETCD_FORCE=1\n");
    let expected = ["GOMAXPROCS", "ETCD_TYPO", "one file cannot name another", "ETCD_ENABLE_PPROF"];
    assert_eq!(warnings.len(), expected.len(), "{warnings:?}");
    for (warning, part) in warnings.iter().zip(expected) {
        assert!(warning.contains(part), "{warning}");
    }
}

#[test]
fn a_file_of_lines_may_name_several_places_to_listen() {
    let (config, _) = from_file("ETCD_LISTEN_CLIENT_URLS=\"http://127.0.0.1:3379,http://localhost:2379\"\n");
    let urls: Vec<String> = config.listen_client_urls.iter().map(ToString::to_string).collect();
    assert_eq!(urls, ["http://127.0.0.1:3379", "http://localhost:2379"]);
}

#[test]
fn the_example_in_deploy_is_read() {
    let (config, warnings) = from_file(include_str!("../../../../../deploy/etcd.conf"));
    assert_eq!(
        (config.name.as_str(), config.data_dir.to_str()),
        ("default", Some("/var/lib/quorate/default.etcd"))
    );
    assert!(warnings.is_empty(), "{warnings:?}");
}

#[test]
fn yaml_has_sections_nanoseconds_and_lists() {
    let (config, warnings) = from_file(
        "name: 17\n\
         grpc-keepalive-interval: 60000000000\n\
         grpc-keepalive-timeout: 3s\n\
         log-outputs: [stderr, stdout, stderr]\n\
         unsafe-no-fsync: yes\n\
         snapshot-count: 1_000\n\
         max-request-bytes:\n\
         listen-peer-urls: ''\n\
         client-transport-security:\n  cert-file: ''\n  client-cert-auth: false\n  allowed-cn: []\n\
         peer-transport-security:\n\
         socket-options: {reuse-port: false}\n\
         discovery-config: {client: {dial-timeout: 2000000000, secure: {insecure-transport: true}}}\n",
    );
    assert_eq!(warnings, [] as [&str; 0]);
    assert_eq!((config.name.as_str(), config.snapshot_entries, config.fsync), ("17", 1000, false));
    assert_eq!(config.keepalive_interval, Some(Duration::from_secs(60)));
    assert_eq!(config.keepalive_timeout, Duration::from_secs(3));
    assert_eq!(config.log.outputs, [LogOutput::Stderr, LogOutput::Stdout]);
    assert_eq!(config.request_bytes_max, 1_572_864);
}

#[test]
fn a_section_is_as_dangerous_as_its_flag() {
    let text = wrong(
        "client-transport-security:\n  cert-file: a\n  client-cert-auth: true\n  allowed-cn: [b]\npeer-transport-security: 7\n",
    );
    for part in [
        "client-transport-security.cert-file in ",
        "client-transport-security.client-cert-auth in ",
        "client-transport-security.allowed-cn in ",
        "peer-transport-security in ",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
}

#[test]
fn unknown_keys_are_warned_of_and_passed_over_as_etcd_does() {
    let (config, warnings) = from_file(
        "nmae: typo\nproxy: off\ncert-file: x\nraft-read-timeout: 1\nsocket-options: {other: 1}\nname: a\n",
    );
    assert_eq!(config.name, "a");
    let expected = [
        "unknown key cert-file in FILE is ignored (in a YAML file it is client-transport-security.cert-file)",
        "unknown key nmae in FILE is ignored",
        "unknown key proxy in FILE is ignored (it went before etcd 3.7, use nothing: the v2 proxy is gone)",
        "unknown key raft-read-timeout in FILE is ignored (etcd reads it only as a flag or variable)",
        "unknown key socket-options.other in FILE is ignored",
    ];
    assert_eq!(warnings.len(), expected.len(), "{warnings:?}");
    for (warning, expected) in warnings.iter().zip(expected) {
        let (before, after) = expected.split_once("FILE").unwrap();
        assert!(warning.starts_with(before) && warning.ends_with(after), "{warning}");
    }
}

#[test]
fn what_is_neither_yaml_nor_lines_is_refused() {
    for contents in ["just words", "- a\n- list", "name: [a", "{"] {
        assert!(wrong(contents).contains("is neither YAML nor lines"), "{contents}");
    }
    assert!(wrong("name: {a: 1}").contains("name in "));
    assert!(wrong("snapshot-count: [1]").contains("snapshot-count in "));
    for contents in ["", "\n# nothing\n"] {
        assert_eq!(from_file(contents).0, config(&[], &[]), "{contents:?}");
    }
}

/// As for etcd, where this rule is about flags and variables only.
#[test]
fn a_file_may_listen_without_advertising_and_is_warned() {
    let (config, warnings) = from_file("listen-client-urls: http://127.0.0.1:7\n");
    assert_eq!(config.advertise_client_urls[0].to_string(), "http://localhost:2379");
    assert!(warnings.len() == 1 && warnings[0].contains("nobody may be listening"), "{warnings:?}");
}
