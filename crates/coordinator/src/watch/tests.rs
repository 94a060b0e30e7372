use super::*;
use quorate_mvcc::Refusal;

#[test]
fn only_a_compaction_is_no_failure_of_the_history() {
    let compacted = Refusal::Compacted { asked: Revision(3), oldest: Revision(5) };
    assert!(matches!(untold(compacted.into()), HistoryError::Compacted(Revision(5))));
    assert!(matches!(untold(ReadError::NeedsDisk), HistoryError::Failed(_)));
}
