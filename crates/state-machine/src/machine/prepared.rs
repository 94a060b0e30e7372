//! A state from another member: opened beside the one that is, then put in its place.

use super::{StateMachine, check_format, leases, load, read_fault};
use crate::Fault;
use crate::alarms::Alarms;
use crate::cluster_version::ClusterVersion;
use crate::machine::Effects;
use crate::members::Members;
use crate::spaces::{self, APPLIED, KEY, MEMBERSHIP, META};
use quorate_lease as lease;
use quorate_mvcc::Store;
use quorate_proto::log;
use quorate_storage::{Engine, Error, Order, Range, Successor, View};
use std::ops::ControlFlow;
use std::sync::Arc;

/// All that is kept in memory of the records that a view shows.
pub(super) struct Contents {
    pub(super) keys: Store,
    pub(super) leases: lease::Table,
    pub(super) members: Members,
    pub(super) alarms: Alarms,
    pub(super) version: Option<ClusterVersion>,
    pub(super) applied: Option<log::LogId>,
    pub(super) membership: log::StoredMembership,
}

/// A state that is complete, durable and read, so that to [install](StateMachine::install) it is a swap. To drop it is to give it up.
pub struct Prepared {
    contents: Contents,
    successor: Successor,
}

/// What became of a state that was to be installed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Installed {
    /// It is the state now, and published.
    Done(Effects),
    /// Nothing was done: what is applied here is as new, or newer.
    Stale,
}

impl Contents {
    /// Cost: reads every record of the key space once, to build the index.
    pub(super) fn read(view: &dyn View) -> Result<Self, Fault> {
        check_format(view)?;
        let (applied, membership) = StateMachine::position(view)?;
        let keys = Store::open(KEY, META, view).map_err(|error| read_fault("build the index", error))?;
        let leases = leases::open(view, &keys)?;
        let members = Members::open(view, &membership)?;
        let alarms = Alarms::open(view)?;
        let version = ClusterVersion::load(view)?;
        Ok(Self { keys, leases, members, alarms, version, applied, membership })
    }
}

impl Prepared {
    /// Reads the state that `successor` holds. Fit for any thread: neither the engine nor the state that is read now is touched.
    ///
    /// Cost: as [`StateMachine::open`].
    ///
    /// # Errors
    /// Its records cannot be read, are corrupt, or are of a newer format. The member that has received them is none
    /// the worse for it.
    pub fn open(successor: Successor) -> Result<Self, Fault> {
        let contents = Contents::read(successor.view().as_ref())?;
        Ok(Self { contents, successor })
    }

    /// The same for a copy of all that `view` shows, made record by record: a state from the same process.
    ///
    /// # Errors
    /// As [`Prepared::open`], or `view` cannot be read or `engine` has no room.
    pub fn copy(engine: &dyn Engine, view: &dyn View) -> Result<Self, Fault> {
        let successor = copy(engine, view);
        Self::open(successor.map_err(|source| Fault::Storage { action: "copy a state", source })?)
    }

    /// The id of the last entry in it.
    #[must_use]
    pub fn applied(&self) -> Option<log::LogId> {
        self.contents.applied
    }

    /// The last membership in it, and where it stood in the log.
    #[must_use]
    pub fn membership(&self) -> &log::StoredMembership {
        &self.contents.membership
    }

    /// The engine's view of it.
    #[must_use]
    pub fn view(&self) -> &Arc<dyn View> {
        self.successor.view()
    }
}

impl StateMachine {
    /// Puts `prepared` in the place of the whole state, in the engine, durably, and for readers, who see the one or the other.
    /// What led from the one to the other is not told: the effects say only that the state was replaced.
    ///
    /// Cost: see [`Successor::swap`]; nothing is read or copied.
    ///
    /// # Errors
    /// A fault is final: the engine is in doubt. Opened again, it holds one of the two states, whole.
    pub fn install(&mut self, prepared: Prepared) -> Result<Installed, Fault> {
        let index = |applied: Option<log::LogId>| applied.map(|id| id.index);
        if index(prepared.applied()) <= index(self.applied) {
            return Ok(Installed::Stale);
        }
        let Prepared { contents, successor } = prepared;
        successor.swap().map_err(|source| Fault::Storage { action: "swap in a received state", source })?;
        let Contents { keys, leases, members, alarms, version, applied, membership } = contents;
        (self.keys, self.leases, self.members) = (keys, leases, members);
        (self.alarms, self.version) = (alarms, version);
        (self.applied, self.membership) = (applied, membership);
        self.publish(); // A4
        let replaced = Some(self.keys.revision());
        Ok(Installed::Done(Effects { replaced, ..Effects::default() }))
    }

    /// The applied log id and membership that `view` holds: where a snapshot of it stands.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn position(view: &dyn View) -> Result<(Option<log::LogId>, log::StoredMembership), Fault> {
        let applied = load(view, APPLIED, "applied log id")?;
        let membership = load::<log::StoredMembership>(view, MEMBERSHIP, "membership")?;
        Ok((applied, membership.unwrap_or_default()))
    }
}

fn copy(engine: &dyn Engine, view: &dyn View) -> Result<Successor, Error> {
    let mut replacement = engine.begin_replacement()?;
    for &space in spaces::ALL.as_slice() {
        let mut outcome = Ok(());
        view.scan(space, Range::ALL, Order::Ascending, &mut |key, value| {
            outcome = replacement.add(space, key, value);
            if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        outcome?;
    }
    replacement.finish()
}

#[cfg(test)]
mod tests;
