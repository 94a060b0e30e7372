//! Bounds, and what settings must not say together.

use super::*;

#[test]
fn all_problems_are_told_at_once_with_source_and_setting() {
    let arguments = [
        "--listen-client-urls=https://0.0.0.0:1,http://example.org:2,http://:3,http://127.0.0.1:4,http://localhost:4",
        "--heartbeat-interval=500",
        "--initial-cluster=a=http://localhost:2380,b=http://b:2380,c=http://b:2380",
        "--cert-file=x",
        "--feature-gates=NoSuch=true,LeaseCheckpointPersist=true",
    ];
    let variables = [
        ("ETCD_LOG_LEVEL", "loud"),
        ("QUORATE_MAX_TXN_OPS", "-1"),
        ("ETCD_INITIAL_ADVERTISE_PEER_URLS", "http://a/b:1"),
        ("ETCD_LOGGER", "capnslog"),
    ];
    let (text, code) = refusal(&arguments, &variables);
    assert_eq!(code, 1);
    for part in [
        "--listen-client-urls: `https://0.0.0.0:1`: the scheme must be http",
        "--listen-client-urls: expected IP in URL for binding (http://example.org:2)",
        "--listen-client-urls: expected IP in URL for binding (http://:3)",
        "--listen-client-urls: http://127.0.0.1:4 and http://localhost:4 are the same place",
        "--advertise-client-urls is required when --listen-client-urls is set explicitly",
        "--election-timeout[1000ms] should be at least as 5 times as --heartbeat-interval[500ms]",
        "--initial-cluster: couldn't find local name \"default\" in the initial cluster configuration",
        "--initial-cluster: initial cluster a=http://localhost:2380,b=http://b:2380,c=http://b:2380 has duplicate url",
        "--cert-file: this would have no effect yet. TLS is not there yet",
        "--feature-gates: unrecognized feature gate: NoSuch",
        "LeaseCheckpointPersist requires enabling feature gate LeaseCheckpoint",
        "ETCD_LOG_LEVEL in the environment: `loud` is not one of",
        "invalid value \"-1\" for QUORATE_MAX_TXN_OPS in the environment",
        "ETCD_INITIAL_ADVERTISE_PEER_URLS in the environment: `http://a/b:1`",
        "--logger=capnslog is removed in v3.5",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
}

#[test]
fn unreadable_flags_end_with_two_whatever_else_is_wrong() {
    let (text, code) = refusal(&["--snapshot-count=a", "--max-txn-ops=b", "--cert-file=c"], &[]);
    assert_eq!((code, text.lines().count()), (2, 4), "{text}");
}

#[test]
fn numbers_out_of_bounds_are_problems_never_panics() {
    let huge = u64::MAX.to_string();
    for flag in ["heartbeat-interval", "election-timeout", "max-request-bytes"] {
        let (text, code) = refusal(&[&format!("--{flag}={huge}")], &[]);
        assert!(code == 1 && text.contains(flag), "{text}");
    }
    for flag in ["front-threads", "max-concurrent-streams"] {
        assert_eq!(refusal(&[&format!("--{flag}={huge}")], &[]).1, 2, "{flag}");
    }
    for flag in ["heartbeat-interval", "election-timeout", "max-request-bytes"] {
        assert_eq!(refusal(&[&format!("--{flag}=0")], &[]).1, 1, "{flag}");
    }
    assert!(config(&[&format!("--snapshot-count={huge}")], &[]).snapshot_entries > 0);
}

#[test]
fn zero_and_too_little_are_set_right_where_etcd_does_so() {
    let arguments =
        ["--snapshot-count=0", "--snapshot-catchup-entries=0", "--watch-progress-notify-interval=1ms"];
    let settings = config(&arguments, &[]);
    assert_eq!((settings.snapshot_entries, settings.catchup_entries), (10_000, 5000));
    assert_eq!(settings.watch_progress_interval, Duration::from_millis(100));
    assert_eq!(remarks(&arguments, &[]).len(), 3);
    assert_eq!(config(&[], &[]).watch_progress_interval, Duration::from_secs(600));
    assert_eq!(config(&["--grpc-keepalive-interval=0"], &[]).keepalive_interval, None);
    assert!(
        remarks(&["--max-request-bytes=20000000"], &[])[0].contains("exceeded recommended request limit")
    );
}

#[test]
fn election_times_keep_etcds_bounds() {
    for (heartbeat, election, holds) in
        [(100, 500, true), (100, 499, false), (1, 50_000, true), (1, 50_001, false)]
    {
        let arguments =
            [format!("--heartbeat-interval={heartbeat}"), format!("--election-timeout={election}")];
        let parsed = read(&[&arguments[0], &arguments[1]], &[]);
        assert_eq!(matches!(parsed, Parsed::Serve { .. }), holds, "{heartbeat} {election}");
    }
}

#[test]
fn a_cluster_of_this_member_alone_may_be_written_out() {
    let own = "--initial-advertise-peer-urls=http://a:1,http://b:2";
    for cluster in ["default=http://a:1,default=http://b:2", "default=http://b:2/, default=http://a:1,", ""] {
        let config = config(&[own, &format!("--initial-cluster={cluster}")], &[]);
        assert_eq!(config.initial_cluster.to_string(), "default=http://a:1,default=http://b:2");
        assert_eq!(config.cluster_state, ClusterState::New);
    }
    assert_eq!(config(&[own, "--name=m"], &[]).initial_cluster.to_string(), "m=http://a:1,m=http://b:2");
}

#[test]
fn what_is_wrong_with_the_initial_cluster_is_told_in_etcds_words() {
    let own = "--initial-advertise-peer-urls=http://10.0.0.1:1,http://10.0.0.1:2";
    for (cluster, told) in [
        ("b=http://10.0.0.2:1", "couldn't find local name \"default\" in the initial cluster configuration"),
        (
            "default=http://10.0.0.1:1,default=http://10.0.0.1:2,b=http://c:1,c=http://c:1",
            "initial cluster b=http://c:1,c=http://c:1,default=http://10.0.0.1:1,default=http://10.0.0.1:2 has duplicate url",
        ),
        (
            "default=http://10.0.0.1:1,default=http://10.0.0.1:3,b=http://b:1",
            "--initial-cluster has default=http://10.0.0.1:3 but missing from --initial-advertise-peer-urls=http://10.0.0.1:1,http://10.0.0.1:2 (resolved urls: \"http://10.0.0.1:2\" != \"http://10.0.0.1:3\")",
        ),
        (
            "default=http://10.0.0.1:1,b=http://b:1",
            "--initial-advertise-peer-urls has http://10.0.0.1:2 but missing from --initial-cluster=default=http://10.0.0.1:1",
        ),
        ("default=https://10.0.0.1:1", "`https://10.0.0.1:1`: the scheme must be http"),
        ("default=http://10.0.0.1", "`http://10.0.0.1`: a URL must end with a port"),
        ("http://10.0.0.1:1", "`http://10.0.0.1:1`: expected name=url pairs"),
        ("default=", "``: the scheme must be http"),
    ] {
        let (text, code) = refusal(&[own, &format!("--initial-cluster={cluster}")], &[]);
        assert!(code == 1 && text.contains(&format!("--initial-cluster: {told}")), "{cluster}: {text}");
        assert_eq!(text.lines().count(), 2, "nothing else is wrong: {text}");
    }
    assert_eq!(refusal(&["--initial-cluster-state=old"], &[]).1, 1);
}

#[test]
fn who_joins_a_cluster_names_somebody_to_ask_and_need_not_repeat_what_it_advertises() {
    let existing = "--initial-cluster-state=existing";
    let elsewhere = "--initial-cluster=default=http://10.0.0.1:7,b=http://10.0.0.2:7";
    assert_eq!(config(&[existing, elsewhere], &[]).cluster_state, ClusterState::Existing);
    for cluster in ["", "default=http://10.0.0.1:7"] {
        let (text, _) = refusal(&[existing, &format!("--initial-cluster={cluster}")], &[]);
        let told = "could not retrieve cluster information from the given URLs";
        assert!(text.contains(told), "{text}");
    }
    let (text, _) = refusal(&[existing, "--initial-cluster=b=http://10.0.0.2:7"], &[]);
    assert!(text.contains("couldn't find local name"), "{text}");
}

#[test]
fn names_are_not_resolved_while_settings_are_read() {
    let own = "--initial-advertise-peer-urls=http://nowhere.invalid:1";
    let config = config(&[own, "--initial-cluster=default=http://10.0.0.1:1,b=http://b:1"], &[]);
    assert_eq!(config.initial_cluster.to_string(), "b=http://b:1,default=http://10.0.0.1:1");
}

#[test]
fn the_members_are_named_once_or_left_to_others() {
    let (srv, token, endpoints) =
        ("--discovery-srv=example.com", "--discovery-token=t", "--discovery-endpoints=a:1,http://b:2");
    let Some(Discovery::Srv(found)) = config(&[srv, "--discovery-srv-name=x"], &[]).discovery else {
        panic!("it was asked for")
    };
    assert_eq!((found.domain.as_str(), found.suffix.as_str()), ("example.com", "x"));
    assert_eq!(config(&[srv, "--initial-cluster-state=existing"], &[]).cluster_state, ClusterState::Existing);
    let settings = config(&[token, endpoints, "--discovery-user=u", "--discovery-request-timeout=7s"], &[]);
    let Some(Discovery::Registry(found)) = settings.discovery else { panic!("it was asked for") };
    assert_eq!(found.endpoints.iter().map(Url::to_string).collect::<Vec<_>>(), ["http://a:1", "http://b:2"]);
    assert_eq!((found.token, settings.cluster_token), ("t".to_owned(), "t".to_owned()));
    assert_eq!(found.login, Some(("u".to_owned(), String::new())));
    assert_eq!((found.dial_timeout.as_secs(), found.request_timeout.as_secs()), (2, 7));
    let named = "--initial-cluster=default=http://localhost:2380";
    let conflict = "multiple discovery or bootstrap flags are set";
    let both = "both --discovery-token and --discovery-endpoints must be set";
    for (flags, told) in [
        (&[srv, named][..], conflict),
        (&[srv, token, endpoints], conflict),
        (&[named, token, endpoints], conflict),
        (&[token], both),
        (&[endpoints], both),
        (&[token, endpoints, "--initial-cluster-state=existing"], "discovery URL should not be set"),
        (&[token, "--discovery-endpoints=https://a:1"], "the scheme must be http"),
    ] {
        let (text, code) = refusal(flags, &[]);
        assert!(code == 1 && text.contains(told) && text.lines().count() == 2, "{flags:?}: {text}");
    }
}

#[test]
fn what_counts_only_with_discovery_is_warned_of_without() {
    let flags = ["--discovery-srv-name=x", "--discovery-user=u", "--discovery-dial-timeout=7s"];
    let expected = [
        "--discovery-dial-timeout has no effect without --discovery-endpoints",
        "--discovery-user has no effect without --discovery-endpoints",
        "--discovery-srv-name has no effect without --discovery-srv",
    ];
    assert_eq!(remarks(&flags, &[]), expected);
}

#[test]
fn who_listens_everywhere_and_advertises_the_default_advertises_the_machines_own_address() {
    let host = Some([10, 0, 0, 7].into());
    let told = |listen: &str, advertised: &str, host| {
        let (listen, _) = Url::parse_all(&[listen.to_owned(), "http://127.0.0.1:9".to_owned()]);
        let (advertised, _) = Url::parse_all(&advertised.split(',').map(str::to_owned).collect::<Vec<_>>());
        let (urls, remark) = default_host::settle(&listen, advertised, "http://localhost:2380", || host);
        (urls.iter().map(Url::to_string).collect::<Vec<_>>().join(","), remark.is_some())
    };
    let default = "http://localhost:2380";
    assert_eq!(told("http://0.0.0.0:7", default, host), ("http://10.0.0.7:7".to_owned(), true));
    assert_eq!(told("http://0.0.0.0:7", default, None), (default.to_owned(), true));
    for (listen, advertised) in [
        ("http://127.0.0.1:7", default),
        ("http://[::]:7", default),
        ("http://0.0.0.0:7", "http://localhost:2381"),
        ("http://0.0.0.0:7", "http://localhost:2380,http://a:1"),
    ] {
        assert_eq!(told(listen, advertised, host), (advertised.to_owned(), false), "{listen} {advertised}");
    }
}

#[test]
fn beside_a_members_data_how_it_began_is_not_looked_at_and_the_rest_is() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("identity.json"), "{}").unwrap();
    let data_dir = format!("--data-dir={}", root.path().display());
    for cluster in ["nonsense", "b=https://b:1", "b=http://b:1,c=http://b:1", "default=http://10.9.9.9:1"] {
        for state in ["new", "existing"] {
            let flags = [format!("--initial-cluster={cluster}"), format!("--initial-cluster-state={state}")];
            assert!(remarks(&[&data_dir, &flags[0], &flags[1]], &[]).is_empty());
            assert_eq!(refusal(&[&flags[0], &flags[1]], &[]).1, 1);
        }
    }
    let (text, _) = refusal(&[&data_dir, "--initial-advertise-peer-urls=https://a:1"], &[]);
    assert!(text.contains("the scheme must be http"), "{text}");
}

#[test]
fn what_to_keep_of_history_is_hours_a_time_or_revisions() {
    let hours = |hours: u64| Some(Some(Retention::Period(Duration::from_secs(hours * 3600))));
    for (mode, keep, retention) in [
        ("periodic", "1", hours(1)),
        ("periodic", "30m", Some(Some(Retention::Period(Duration::from_secs(1800))))),
        ("periodic", "0", Some(None)),
        ("periodic", "0s", Some(None)),
        ("periodic", "", Some(None)),
        ("periodic", "4000000000", hours(4_000_000_000)),
        ("periodic", "-1h", None),
        ("periodic", "many", None),
        ("revision", "1000", Some(Some(Retention::Revisions(1000)))),
        ("revision", "0", Some(None)),
        ("revision", "-1", None),
        ("revision", "30m", None),
        ("hourly", "1", None),
    ] {
        let arguments =
            [format!("--auto-compaction-mode={mode}"), format!("--auto-compaction-retention={keep}")];
        let found = match read(&[&arguments[0], &arguments[1]], &[]) {
            Parsed::Serve { config, .. } => Some(config.auto_compaction),
            _ => None,
        };
        assert_eq!(found, retention, "{mode} {keep}");
    }
}

#[test]
fn zero_is_the_default_of_quota_and_compaction() {
    let plain = config(&["--quota-backend-bytes=0", "--compaction-batch-limit=0"], &[]);
    assert_eq!((plain.quota, plain.compaction_records, plain.compaction_rest), (Quota(2 << 30), None, None));
    for (bytes, warns) in [(-1, 0), (1, 0), (8 << 30, 0), ((8_i64 << 30) + 1, 1)] {
        let argument = format!("--quota-backend-bytes={bytes}");
        assert_eq!(config(&[&argument], &[]).quota, Quota(bytes));
        assert_eq!(remarks(&[&argument], &[]).len(), warns, "{bytes}");
    }
    let set = config(&["--compaction-batch-limit=7", "--compaction-sleep-interval=9ms"], &[]);
    assert_eq!((set.compaction_records, set.compaction_rest), (Some(7), Some(Duration::from_millis(9))));
    assert_eq!(config(&["--compaction-batch-limit=-7"], &[]).compaction_records, None);
}

#[test]
fn logs_go_where_they_are_wanted() {
    let outputs = |list: &str| config(&[&format!("--log-outputs={list}")], &[]).log.outputs;
    assert_eq!(outputs("default"), [LogOutput::Stderr]);
    assert_eq!(outputs(""), [LogOutput::Stderr]);
    assert_eq!(outputs("stdout,/a/b.log, stdout"), [LogOutput::Stdout, LogOutput::File("/a/b.log".into())]);
    for (list, text) in [
        ("default,/a", "multi logoutput for \"default\" is not supported yet"),
        ("systemd/journal", "under systemd stderr goes there"),
    ] {
        assert!(refusal(&[&format!("--log-outputs={list}")], &[]).0.contains(text), "{list}");
    }
    for (word, level) in [
        ("debug", LogLevel::Debug),
        ("WARN", LogLevel::Warn),
        ("dpanic", LogLevel::Error),
        ("fatal", LogLevel::Error),
    ] {
        assert_eq!(config(&[&format!("--log-level={word}")], &[]).log.level, level, "{word}");
    }
}

#[test]
fn rotation_is_lumberjacks() {
    let rotation = |json: &str, outputs: &str| {
        let arguments = [
            "--enable-log-rotation".to_owned(),
            format!("--log-outputs={outputs}"),
            format!("--log-rotation-config-json={json}"),
        ];
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        match read(&arguments, &[]) {
            Parsed::Serve { config, warnings } => Ok((config.log.rotation.unwrap(), warnings.len())),
            Parsed::Exit { text, .. } => Err(text),
            Parsed::Version => unreachable!(),
        }
    };
    let rules = |megabytes: u64, days_max, backups_max| Rotation {
        bytes_max: megabytes << 20,
        days_max,
        backups_max,
    };
    assert_eq!(rotation("{}", "a"), Ok((rules(100, 0, 0), 0)));
    assert_eq!(
        rotation(r#"{"MaxSize": 3, "maxage": 1, "maxbackups": 2, "other": 1}"#, "a,stderr"),
        Ok((rules(3, 1, 2), 0))
    );
    assert_eq!(rotation(r#"{"compress": true, "localtime": true}"#, "a"), Ok((rules(100, 0, 0), 2)));
    for (json, outputs, text) in [
        ("{", "a", "improperly formatted log rotation config"),
        ("[]", "a", "invalid log rotation config"),
        (r#"{"maxsize": "1"}"#, "a", "maxsize must be a whole number"),
        (r#"{"maxage": -1}"#, "a", "maxage must be a whole number"),
        ("{}", "stderr", "--log-outputs requires a single file path"),
        ("{}", "a,b", "--log-outputs requires a single file path"),
    ] {
        let told = rotation(json, outputs).unwrap_err();
        assert!(told.contains(text), "{told}");
    }
    assert_eq!(config(&["--log-outputs=a"], &[]).log.rotation, None);
}
