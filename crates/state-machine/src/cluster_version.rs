//! The version of the interface that all members agreed to speak: etcd's, not Quorate's own.

use crate::Fault;
use crate::spaces::CLUSTER;
use bytes::Bytes;
use quorate_storage::{Batch, View};
use std::fmt;

/// In [`CLUSTER`]: the version, as text.
const KEY: &[u8] = b"clusterVersion";

/// etcd's version without its patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterVersion {
    /// The first number.
    pub major: u64,
    /// The second one.
    pub minor: u64,
}

impl ClusterVersion {
    /// What this release speaks: the version that a cluster of such members agrees on.
    pub const OURS: Self = Self { major: 3, minor: 7 };

    /// The version in `text`, three numbers with dots between them. What follows a `-` or a `+` has to be well formed and
    /// is left out, as is the patch. etcd: `coreos/go-semver`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (rest, metadata) = text.split_once('+').unwrap_or((text, ""));
        let (numbers, stage) = rest.split_once('-').unwrap_or((rest, ""));
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
        if !metadata.bytes().chain(stage.bytes()).all(is_plain) {
            return None;
        }
        let mut parts = numbers.splitn(3, '.').map(number);
        let (major, minor) = (parts.next()??, parts.next()??);
        parts.next()??;
        Some(Self { major, minor })
    }

    pub(crate) fn load(view: &dyn View) -> Result<Option<Self>, Fault> {
        let record =
            view.get(CLUSTER, KEY).map_err(|source| Fault::Storage { action: "read the version", source })?;
        let Some(record) = record else { return Ok(None) };
        let version = std::str::from_utf8(&record).ok().and_then(Self::parse);
        version.map(Some).ok_or(Fault::Undecodable { what: "cluster version" })
    }

    pub(crate) fn store(self, batch: &mut Batch) {
        batch.put(CLUSTER, Bytes::from_static(KEY), Bytes::from(self.to_string()));
    }
}

/// As etcd writes it: `3.7.0`.
impl fmt::Display for ClusterVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.0", self.major, self.minor)
    }
}

/// Digits, and no more than Go's `int64` takes.
fn number(text: &str) -> Option<u64> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse::<i64>().ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;
    use crate::machine::tests::Scene;
    use crate::spaces;

    #[test]
    fn a_version_is_three_numbers_and_maybe_more() {
        let version = |major, minor| Some(ClusterVersion { major, minor });
        for (text, parsed) in [
            ("3.7.0", version(3, 7)),
            ("3.6.12", version(3, 6)),
            ("3.6.0-rc.1", version(3, 6)),
            ("3.6.0-alpha+build-7", version(3, 6)),
            ("10.20.30+meta", version(10, 20)),
            ("3.6", None),
            ("3", None),
            ("", None),
            ("3.6.0.1", None),
            ("3..0", None),
            ("v3.6.0", None),
            ("3.-6.0", None),
            ("3.6.x", None),
            ("3.6.0-a_b", None),
            ("3.6.9223372036854775808", None),
        ] {
            assert_eq!(ClusterVersion::parse(text), parsed, "{text}");
        }
    }

    #[test]
    fn the_version_is_stored_as_etcd_stores_it_and_outlives_a_restart() {
        let mut scene = Scene::new();
        let known = |scene: &Scene| scene.state.reader().newest().cluster_version();
        assert_eq!(known(&scene), None);
        scene.run([Kind::SetClusterVersion(ClusterVersion::OURS)]);
        assert_eq!(known(&scene), Some(ClusterVersion { major: 3, minor: 7 }));
        let (_, records) = scene.contents().remove(spaces::CLUSTER.ordinal());
        assert_eq!(records, [(Bytes::from("clusterVersion"), Bytes::from("3.7.0"))]);
        assert_eq!(known(&Scene::on(scene.engine)), Some(ClusterVersion::OURS));
    }
}
