//! What operators ask: alarms, checksums, versions.

use super::{Coordinator, unreadable};
use crate::call::Call;
use crate::error::{Error, Invalid};
use quorate_state_machine::hash::Hashing;
use quorate_state_machine::{Alarm, AlarmChange, ClusterVersion, Kind, Refusal, Reply};
use quorate_types::Revision;

/// A checksum of the key space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyHash {
    /// CRC-32C of the records.
    pub hash: u32,
    /// The last revision that is in it.
    pub through: Revision,
    /// The compacted revision that it depends on; -1 before the first compaction, as in etcd.
    pub compacted: Revision,
    /// The revision of the store when it was begun.
    pub revision: Revision,
}

/// A checksum of everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateHash {
    /// CRC-32C of the records.
    pub hash: u32,
    /// The revision of the store when it was begun.
    pub revision: Revision,
}

impl Coordinator {
    /// The alarms that are raised, by kind and then by member: all that were acknowledged before (law C4).
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn alarms(&self, call: &Call) -> Result<(Revision, Vec<Alarm>), Error> {
        self.confirm(call).await?;
        let newest = self.shared.consensus.reader().newest();
        Ok((newest.revision(), newest.alarms().collect()))
    }

    /// Raises or disarms an alarm. Returns the revision and the alarm, if there was one to be.
    ///
    /// # Errors
    /// See [`Error`]; after a time-out it may or may not have been done.
    pub async fn change_alarm(
        &self,
        call: &Call,
        change: AlarmChange,
    ) -> Result<(Revision, Option<Alarm>), Error> {
        let outcome = self.submit(call, Kind::Alarm(change)).await?;
        match outcome.result? {
            Reply::Alarm(alarm) => Ok((outcome.revision, alarm)),
            other => unreachable!("A1: an alarm was answered with {other:?}"),
        }
    }

    /// The checksum of what happened up to `revision`, of everything so far for 0. It reads each record once, on the work
    /// pool, in steps between which others have their turn; it ends with its caller (law C3).
    ///
    /// # Errors
    /// See [`Error`]; revisions that are compacted or still to come are refused.
    pub async fn key_hash(&self, revision: Revision) -> Result<KeyHash, Error> {
        let state = self.shared.consensus.reader().newest();
        let mut hashing = state.keys().hashing(revision).map_err(Refusal::from)?;
        let (through, revision) = (hashing.through(), state.revision());
        let compacted = state.compacted().unwrap_or(Revision(-1));
        loop {
            let (keys, mut begun) = (state.clone(), hashing);
            let step =
                move || begun.step(keys.keys(), keys.view().as_ref()).map(|has_more| (begun, has_more));
            let (taken, has_more) = self.shared.work.run(step).await?.map_err(unreadable)?;
            if !has_more {
                return Ok(KeyHash { hash: taken.sum(), through, compacted, revision });
            }
            hashing = taken;
        }
    }

    /// The checksum of all that members have in common, made as [`Coordinator::key_hash`] makes its own.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn state_hash(&self) -> Result<StateHash, Error> {
        let state = self.shared.consensus.reader().newest();
        let mut hashing = Hashing::default();
        loop {
            let (whole, mut begun) = (state.clone(), hashing);
            let step = move || begun.step(&whole).map(|has_more| (begun, has_more));
            let (taken, has_more) = self.shared.work.run(step).await?.map_err(unreadable)?;
            if !has_more {
                return Ok(StateHash { hash: taken.sum(), revision: state.revision() });
            }
            hashing = taken;
        }
    }

    /// Has the members agree on this release's version, if this member leads and they have not agreed on it or on a later
    /// one.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn settle_cluster_version(&self, call: &Call) -> Result<(), Error> {
        let known = self.shared.consensus.reader().newest().cluster_version();
        let leads = self.shared.consensus.standing().leader == Some(self.member());
        if !leads || known >= Some(ClusterVersion::OURS) {
            return Ok(());
        }
        let outcome = self.submit(call, Kind::SetClusterVersion(ClusterVersion::OURS)).await?;
        outcome.result.map(drop).map_err(Error::from)
    }

    /// The version that the members agreed on.
    ///
    /// # Errors
    /// [`Refusal::NoClusterVersion`].
    pub fn cluster_version(&self) -> Result<ClusterVersion, Error> {
        let known = self.shared.consensus.reader().newest().cluster_version();
        known.ok_or_else(|| Refusal::NoClusterVersion.into())
    }

    /// Whether the cluster could go back to the version `target`, which is `X.Y` or `X.Y.Z`: only to the minor version
    /// before its own. Returns its own.
    ///
    /// # Errors
    /// [`Invalid::DowngradeFormat`], [`Refusal::DowngradeTarget`], and as for every read.
    pub async fn validate_downgrade(&self, call: &Call, target: &str) -> Result<ClusterVersion, Error> {
        let parsed = ClusterVersion::parse(target).or_else(|| ClusterVersion::parse(&format!("{target}.0")));
        let target = parsed.ok_or(Invalid::DowngradeFormat)?;
        self.cluster_version()?;
        self.confirm(call).await?;
        let version = self.cluster_version()?;
        let before = version.minor.checked_sub(1).map(|minor| ClusterVersion { minor, ..version });
        if before == Some(target) { Ok(version) } else { Err(Refusal::DowngradeTarget.into()) }
    }
}
