//! `--feature-gates`: whether what was written names gates that etcd 3.7 has. None has anything behind it here yet.

use super::problem::{Complaint, Problem};
use super::settings::Settings;

const FLAG: &str = "feature-gates";
/// etcd 3.7's gates, and the two names for all of a stage.
const GATES: [&str; 11] = [
    "AllAlpha",
    "AllBeta",
    "CompactHashCheck",
    "FastLeaseKeepAlive",
    "InitialCorruptCheck",
    "LeaseCheckpoint",
    "LeaseCheckpointPersist",
    "PriorityRequest",
    "SetMemberLocalAddr",
    "StopGRPCServiceOnDefrag",
    "TxnModeWriteWithSharedBuffer",
];

pub(super) fn check(settings: &Settings, problems: &mut Vec<Problem>) {
    let mut complain = |text: String| {
        problems.push(Problem { spot: settings.spot(FLAG), complaint: Complaint::Rule(text) });
    };
    let mut on = Vec::new();
    for pair in settings.text(FLAG).split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        match pair.split_once('=').map(|(gate, word)| (gate.trim(), word.trim())) {
            Some((gate, _)) if !GATES.contains(&gate) => {
                complain(format!("unrecognized feature gate: {gate}"));
            }
            Some((gate, "1" | "t" | "T" | "true" | "TRUE" | "True")) => on.push(gate),
            Some((_, "0" | "f" | "F" | "false" | "FALSE" | "False")) => (),
            Some((gate, word)) => complain(format!("invalid value of {gate}={word}: expected true or false")),
            None => complain(format!("missing bool value for {pair}")),
        }
    }
    let all = on.contains(&"AllAlpha");
    if on.contains(&"LeaseCheckpointPersist") && !on.contains(&"LeaseCheckpoint") && !all {
        complain(
            "enabling feature gate LeaseCheckpointPersist requires enabling feature gate LeaseCheckpoint"
                .into(),
        );
    }
}
