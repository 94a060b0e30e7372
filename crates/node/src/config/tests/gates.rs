//! What `--feature-gates` says.

use super::*;

fn gates(text: &str) -> Gates {
    config(&[&format!("--feature-gates={text}")], &[]).gates
}

#[test]
fn gates_have_etcds_defaults() {
    let plain = config(&[], &[]).gates;
    assert_eq!((plain, gates("")), (Gates::default(), Gates::default()));
    for (gate, is_on) in [
        (Gate::CompactHashCheck, false),
        (Gate::FastLeaseKeepAlive, true),
        (Gate::InitialCorruptCheck, false),
        (Gate::LeaseCheckpoint, false),
        (Gate::LeaseCheckpointPersist, false),
        (Gate::PriorityRequest, false),
        (Gate::SetMemberLocalAddr, false),
        (Gate::StopGrpcServiceOnDefrag, false),
        (Gate::TxnModeWriteWithSharedBuffer, true),
    ] {
        assert_eq!(plain.is_on(gate), is_on, "{gate:?}");
    }
}

#[test]
fn a_gate_by_name_wins_over_its_stage_and_the_last_word_counts() {
    let gate = gates(" LeaseCheckpoint = true ,, PriorityRequest=T,PriorityRequest=0");
    assert!(gate.is_on(Gate::LeaseCheckpoint) && !gate.is_on(Gate::PriorityRequest));
    for text in ["AllAlpha=true,PriorityRequest=false", "PriorityRequest=false,AllAlpha=true"] {
        let gate = gates(text);
        assert!(gate.is_on(Gate::CompactHashCheck) && gate.is_on(Gate::FastLeaseKeepAlive), "{text}");
        assert!(!gate.is_on(Gate::PriorityRequest), "{text}");
    }
    let gate = gates("AllBeta=false,FastLeaseKeepAlive=true");
    assert!(gate.is_on(Gate::FastLeaseKeepAlive) && !gate.is_on(Gate::TxnModeWriteWithSharedBuffer));
    assert!(!gate.is_on(Gate::CompactHashCheck));
}

#[test]
fn what_is_no_gate_or_no_word_is_a_problem() {
    for (text, told) in [
        ("NoSuch=true", "unrecognized feature gate: NoSuch"),
        ("LeaseCheckpoint", "missing bool value for LeaseCheckpoint"),
        ("LeaseCheckpoint=yes", "invalid value of LeaseCheckpoint=yes"),
        ("LeaseCheckpointPersist=true", "requires enabling feature gate LeaseCheckpoint"),
        ("AllAlpha=true,LeaseCheckpoint=false", "requires enabling feature gate LeaseCheckpoint"),
    ] {
        let (refused, code) = refusal(&[&format!("--feature-gates={text}")], &[]);
        assert!(code == 1 && refused.contains(told), "{refused}");
    }
    assert!(gates("AllAlpha=true").is_on(Gate::LeaseCheckpointPersist));
}

#[test]
fn what_has_no_effect_is_warned_of_unless_it_is_as_always() {
    let warned = |text: &str| remarks(&[&format!("--feature-gates={text}")], &[]);
    assert_eq!(warned("FastLeaseKeepAlive=true,CompactHashCheck=false,AllBeta=true"), [""; 0]);
    assert_eq!(
        warned("InitialCorruptCheck=true,TxnModeWriteWithSharedBuffer=false"),
        [
            "--feature-gates: InitialCorruptCheck=true has no effect here: members are not compared yet",
            "--feature-gates: TxnModeWriteWithSharedBuffer=false has no effect here: it is about a buffer of etcd's",
        ]
    );
    assert_eq!(warned("AllAlpha=true").len(), 6, "all but LeaseCheckpoint");
}
