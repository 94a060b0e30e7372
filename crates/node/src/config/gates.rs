//! `--feature-gates`: etcd 3.7's gates, which of them are on, and what becomes of those here.

use super::problem::{Complaint, Problem};
use super::settings::Settings;

const FLAG: &str = "feature-gates";

/// A feature that can be switched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// Members compare what their last compactions left.
    CompactHashCheck,
    /// A leader renews a lease that it knows without waiting for its applied index.
    FastLeaseKeepAlive,
    /// A member compares itself with the others before it serves.
    InitialCorruptCheck,
    /// What is left of long leases is told to all from time to time.
    LeaseCheckpoint,
    /// And it is stored.
    LeaseCheckpointPersist,
    /// Revocations are let in where other requests are too many.
    PriorityRequest,
    /// Other members are dialled from the address that this one advertises.
    SetMemberLocalAddr,
    /// While a member defragments, its health service says that it does not serve.
    StopGrpcServiceOnDefrag,
    /// Transactions that write share a buffer.
    TxnModeWriteWithSharedBuffer,
}

/// Which gates are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gates([bool; ROWS.len()]);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Alpha,
    Beta,
}

struct Row {
    gate: Gate,
    name: &'static str,
    stage: Stage,
    default: bool,
    /// Why switching it does nothing here.
    idle: Option<&'static str>,
}

const NO_HASH_CHECK: Option<&str> = Some("members are not compared yet");

/// In the order of the names.
const ROWS: [Row; 9] = [
    alpha(Gate::CompactHashCheck, "CompactHashCheck", NO_HASH_CHECK),
    beta(Gate::FastLeaseKeepAlive, "FastLeaseKeepAlive", Some("a keep-alive always asks a quorum")),
    alpha(Gate::InitialCorruptCheck, "InitialCorruptCheck", NO_HASH_CHECK),
    alpha(Gate::LeaseCheckpoint, "LeaseCheckpoint", None),
    alpha(Gate::LeaseCheckpointPersist, "LeaseCheckpointPersist", Some("what is told is always stored")),
    alpha(Gate::PriorityRequest, "PriorityRequest", Some("one command revokes many leases")),
    alpha(Gate::SetMemberLocalAddr, "SetMemberLocalAddr", Some("there are no other members yet")),
    alpha(Gate::StopGrpcServiceOnDefrag, "StopGRPCServiceOnDefrag", Some("there is nothing to defragment")),
    beta(
        Gate::TxnModeWriteWithSharedBuffer,
        "TxnModeWriteWithSharedBuffer",
        Some("it is about a buffer of etcd's"),
    ),
];

const fn alpha(gate: Gate, name: &'static str, idle: Option<&'static str>) -> Row {
    Row { gate, name, stage: Stage::Alpha, default: false, idle }
}

const fn beta(gate: Gate, name: &'static str, idle: Option<&'static str>) -> Row {
    Row { gate, name, stage: Stage::Beta, default: true, idle }
}

impl Default for Gates {
    fn default() -> Self {
        Self(std::array::from_fn(|at| ROWS[at].default))
    }
}

impl Gates {
    /// Whether `gate` is on.
    #[must_use]
    pub fn is_on(&self, gate: Gate) -> bool {
        ROWS.iter().zip(self.0).any(|(row, is_on)| row.gate == gate && is_on)
    }
}

/// The gates as they were switched: one by name wins over its stage, and the last of several over the others.
pub(super) fn settle(settings: &Settings, problems: &mut Vec<Problem>, remarks: &mut Vec<String>) -> Gates {
    let mut complain = |text: String| {
        problems.push(Problem { spot: settings.spot(FLAG), complaint: Complaint::Rule(text) });
    };
    let (mut named, mut stages) = ([None; ROWS.len()], [None; 2]);
    for pair in settings.text(FLAG).split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        match switch(pair) {
            Err(text) => complain(text),
            Ok(("AllAlpha", is_on)) => stages[0] = Some(is_on),
            Ok(("AllBeta", is_on)) => stages[1] = Some(is_on),
            Ok((name, is_on)) => match ROWS.iter().position(|row| row.name == name) {
                Some(at) => named[at] = Some(is_on),
                None => complain(format!("unrecognized feature gate: {name}")),
            },
        }
    }
    let of_stage = |row: &Row| stages[usize::from(row.stage == Stage::Beta)].unwrap_or(row.default);
    let gates = Gates(std::array::from_fn(|at| named[at].unwrap_or_else(|| of_stage(&ROWS[at]))));
    if gates.is_on(Gate::LeaseCheckpointPersist) && !gates.is_on(Gate::LeaseCheckpoint) {
        complain(
            "enabling feature gate LeaseCheckpointPersist requires enabling feature gate LeaseCheckpoint"
                .into(),
        );
    }
    for (row, is_on) in ROWS.iter().zip(gates.0).filter(|(row, is_on)| *is_on != row.default) {
        if let Some(why) = row.idle {
            remarks.push(format!("{}: {}={is_on} has no effect here: {why}", settings.spot(FLAG), row.name));
        }
    }
    gates
}

/// A name and whether it is on.
fn switch(pair: &str) -> Result<(&str, bool), String> {
    let (name, word) = pair.split_once('=').ok_or_else(|| format!("missing bool value for {pair}"))?;
    match (name.trim(), word.trim()) {
        (name, "1" | "t" | "T" | "true" | "TRUE" | "True") => Ok((name, true)),
        (name, "0" | "f" | "F" | "false" | "FALSE" | "False") => Ok((name, false)),
        (name, word) => Err(format!("invalid value of {name}={word}: expected true or false")),
    }
}
