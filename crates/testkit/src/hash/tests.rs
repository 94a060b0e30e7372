use super::*;
use crate::operation::Revision;

fn said(member: &str, revision: i64, compact_revision: i64, hash: u32) -> MemberHash {
    let (revision, compact_revision) = (Revision(revision), Revision(compact_revision));
    MemberHash { member: member.to_owned(), revision, compact_revision, hash }
}

#[test]
fn hashes_are_compared_at_equal_revisions_and_compactions_only() {
    assert!(
        check(&[said("a", 5, 1, 7), said("b", 5, 1, 7), said("b", 6, 1, 8), said("b", 5, 2, 9)]).is_empty()
    );
}

#[test]
fn a_member_whose_hash_differs_is_found() {
    let found = check(&[said("a", 5, 1, 7), said("b", 5, 1, 8), said("c", 5, 1, 7)]);
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].to_string(),
        "K10 equal hashes at equal revisions\n  at revision 5, compacted at 1: a says 00000007, b says 00000008, c says 00000007"
    );
}

#[test]
fn a_member_that_contradicts_itself_is_found() {
    assert_eq!(check(&[said("a", 5, 1, 7), said("a", 5, 1, 8)]).len(), 1);
}
