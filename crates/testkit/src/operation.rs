//! What a client may ask of the key space, and what it is told.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The count of changes to the key space; an empty store is at 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub i64);

/// A lease; 0 means none. In one history an id is granted at most once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LeaseId(pub i64);

/// What a key holds: etcd's `KeyValue` without the key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Record {
    /// The value. Values that differ from write to write make the search short.
    pub value: String,
    /// The revision at which the key came into being.
    pub create_revision: Revision,
    /// The revision of its newest write.
    pub mod_revision: Revision,
    /// How often it was written since it came into being.
    pub version: i64,
    /// The lease it hangs on.
    #[serde(default, skip_serializing_if = "is_none")]
    pub lease: LeaseId,
}

/// One thing done to one key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Sets a key.
    Put {
        /// The key.
        key: String,
        /// Its new value.
        value: String,
        /// The lease it shall hang on.
        #[serde(default, skip_serializing_if = "is_none")]
        lease: LeaseId,
        /// Whether what it held before is asked for.
        #[serde(default)]
        prev_kv: bool,
    },
    /// Removes a key.
    Delete {
        /// The key.
        key: String,
        /// Whether what it held before is asked for.
        #[serde(default)]
        prev_kv: bool,
    },
    /// Reads a key as of now: on its own it is linearizable, in a transaction it sees the steps before it.
    Range {
        /// The key.
        key: String,
    },
}

/// A condition of a transaction: what a field of a key must equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Compare {
    /// The key.
    pub key: String,
    /// The field, and what it must equal. Of a key that is not there numbers are 0, and no value equals.
    pub target: Target,
}

/// A field and what it must equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// `create_revision`.
    Create(Revision),
    /// `mod_revision`.
    Mod(Revision),
    /// `version`.
    Version(i64),
    /// `value`.
    Value(String),
}

/// What a client asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// A call of `Put`, `DeleteRange` or `Range` with a single key.
    Step(Step),
    /// A call of `Txn`. It names a key in at most one put of a branch, as etcd demands.
    Txn {
        /// All must hold.
        compare: Vec<Compare>,
        /// Done if they do.
        success: Vec<Step>,
        /// Done if they do not.
        failure: Vec<Step>,
    },
    /// A call of `LeaseRevoke`: the keys that hang on the lease go, all in one revision.
    Revoke {
        /// The lease.
        lease: LeaseId,
    },
}

/// What a client is told.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Answer {
    /// `header.revision`.
    pub revision: Revision,
    /// `succeeded` of a transaction; true for all else.
    #[serde(default = "yes")]
    pub succeeded: bool,
    /// One for each step that was done, in order.
    #[serde(default)]
    pub results: Vec<StepAnswer>,
}

/// What a client is told about one step.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepAnswer {
    /// Of a put.
    Put {
        /// What the key held before, if it was asked for.
        #[serde(default)]
        prev_kv: Option<Record>,
    },
    /// Of a delete.
    Delete {
        /// How many keys went: 0 or 1.
        deleted: i64,
        /// What the key held before, if it was asked for.
        #[serde(default)]
        prev_kv: Option<Record>,
    },
    /// Of a range: what the key holds.
    Range(Option<Record>),
}

impl Step {
    /// The key it is about.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Step::Put { key, .. } | Step::Delete { key, .. } | Step::Range { key } => key,
        }
    }
}

impl Operation {
    /// A put without a lease that does not ask for what was there.
    #[must_use]
    pub fn put(key: &str, value: &str) -> Operation {
        let (key, value) = (key.to_owned(), value.to_owned());
        Operation::Step(Step::Put { key, value, lease: LeaseId::default(), prev_kv: false })
    }

    /// A delete that does not ask for what was there.
    #[must_use]
    pub fn delete(key: &str) -> Operation {
        Operation::Step(Step::Delete { key: key.to_owned(), prev_kv: false })
    }

    /// A linearizable range of one key.
    #[must_use]
    pub fn range(key: &str) -> Operation {
        Operation::Step(Step::Range { key: key.to_owned() })
    }

    /// The steps that are done if the conditions hold, or if they do not.
    #[must_use]
    pub fn branch(&self, succeeded: bool) -> &[Step] {
        match self {
            Operation::Step(step) => std::slice::from_ref(step),
            Operation::Txn { success, failure, .. } => {
                if succeeded {
                    success
                } else {
                    failure
                }
            }
            Operation::Revoke { .. } => &[],
        }
    }

    /// The conditions.
    #[must_use]
    pub fn compares(&self) -> &[Compare] {
        match self {
            Operation::Txn { compare, .. } => compare,
            _ => &[],
        }
    }

    /// The steps of both branches.
    pub(crate) fn steps(&self) -> impl Iterator<Item = &Step> {
        let other = if let Operation::Txn { failure, .. } = self { &failure[..] } else { &[] };
        self.branch(true).iter().chain(other)
    }

    /// Whether it could change something.
    pub(crate) fn may_write(&self) -> bool {
        matches!(self, Operation::Revoke { .. })
            || self.steps().any(|step| !matches!(step, Step::Range { .. }))
    }
}

impl Answer {
    /// Whether what was done with this answer took a revision; of a revoke the answer does not tell.
    pub(crate) fn wrote(&self) -> bool {
        self.results.iter().any(|result| match result {
            StepAnswer::Put { .. } => true,
            StepAnswer::Delete { deleted, .. } => *deleted > 0,
            StepAnswer::Range(_) => false,
        })
    }

    /// Whether it has the form of an answer to `operation`.
    pub(crate) fn fits(&self, operation: &Operation) -> bool {
        let steps = operation.branch(self.succeeded);
        steps.len() == self.results.len()
            && steps.iter().zip(&self.results).all(|pair| {
                matches!(
                    pair,
                    (Step::Put { .. }, StepAnswer::Put { .. })
                        | (Step::Delete { .. }, StepAnswer::Delete { .. })
                        | (Step::Range { .. }, StepAnswer::Range(_))
                )
            })
    }
}

fn is_none(lease: &LeaseId) -> bool {
    *lease == LeaseId::default()
}

fn yes() -> bool {
    true
}

impl fmt::Display for Revision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Display for LeaseId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:x}", self.0)
    }
}

impl fmt::Display for Record {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Record { value, create_revision, mod_revision, version, lease } = self;
        write!(formatter, "{value:?} (mod {mod_revision}, create {create_revision}, version {version}")?;
        if !is_none(lease) {
            write!(formatter, ", lease {lease}")?;
        }
        formatter.write_str(")")
    }
}

/// A record, or that there is none.
pub(crate) struct Held<'a>(pub(crate) Option<&'a Record>);

impl fmt::Display for Held<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(record) => record.fmt(formatter),
            None => formatter.write_str("nothing"),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Put { key, value, lease, .. } if is_none(lease) => {
                write!(formatter, "put {key}={value:?}")
            }
            Step::Put { key, value, lease, .. } => {
                write!(formatter, "put {key}={value:?} lease {lease}")
            }
            Step::Delete { key, .. } => write!(formatter, "delete {key}"),
            Step::Range { key } => write!(formatter, "range {key}"),
        }
    }
}

impl fmt::Display for Compare {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        match &self.target {
            Target::Create(revision) => write!(formatter, "create({key})={revision}"),
            Target::Mod(revision) => write!(formatter, "mod({key})={revision}"),
            Target::Version(version) => write!(formatter, "version({key})={version}"),
            Target::Value(value) => write!(formatter, "value({key})={value:?}"),
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Operation::Step(step) => step.fmt(formatter),
            Operation::Txn { compare, success, failure } => {
                write!(formatter, "if {} then {} else {}", Listed(compare), Listed(success), Listed(failure))
            }
            Operation::Revoke { lease } => write!(formatter, "revoke lease {lease}"),
        }
    }
}

impl fmt::Display for StepAnswer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StepAnswer::Put { prev_kv: None } => formatter.write_str("ok"),
            StepAnswer::Put { prev_kv: Some(record) } => write!(formatter, "ok, before {record}"),
            StepAnswer::Delete { deleted, prev_kv: None } => write!(formatter, "deleted {deleted}"),
            StepAnswer::Delete { deleted, prev_kv: Some(record) } => {
                write!(formatter, "deleted {deleted}, before {record}")
            }
            StepAnswer::Range(record) => Held(record.as_ref()).fmt(formatter),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let branch = if self.succeeded { "" } else { "(else) " };
        write!(formatter, "{branch}{} at revision {}", Listed(&self.results), self.revision)
    }
}

struct Listed<'a, T>(&'a [T]);

impl<T: fmt::Display> fmt::Display for Listed<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [only] = self.0 {
            return only.fmt(formatter);
        }
        formatter.write_str("[")?;
        for (at, item) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { "; " };
            write!(formatter, "{comma}{item}")?;
        }
        formatter.write_str("]")
    }
}
