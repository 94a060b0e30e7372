//! The table of settings: every row from every source, and the same table in the docs.

use super::*;
use crate::config::options::{self, GROUPS, IGNORED, Kind, Place, REMOVED, Setting, Status, variable};
use std::collections::{BTreeMap, BTreeSet};

/// A value that a setting can have and that is not its default, as one writes it in a flag and in a YAML file.
fn another(setting: &Setting) -> (String, String) {
    let same = |text: &str| (text.to_owned(), format!("'{text}'"));
    match (setting.flag, setting.kind) {
        // These are worth something only with a meaning of their own.
        ("feature-gates", _) => same("LeaseCheckpoint=true"),
        ("log-rotation-config-json", _) => same(r#"{"maxsize": 7}"#),
        ("logger", _) => same("zap"),
        ("initial-cluster", _) => same("default=http://localhost:2380,b=http://127.0.0.1:7"),
        ("discovery-endpoints", _) => same("127.0.0.1:7,http://127.0.0.1:8"),
        ("auto-compaction-retention", _) => same("30m"),
        ("tls-max-version", _) => same("TLS1.3"),
        ("election-timeout", _) => ("0x7d0".into(), "2000".into()),
        ("initial-advertise-peer-urls", _) => same("http://127.0.0.1:7"),
        (_, Kind::Text(_)) => same("other"),
        (_, Kind::Choice(words)) => {
            same(words.iter().find(|word| **word != setting.default).expect("a choice has two words"))
        }
        (_, Kind::List(_)) => same("other,another"),
        (_, Kind::Urls) => same("http://127.0.0.1:7,http://127.0.0.1:8"),
        (_, Kind::Natural { .. } | Kind::Integer(_)) => ("0x7".into(), "7".into()),
        (_, Kind::Duration) => ("1m1s".into(), "61000000000".into()),
        (_, Kind::Switch) => {
            let other = if setting.default == "true" { "false" } else { "true" };
            (other.into(), other.into())
        }
    }
}

/// What comes of it: settings and remarks, or a refusal. Without the words that tell the source.
fn outcome(arguments: &[&str], environment: &[(&str, &str)]) -> Result<(Config, usize), u8> {
    match read(arguments, environment) {
        Parsed::Serve { config, warnings } => Ok((*config, warnings.len())),
        Parsed::Exit { code, .. } => Err(code),
        Parsed::Version => unreachable!("nobody asked"),
    }
}

/// A YAML file of values under their paths, those of one section together.
fn document(values: &[(&str, &str)]) -> String {
    let mut sections: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    for (path, value) in values {
        let (key, rest) = path.split_once('.').unwrap_or((path, ""));
        sections.entry(key).or_default().push((rest, value));
    }
    let lines = sections.into_iter().map(|(key, inner)| match inner.as_slice() {
        [("", value)] => format!("{key}: {value}"),
        inner => format!("{key}: {{{}}}", document(inner).trim_end().replace('\n', ", ")),
    });
    lines.map(|line| line + "\n").collect()
}

#[test]
fn every_setting_can_be_made_in_all_four_sources_to_the_same_effect() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file");
    let named = format!("--config-file={}", file.display());
    let from_file = |contents: &str| {
        std::fs::write(&file, contents).unwrap();
        outcome(&[&named], &[])
    };
    let mut seen = 0;
    for setting in options::flags() {
        let (flag, key) = another(setting);
        // Some can only be set beside others.
        let registry = [("discovery-endpoints", "127.0.0.1:9"), ("discovery-token", "t")];
        let beside: &[(&str, &str)] = match setting.flag {
            "listen-client-urls" => &[("advertise-client-urls", "http://127.0.0.1:9")],
            "discovery-srv-name" => &[("discovery-srv", "example.com")],
            "discovery-srv" | "discovery-fallback" => &[],
            flag if flag.starts_with("discovery-") => &registry,
            "initial-cluster-state" => {
                &[("initial-cluster", "default=http://localhost:2380,b=http://127.0.0.1:7")]
            }
            "auto-compaction-mode" => &[("auto-compaction-retention", "1")],
            "enable-log-rotation" => &[("log-outputs", "a")],
            "log-rotation-config-json" => &[("log-outputs", "a"), ("enable-log-rotation", "true")],
            _ => &[],
        };
        let others = || beside.iter().copied().filter(|(other, _)| *other != setting.flag);
        let pairs = || others().chain([(setting.flag, flag.as_str())]);
        let flags = |pairs: &mut dyn Iterator<Item = (&str, &str)>| {
            let arguments: Vec<String> = pairs.map(|(flag, value)| format!("--{flag}={value}")).collect();
            outcome(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), &[])
        };
        let expected = flags(&mut pairs());
        for prefix in ["ETCD", "QUORATE"] {
            let names: Vec<(String, &str)> =
                pairs().map(|(flag, value)| (variable(flag).replace("ETCD", prefix), value)).collect();
            let variables: Vec<(&str, &str)> =
                names.iter().map(|(name, value)| (name.as_str(), *value)).collect();
            assert_eq!(outcome(&[], &variables), expected, "{} in the environment", setting.flag);
            let lines: Vec<String> =
                names.iter().map(|(name, value)| format!("{name}='{value}'\n")).collect();
            assert_eq!(from_file(&lines.concat()), expected, "{} in a file of lines", setting.flag);
        }
        if let Some(path) = setting.path() {
            let path_of =
                |flag: &str| options::flags().find(|other| other.flag == flag).unwrap().path().unwrap();
            let others = others().map(|(flag, value)| (path_of(flag), value));
            let text = document(&others.chain([(path, key.as_str())]).collect::<Vec<_>>());
            assert_eq!(from_file(&text), expected, "{text}");
        }
        let refused = matches!(setting.status, Status::Refused(_));
        assert_eq!(expected.is_err(), refused, "{}", setting.flag);
        if let Ok((config, remarks)) = &expected {
            let warned = !matches!(setting.status, Status::InForce);
            assert_eq!(*remarks > 0, warned, "{}", setting.flag);
            let (plain, _) = flags(&mut beside.iter().copied()).unwrap();
            let is_fixed = setting.flag == "logger"; // one value is all it can have
            assert_eq!(*config != plain, !warned && !is_fixed, "{} changes the settings", setting.flag);
        }
        seen += 1;
    }
    assert!(seen > 110, "{seen}");
}

#[test]
fn the_default_written_out_changes_nothing_and_is_not_warned_of() {
    let plain = outcome(&[], &[]);
    for setting in options::flags() {
        let flag = format!("--{}={}", setting.flag, setting.default);
        let beside = "--advertise-client-urls=http://localhost:2379";
        assert_eq!(outcome(&[&flag, beside], &[]), plain, "{flag}");
    }
}

#[test]
fn every_setting_is_once_in_the_table() {
    let mut names = BTreeSet::new();
    let mut paths = BTreeSet::new();
    for setting in options::settings() {
        assert!(names.insert(setting.flag), "{}", setting.flag);
        assert!(setting.path().is_none_or(|path| paths.insert(path)), "{}", setting.flag);
        assert!(!setting.help.is_empty() && !setting.help.ends_with('.'), "{}", setting.flag);
    }
    for name in IGNORED.iter().chain(REMOVED.iter().map(|(name, _)| name)) {
        assert!(names.insert(name), "{name}");
    }
}

#[test]
fn help_tells_every_flag_its_default_and_what_is_not_in_force() {
    let (text, _) = refusal(&["--help"], &[]);
    for (heading, settings) in GROUPS {
        assert!(text.contains(&format!("\n{heading}:\n")), "{heading}");
        for setting in settings.iter().filter(|setting| setting.has_flag()) {
            let beginnings = [format!("--{} ", setting.flag), format!("--{}[", setting.flag)];
            let mut lines = text.lines().map(str::trim_start);
            let found = lines.any(|line| beginnings.iter().any(|beginning| line.starts_with(beginning)));
            assert!(found, "--{} is missing in\n{text}", setting.flag);
            let line = lines.next().unwrap();
            assert!(line.starts_with(setting.help) && line.contains(setting.default), "{line}");
            assert_eq!(
                line.contains("(not in force yet)"),
                matches!(setting.status, Status::NotYet(_)),
                "{line}"
            );
            assert_eq!(line.contains("refused)"), matches!(setting.status, Status::Refused(_)), "{line}");
        }
    }
}

/// The rows of docs/compatibility.md, made from the table.
fn documented() -> String {
    let mut text = String::new();
    for setting in options::settings() {
        let name = match setting.place {
            Place::OnlyInYaml(path) => format!("`{path}` (YAML only)"),
            Place::Section(path) => format!("`--{}`, in YAML `{path}`", setting.flag),
            Place::NotInYaml => format!("`--{}`, not in YAML", setting.flag),
            Place::Everywhere => format!("`--{}`", setting.flag),
        };
        let default =
            if setting.default.is_empty() { String::new() } else { format!("`{}`", setting.default) };
        let status = match setting.status {
            Status::InForce => "in force".to_owned(),
            Status::NotYet(instead) => format!("**not yet**: {instead}"),
            Status::NoMeaning(why) => format!("no meaning: {why}"),
            Status::Refused(what) => format!("**refused**: {what}"),
        };
        text.push_str(&format!("| {name} | {default} | {status} |\n"));
    }
    text
}

#[test]
fn the_docs_have_the_same_table() {
    let docs = include_str!("../../../../../docs/compatibility.md");
    let expected = documented();
    let table = docs.split_once("| flag | default | here |\n|---|---|---|\n").map(|(_, rest)| rest);
    let found: String = table
        .unwrap_or_default()
        .lines()
        .take_while(|line| line.starts_with('|'))
        .map(|line| format!("{line}\n"))
        .collect();
    assert!(
        found == expected,
        "put this into docs/compatibility.md, under its heading `Settings`:\n\n{expected}"
    );
    for name in IGNORED {
        assert!(docs.contains(&format!("`{name}`")), "{name} is missing in docs/compatibility.md");
    }
}
