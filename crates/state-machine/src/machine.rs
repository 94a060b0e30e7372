//! From entries to state.

mod execute;
mod leases;
mod prepared;

use crate::Fault;
use crate::alarms::Alarms;
use crate::answer::Outcome;
use crate::cluster_version::ClusterVersion;
use crate::command::Command;
use crate::members::Members;
use crate::published::{Published, Reader};
use crate::spaces::{APPLIED, FORMAT, MEMBERSHIP, QUORATE};
use arc_swap::ArcSwap;
use bytes::{BufMut, Bytes, BytesMut};
use prost::Message;
use quorate_lease as lease;
use quorate_mvcc::{Overlay, ReadError, Store};
use quorate_proto::log;
use quorate_storage::{Batch, Engine, View};
use quorate_types::{Changes, Revision};
use std::sync::Arc;

use prepared::Contents;
pub use prepared::{Installed, Prepared};

/// The format of the state that this code writes; it reads no newer one.
const FORMAT_VERSION: u32 = 1;
/// The version byte before each record of ours in [`QUORATE`].
const RECORD_VERSION: u8 = 1;

/// One committed entry of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Where it stands in the log.
    pub id: log::LogId,
    /// What it says.
    pub payload: Payload,
}

/// What an entry says.
#[derive(Debug, Clone, PartialEq)]
pub enum Payload {
    /// Nothing: a new leader's first entry.
    Blank,
    /// Commands in their envelopes, in order.
    Commands(Vec<Bytes>),
    /// Who votes from here on.
    Membership(log::Membership),
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The command's id.
    pub id: u64,
    /// What it came to.
    pub outcome: Outcome,
}

/// What others are to be told of a batch, once it is published.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Effects {
    /// What changed, revision by revision: for watchers.
    pub changes: Vec<Changes>,
    /// Which leases began and ended, in order: for the leader's clock.
    pub leases: Vec<lease::Effect>,
    /// The whole state was replaced by one of this revision. What led there is neither among the changes nor the leases:
    /// whoever follows those takes it from the published state.
    pub replaced: Option<Revision>,
}

impl Effects {
    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.leases.is_empty() && self.replaced.is_none()
    }
}

/// The replicated state, owned by whoever applies.
pub struct StateMachine {
    engine: Arc<dyn Engine>,
    keys: Store,
    leases: lease::Table,
    members: Members,
    /// What the batch under way did to leases.
    lease_effects: Vec<lease::Effect>,
    alarms: Alarms,
    version: Option<ClusterVersion>,
    applied: Option<log::LogId>,
    membership: log::StoredMembership,
    view: Arc<dyn View>,
    reader: Reader,
    /// Never in a server: see `tolerate_gaps`.
    tolerates_gaps: bool,
}

impl StateMachine {
    /// The state that `engine` holds. An engine that holds nothing becomes an empty state.
    ///
    /// Cost: reads every record of the key space once, to build the index.
    ///
    /// # Errors
    /// The engine fails, its records are corrupt, or their format is a newer one.
    pub fn open(engine: Arc<dyn Engine>) -> Result<Self, Fault> {
        let view = engine.view();
        let Contents { keys, leases, members, alarms, version, applied, membership } =
            Contents::read(view.as_ref())?;
        let published = Published {
            applied,
            keys: keys.snapshot(),
            is_pruning: keys.is_pruning(),
            leases: leases.clone(),
            members: members.clone(),
            membership: membership.id,
            alarms: alarms.clone(),
            version,
            view: view.clone(),
        };
        Ok(Self {
            engine,
            keys,
            leases,
            lease_effects: Vec::new(),
            members,
            alarms,
            version,
            applied,
            membership,
            view,
            reader: Reader { newest: Arc::new(ArcSwap::from_pointee(published)) },
            tolerates_gaps: false,
        })
    }

    /// Where others see the state.
    #[must_use]
    pub fn reader(&self) -> Reader {
        self.reader.clone()
    }

    /// The id of the last entry applied.
    #[must_use]
    pub fn applied(&self) -> Option<log::LogId> {
        self.applied
    }

    /// The last membership applied, and where it stood in the log.
    #[must_use]
    pub fn membership(&self) -> &log::StoredMembership {
        &self.membership
    }

    /// The engine underneath.
    #[must_use]
    pub fn engine(&self) -> &Arc<dyn Engine> {
        &self.engine
    }

    /// Applies `entries`, in order: one write to the engine, one publication. Appends what each command came to;
    /// returns what others are to be told.
    ///
    /// # Errors
    /// A fault is final: some of the batch may be in memory, none of it was published.
    ///
    /// # Panics
    /// If the entries do not follow what was applied (law A1).
    pub fn apply(&mut self, entries: &[Entry], outcomes: &mut Vec<Applied>) -> Result<Effects, Fault> {
        let mut overlay = Overlay::new(self.view.clone());
        for entry in entries {
            self.check_order(entry);
            self.apply_entry(entry, &mut overlay, outcomes)?;
            self.applied = Some(entry.id);
        }
        let changes = overlay.take_changes();
        let mut batch = overlay.into_batch();
        self.seal(&mut batch);
        self.engine.write(batch).map_err(|source| Fault::Storage { action: "write a batch", source })?;
        self.publish(); // A4
        Ok(Effects { changes, leases: std::mem::take(&mut self.lease_effects), replaced: None })
    }

    /// One small step of removing what compaction freed: about `budget` records, in one write to the engine and one
    /// publication. True while there is more to do.
    ///
    /// When a member does this is its own affair: nobody can read what goes.
    ///
    /// # Errors
    /// A fault is final.
    pub fn prune(&mut self, budget: usize) -> Result<bool, Fault> {
        if !self.is_pruning() {
            return Ok(false);
        }
        let mut batch = Batch::default();
        let has_more = self.keys.prune(budget, &mut batch);
        self.engine.write(batch).map_err(|source| Fault::Storage { action: "prune", source })?;
        self.publish(); // A4
        Ok(has_more)
    }

    /// Whether [`StateMachine::prune`] has anything to do.
    #[must_use]
    pub fn is_pruning(&self) -> bool {
        self.keys.is_pruning()
    }

    /// Law A1.
    fn check_order(&self, entry: &Entry) {
        let Some(applied) = self.applied else { return };
        if self.tolerates_gaps {
            assert!(entry.id.index > applied.index, "A1: entries are applied in order, each once");
        } else {
            assert_eq!(entry.id.index, applied.index + 1, "A1: entries are applied in order, each once");
        }
    }

    /// Accepts entries that leave others out, as openraft's conformance suite does. No log does.
    #[cfg(feature = "testing")]
    pub fn tolerate_gaps(&mut self) {
        self.tolerates_gaps = true;
    }

    fn apply_entry(
        &mut self,
        entry: &Entry,
        overlay: &mut Overlay,
        outcomes: &mut Vec<Applied>,
    ) -> Result<(), Fault> {
        match &entry.payload {
            Payload::Blank => {}
            Payload::Membership(membership) => {
                self.members.follow(membership, overlay.batch());
                self.membership =
                    log::StoredMembership { id: Some(entry.id), membership: Some(membership.clone()) };
                overlay.batch().put(QUORATE, MEMBERSHIP, encode_record(&self.membership));
            }
            Payload::Commands(envelopes) => {
                for envelope in envelopes {
                    let command = Command::decode(envelope)?;
                    let id = command.id;
                    let result = self.execute(command.kind, entry.id.term, overlay)?;
                    outcomes
                        .push(Applied { id, outcome: Outcome { revision: self.keys.revision(), result } });
                }
            }
        }
        Ok(())
    }

    /// Adds to a batch what makes it complete: the format, once, and the applied log id (law A1).
    fn seal(&self, batch: &mut Batch) {
        if self.reader.newest.load().applied.is_none() {
            batch.put(QUORATE, FORMAT, Bytes::copy_from_slice(&FORMAT_VERSION.to_be_bytes()));
        }
        if let Some(applied) = &self.applied {
            batch.put(QUORATE, APPLIED, encode_record(applied));
        }
    }

    fn publish(&mut self) {
        self.view = self.engine.view();
        self.reader.newest.store(Arc::new(Published {
            applied: self.applied,
            keys: self.keys.snapshot(),
            is_pruning: self.keys.is_pruning(),
            leases: self.leases.clone(),
            members: self.members.clone(),
            membership: self.membership.id,
            alarms: self.alarms.clone(),
            version: self.version,
            view: self.view.clone(),
        }));
    }
}

fn read_fault(action: &'static str, error: ReadError) -> Fault {
    Fault::Read { action, source: Box::new(error) }
}

fn encode_record(message: &impl Message) -> Bytes {
    let mut record = BytesMut::with_capacity(1 + message.encoded_len());
    record.put_u8(RECORD_VERSION);
    message.encode(&mut record).expect("a growing buffer has room");
    record.freeze()
}

fn load<M: Message + Default>(view: &dyn View, key: &[u8], what: &'static str) -> Result<Option<M>, Fault> {
    let record = view.get(QUORATE, key).map_err(|source| Fault::Storage { action: what, source })?;
    let Some(record) = record else { return Ok(None) };
    match record.split_first() {
        Some((&RECORD_VERSION, message)) => {
            M::decode(message).map(Some).map_err(|_| Fault::Undecodable { what })
        }
        _ => Err(Fault::Undecodable { what }),
    }
}

fn check_format(view: &dyn View) -> Result<(), Fault> {
    let record =
        view.get(QUORATE, FORMAT).map_err(|source| Fault::Storage { action: "read the format", source })?;
    let Some(record) = record else { return Ok(()) };
    let bytes = record.as_ref().try_into().map_err(|_| Fault::Undecodable { what: "format version" })?;
    match u32::from_be_bytes(bytes) {
        FORMAT_VERSION => Ok(()),
        found => Err(Fault::FormatVersion { found, known: FORMAT_VERSION }),
    }
}

#[cfg(test)]
pub(crate) mod tests;
