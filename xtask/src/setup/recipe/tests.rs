use super::*;

fn recipe() -> Recipe {
    Recipe {
        version: "0.19.0+11.8.1".to_owned(),
        features: vec!["lz4".to_owned()],
        rustflags: vec!["-Ctarget-cpu=x86-64-v2".to_owned()],
        target: "x86_64-unknown-linux-gnu".to_owned(),
    }
}

#[test]
fn the_version_is_the_locked_one() {
    let lock = "[[package]]\nname = \"librocksdb-sys\"\nversion = \"0.19.0+11.8.1\"\n";
    assert_eq!(locked_version(lock, "librocksdb-sys").as_deref(), Some("0.19.0+11.8.1"));
    assert_eq!(locked_version(lock, "rocksdb"), None);
}

#[test]
fn the_flags_are_those_of_the_right_target() {
    let config = "[target.a]\nrustflags = [\"-Cx\", \"-Cy\"]\n[target.b]\n[env]\nrustflags = [\"-Cz\"]\n";
    assert_eq!(configured_flags(config, "a"), ["-Cx", "-Cy"]);
    assert!(configured_flags(config, "b").is_empty());
}

#[test]
fn the_features_are_those_of_the_workspace() {
    let manifest = "rocks = 1\nrocksdb = { version = \"1\", features = [\"lz4\", \"zstd\"] }\n";
    assert_eq!(features(manifest, "rocksdb"), ["lz4", "zstd"]);
}

#[test]
fn whatever_changes_the_archive_changes_its_folder() {
    let others = [
        Recipe { version: "0.20.0".to_owned(), ..recipe() },
        Recipe { features: vec![], ..recipe() },
        Recipe { rustflags: vec![], ..recipe() },
        Recipe { target: "aarch64-unknown-linux-gnu".to_owned(), ..recipe() },
    ];
    assert_eq!(recipe().folder(), recipe().folder());
    for other in others {
        assert_ne!(other.folder(), recipe().folder(), "{other:?}");
    }
}

#[test]
fn a_requirement_has_no_build_metadata() {
    assert_eq!(recipe().requirement(), "0.19.0");
}
