use super::*;
use quorate_coordinator::MvccRefusal;
use quorate_types::Revision;

/// One line a row of the table; codes are the numbers on the wire.
#[test]
fn each_refusal_has_etcds_code_and_text() {
    let (asked, newest) = (Revision(1), Revision(2));
    let rows: [(Error, i32, &str); 41] = [
        (Invalid::EmptyKey.into(), 3, "etcdserver: key is not provided"),
        (Invalid::ValueProvided.into(), 3, "etcdserver: value is provided"),
        (Invalid::LeaseProvided.into(), 3, "etcdserver: lease is provided"),
        (Invalid::SortOption.into(), 3, "etcdserver: invalid sort option"),
        (Invalid::EmptyOp.into(), 3, "etcdserver: key not found"),
        (Invalid::TooManyOps.into(), 3, "etcdserver: too many operations in txn request"),
        (Invalid::DuplicateKey.into(), 3, "etcdserver: duplicate key given in txn request"),
        (Invalid::StreamSort.into(), 12, "RangeStream does not support custom sort orders"),
        (Invalid::StreamFilter.into(), 12, "RangeStream does not support revision filters"),
        (Invalid::PeerUrls.into(), 3, "etcdserver: given member URLs are invalid"),
        (Invalid::TooLarge.into(), 3, "etcdserver: request is too large"),
        (Invalid::LeaseTooLong.into(), 11, "etcdserver: too large lease TTL"),
        (Refusal::LeaseExists.into(), 9, "etcdserver: lease already exists"),
        (Invalid::DowngradeFormat.into(), 3, "etcdserver: wrong downgrade target version format"),
        (
            Invalid::NoDowngrade.into(),
            12,
            "quorate: no downgrade is possible: no older release can read this data",
        ),
        (Refusal::NoSpace.into(), 8, "etcdserver: mvcc: database space exceeded"),
        (Refusal::Corrupt.into(), 15, "etcdserver: corrupt cluster"),
        (Refusal::NoClusterVersion.into(), 9, "etcdserver: cluster version not found during downgrade"),
        (Refusal::DowngradeTarget.into(), 3, "etcdserver: invalid downgrade target version"),
        (Refusal::LeaseNotFound.into(), 5, "etcdserver: requested lease not found"),
        (Refusal::Mvcc(MvccRefusal::KeyNotFound).into(), 3, "etcdserver: key not found"),
        (
            Refusal::Mvcc(MvccRefusal::Future { asked, newest }).into(),
            11,
            "etcdserver: mvcc: required revision is a future revision",
        ),
        (
            Refusal::Mvcc(MvccRefusal::Compacted { asked, oldest: newest }).into(),
            11,
            "etcdserver: mvcc: required revision has been compacted",
        ),
        (Refusal::Mvcc(MvccRefusal::LeaseNotFound).into(), 5, "etcdserver: requested lease not found"),
        (MembershipRefusal::PeerUrlExists.into(), 9, "etcdserver: Peer URLs already exists"),
        (MembershipRefusal::MemberExists.into(), 9, "etcdserver: member ID already exist"),
        (MembershipRefusal::MemberNotFound.into(), 5, "etcdserver: member not found"),
        (MembershipRefusal::NotLearner.into(), 9, "etcdserver: can only promote a learner member"),
        (
            MembershipRefusal::LearnerNotReady.into(),
            9,
            "etcdserver: can only promote a learner member which is in sync with leader",
        ),
        (MembershipRefusal::TooManyLearners.into(), 9, "etcdserver: too many learner members in cluster"),
        (
            MembershipRefusal::NotEnoughStarted.into(),
            2,
            "etcdserver: re-configuration failed due to not enough started members",
        ),
        (MembershipRefusal::Unhealthy.into(), 14, "etcdserver: unhealthy cluster"),
        (Unavailable::NoLeader.into(), 14, "etcdserver: no leader"),
        (Unavailable::LeaderChanged.into(), 14, "etcdserver: leader changed"),
        (Unavailable::Stopped.into(), 14, "etcdserver: server stopped"),
        (Unavailable::TimedOut.into(), 14, "etcdserver: request timed out"),
        (
            Unavailable::TimedOutLeaderFailed.into(),
            14,
            "etcdserver: request timed out, possibly due to previous leader failure",
        ),
        (
            Unavailable::TimedOutCutOff.into(),
            14,
            "etcdserver: request timed out, possibly due to connection lost",
        ),
        (
            Unavailable::TimedOutApplying.into(),
            14,
            "etcdserver: request timed out, waiting for the applied index took too long",
        ),
        (Unavailable::TooManyRequests.into(), 2, "etcdserver: too many requests"),
        (Error::Unreadable, 14, "etcdserver: server stopped"),
    ];
    for (error, code, text) in rows {
        let status = of(&error);
        assert_eq!((i32::from(status.code()), status.message()), (code, text));
    }
}

#[test]
fn a_leader_that_stays_says_why_in_etcds_words() {
    let rows: [(NotMoved, i32, &str); 4] = [
        (NotMoved::NotLeader, 9, "etcdserver: not leader"),
        (NotMoved::BadTransferee, 9, "etcdserver: bad leader transferee"),
        (NotMoved::TimedOut, 2, "etcdserver: request timed out, leader transfer took too long"),
        (Unavailable::Stopped.into(), 14, "etcdserver: server stopped"),
    ];
    for (error, code, text) in rows {
        let status = of_transfer(&error);
        assert_eq!((i32::from(status.code()), status.message()), (code, text));
    }
    let status = not_for_learners();
    assert_eq!(
        (i32::from(status.code()), status.message()),
        (9, "etcdserver: rpc not supported for learner")
    );
}

#[test]
fn what_fails_in_a_queue_has_etcds_text_and_no_code_of_its_own() {
    let rows: [(QueueError, i32, &str); 6] = [
        (QueueError::Failed(Refusal::LeaseNotFound.into()), 2, "etcdserver: requested lease not found"),
        (QueueError::Failed(Invalid::EmptyKey.into()), 2, "etcdserver: key is not provided"),
        (QueueError::DeadlineExceeded, 4, "context deadline exceeded"),
        (QueueError::SessionExpired, 2, "mutex: session is expired"),
        (QueueError::NotLeader, 2, "election: not leader"),
        (QueueError::NoLeader, 2, "election: no leader"),
    ];
    for (error, code, text) in rows {
        let status = of_queue(&error);
        assert_eq!((i32::from(status.code()), status.message()), (code, text));
    }
    let missing = missing_leader();
    assert_eq!((i32::from(missing.code()), missing.message()), (2, "\"leader\" field must be provided"));
}
