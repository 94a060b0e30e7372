//! Transactions, compactions, the past, and ranges in pieces.

use super::*;
use quorate_proto::etcdserverpb::compare::{CompareResult, CompareTarget, TargetUnion};
use quorate_proto::etcdserverpb::request_op::Request as Op;
use quorate_proto::etcdserverpb::response_op::Response as OpResponse;
use quorate_proto::etcdserverpb::{
    CompactionRequest, Compare, RangeStreamResponse, RequestOp, ResponseHeader, TxnRequest, TxnResponse,
};

fn op(request: Op) -> RequestOp {
    RequestOp { request: Some(request) }
}

fn set(key: &'static str, value: &'static str) -> RequestOp {
    op(Op::RequestPut(PutRequest { prev_kv: true, ..put(key, value) }))
}

fn read(key: &'static str) -> RequestOp {
    op(Op::RequestRange(get(key)))
}

fn within(txn: TxnRequest) -> RequestOp {
    op(Op::RequestTxn(txn))
}

fn txn(success: Vec<RequestOp>, failure: Vec<RequestOp>) -> TxnRequest {
    TxnRequest { compare: vec![], success, failure }
}

/// The version of `key` is `version`.
fn version_is(key: &'static str, version: i64) -> Compare {
    Compare {
        result: CompareResult::Equal.into(),
        target: CompareTarget::Version.into(),
        key: key.into(),
        range_end: Default::default(),
        target_union: Some(TargetUnion::Version(version)),
    }
}

async fn done(scene: &Scene, request: TxnRequest) -> TxnResponse {
    scene.run(scene.kv().txn(request)).await.unwrap().into_inner()
}

async fn refused(scene: &Scene, request: TxnRequest) -> (i32, String) {
    let status = scene.run(scene.kv().txn(request)).await.unwrap_err();
    (status.code().into(), status.message().to_owned())
}

fn only_revision(revision: i64) -> Option<ResponseHeader> {
    Some(ResponseHeader { revision, ..Default::default() })
}

#[tokio::test]
async fn a_transactions_steps_have_headers_with_a_revision_only_and_one_within_has_an_empty_one() {
    let scene = filled().await;
    let inner = TxnRequest { compare: vec![version_is("a", 9)], ..txn(vec![], vec![read("z")]) };
    let steps = vec![
        read("a"),
        set("a", "33"),
        read("a"),
        op(Op::RequestDeleteRange(delete("b", "d"))),
        within(inner),
    ];
    let request = TxnRequest { compare: vec![version_is("a", 2)], ..txn(steps, vec![]) };
    let reply = done(&scene, request).await;
    assert_eq!((reply.header, reply.succeeded, reply.responses.len()), (header(7), true, 5));
    let mut responses = reply.responses.into_iter().map(|response| response.response.unwrap());
    let mut next = || responses.next().unwrap();
    let OpResponse::ResponseRange(range) = next() else { panic!("a range") };
    assert_eq!((range.header, pairs(&range)), (only_revision(6), vec!["a=22".to_owned()]));
    let OpResponse::ResponsePut(put) = next() else { panic!("a put") };
    assert_eq!((put.header, shown(&put.prev_kv.unwrap()).0), (only_revision(7), "a=22".to_owned()));
    let OpResponse::ResponseRange(range) = next() else { panic!("a range") };
    assert_eq!((range.header, pairs(&range)), (only_revision(7), vec!["a=33".to_owned()]));
    let OpResponse::ResponseDeleteRange(deleted) = next() else { panic!("a delete") };
    assert_eq!((deleted.header, deleted.deleted, deleted.prev_kvs.len()), (only_revision(7), 2, 2));
    let OpResponse::ResponseTxn(inner) = next() else { panic!("a transaction") };
    assert_eq!((inner.header, inner.succeeded), (Some(ResponseHeader::default()), false));
}

#[tokio::test]
async fn a_transaction_without_effect_has_the_header_of_the_revision_before() {
    let scene = filled().await;
    assert_eq!(done(&scene, TxnRequest::default()).await.header, header(6));
    let nothing = txn(vec![op(Op::RequestDeleteRange(delete("x", "")))], vec![]);
    assert_eq!(done(&scene, nothing).await.header, header(6));
    let failing = TxnRequest { compare: vec![version_is("a", 1)], ..txn(vec![set("a", "1")], vec![]) };
    let reply = done(&scene, failing).await;
    assert_eq!((reply.header, reply.succeeded, reply.responses.len()), (header(6), false, 0));
}

#[tokio::test]
async fn what_is_wrong_with_a_transaction_is_told_in_etcds_words_and_order() {
    let scene = filled().await;
    let many = |count| vec![read("a"); count];
    let empty = || RequestOp { request: None };
    let bad_put = |request: PutRequest| op(Op::RequestPut(request));
    let at = |revision| op(Op::RequestRange(RangeRequest { revision, ..get("a") }));
    let unsorted = op(Op::RequestRange(RangeRequest { sort_order: 7, ..get("a") }));
    let (no_key, empty_op) = ("etcdserver: key is not provided", "etcdserver: key not found");
    let (many_ops, twice) =
        ("etcdserver: too many operations in txn request", "etcdserver: duplicate key given in txn request");
    for (request, code, text) in [
        (txn(many(129), vec![empty()]), 3, many_ops),
        (txn(vec![within(txn(many(128), vec![]))], vec![]), 3, many_ops),
        (txn(vec![empty()], vec![]), 3, empty_op),
        (txn(vec![], vec![within(txn(vec![], vec![empty()]))]), 3, empty_op),
        (txn(vec![read(""), empty()], vec![]), 3, no_key),
        (TxnRequest { compare: vec![version_is("", 0)], ..txn(vec![empty()], vec![]) }, 3, no_key),
        (txn(vec![unsorted, read("")], vec![]), 3, "etcdserver: invalid sort option"),
        (txn(vec![set("a", ""), set("a", "")], vec![empty()]), 3, empty_op),
        (txn(vec![set("a", ""), set("a", "")], vec![]), 3, twice),
        (txn(vec![], vec![set("b", ""), op(Op::RequestDeleteRange(delete("a", "c")))]), 3, twice),
        (
            txn(vec![bad_put(PutRequest { ignore_value: true, ..put("a", "1") })], vec![]),
            3,
            "etcdserver: value is provided",
        ),
        (
            txn(vec![bad_put(PutRequest { ignore_lease: true, lease: 1, ..put("a", "") })], vec![]),
            3,
            "etcdserver: lease is provided",
        ),
        (txn(vec![bad_put(PutRequest { ignore_lease: true, ..put("z", "") })], vec![]), 3, empty_op),
        (
            txn(vec![bad_put(PutRequest { lease: 1, ..put("a", "") })], vec![]),
            5,
            "etcdserver: requested lease not found",
        ),
        (txn(vec![at(7)], vec![]), 11, "etcdserver: mvcc: required revision is a future revision"),
        (
            txn(vec![at(7), set("a", "")], vec![]),
            11,
            "etcdserver: mvcc: required revision is a future revision",
        ),
    ] {
        assert_eq!(refused(&scene, request.clone()).await, (code, text.to_owned()), "{request:?}");
    }
    let unchanged = scene.run(scene.kv().range(all())).await.unwrap().into_inner();
    assert_eq!(unchanged.header, header(6));
}

#[tokio::test]
async fn a_transaction_that_says_nothing_or_reads_locally_needs_no_leader() {
    let scene = filled().await;
    scene.consensus.behave(Manner::Refusing(Unavailable::NoLeader));
    let local = op(Op::RequestRange(RangeRequest { serializable: true, ..get("a") }));
    let comparing = TxnRequest { compare: vec![version_is("a", 2)], ..TxnRequest::default() };
    assert!(done(&scene, comparing).await.succeeded, "a quirk: no steps at all");
    assert_eq!(done(&scene, txn(vec![local.clone()], vec![local.clone()])).await.responses.len(), 1);
    let no_leader = (14, "etcdserver: no leader".to_owned());
    for request in [txn(vec![local.clone()], vec![read("a")]), txn(vec![set("a", "1")], vec![])] {
        assert_eq!(refused(&scene, request).await, no_leader);
    }
}

fn compaction(revision: i64, physical: bool) -> CompactionRequest {
    CompactionRequest { revision, physical }
}

#[tokio::test]
async fn the_past_is_read_as_it_was_down_to_the_compacted_revision() {
    let scene = filled().await;
    let at = |revision| RangeRequest { revision, ..all() };
    for (revision, expected) in
        [(1, vec![]), (2, vec!["b=1"]), (4, vec!["a=2", "b=1", "c=3"]), (5, vec!["a=22", "b=1", "c=3"])]
    {
        let reply = scene.run(scene.kv().range(at(revision))).await.unwrap().into_inner();
        assert_eq!((pairs(&reply), reply.header), (as_strings(&expected), header(6)), "{revision}");
        assert_eq!(reply.count, i64::try_from(expected.len()).unwrap());
    }
    let reply = scene.run(scene.kv().compact(compaction(4, true))).await.unwrap().into_inner();
    assert_eq!(reply.header, header(6));
    assert!(scene.run(scene.kv().range(at(4))).await.is_ok(), "the compacted revision stays");
    let compacted = (11, "etcdserver: mvcc: required revision has been compacted");
    let negative = op(Op::RequestRange(at(-1)));
    for request in [at(3), RangeRequest { count_only: true, ..at(1) }] {
        assert_eq!(told(&refused_range(&scene, request).await), compacted);
    }
    assert!(scene.run(scene.kv().range(at(-1))).await.is_ok(), "on its own it means the newest");
    let within = refused(&scene, txn(vec![negative], vec![])).await;
    assert_eq!((within.0, within.1.as_str()), compacted);
}

#[tokio::test]
async fn a_compaction_is_refused_below_the_last_one_and_above_the_newest_revision() {
    let scene = filled().await;
    let future = "etcdserver: mvcc: required revision is a future revision";
    let compacted = "etcdserver: mvcc: required revision has been compacted";
    for (revision, refusal) in [
        (-1, Some(compacted)),
        (0, None),
        (0, Some(compacted)),
        (6, None),
        (6, Some(compacted)),
        (5, Some(compacted)),
        (7, Some(future)),
    ] {
        let reply = scene.run(scene.kv().compact(compaction(revision, false))).await;
        let refused = reply.as_ref().err().map(told);
        assert_eq!(refused, refusal.map(|text| (11, text)), "{revision}");
    }
}

async fn stream(scene: &Scene, request: RangeRequest) -> Result<Vec<RangeStreamResponse>, Status> {
    scene
        .run(async {
            let mut stream = scene.kv().range_stream(request).await?.into_inner();
            let mut pieces = Vec::new();
            while let Some(piece) = stream.message().await? {
                pieces.push(piece);
            }
            Ok(pieces)
        })
        .await
}

#[tokio::test]
async fn the_pieces_of_a_stream_put_together_are_the_range() {
    let scene = filled().await;
    let keys: [&'static str; 12] = ["k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8", "k9", "ka", "kb"];
    for key in keys {
        scene.run(scene.kv().put(put(key, "v"))).await.unwrap();
    }
    for request in [
        all(),
        get("a"),
        get("z"),
        RangeRequest { revision: 5, ..all() },
        RangeRequest { limit: 12, ..all() },
        RangeRequest { limit: 16, keys_only: true, ..all() },
        RangeRequest { count_only: true, limit: 1, ..all() },
        RangeRequest { sort_target: 3, sort_order: 0, ..get("k0") },
        RangeRequest { sort_order: 1, serializable: true, ..all() },
    ] {
        let whole = scene.run(scene.kv().range(request.clone())).await.unwrap().into_inner();
        let pieces = stream(&scene, request.clone()).await.unwrap();
        let pieces: Vec<_> = pieces.into_iter().map(|piece| piece.range_response.unwrap()).collect();
        let (last, others) = pieces.split_last().unwrap();
        assert!(others.iter().all(|piece| piece.header.is_none() && !piece.more && piece.count == 0));
        assert_eq!(
            (last.header, last.more, last.count),
            (whole.header, whole.more, whole.count),
            "{request:?}"
        );
        let kvs: Vec<_> = pieces.iter().flat_map(|piece| piece.kvs.clone()).collect();
        assert_eq!(kvs, whole.kvs, "{request:?}");
        assert_eq!(pieces.len(), if whole.kvs.len() > 10 { 2 } else { 1 }, "{request:?}");
    }
}

#[tokio::test]
async fn what_a_stream_cannot_do_is_told_in_etcds_words() {
    let scene = filled().await;
    let sorts = "RangeStream does not support custom sort orders";
    let filters = "RangeStream does not support revision filters";
    for (request, code, text) in [
        (get(""), 3, "etcdserver: key is not provided"),
        (RangeRequest { sort_order: 9, ..get("a") }, 3, "etcdserver: invalid sort option"),
        (RangeRequest { sort_order: 2, ..get("a") }, 12, sorts),
        (RangeRequest { sort_order: 1, sort_target: 1, ..get("a") }, 12, sorts),
        (RangeRequest { sort_order: 2, min_mod_revision: 1, ..get("a") }, 12, sorts),
        (RangeRequest { max_create_revision: 1, ..get("a") }, 12, filters),
        (
            RangeRequest { revision: 9, ..get("a") },
            11,
            "etcdserver: mvcc: required revision is a future revision",
        ),
    ] {
        let refused = stream(&scene, request.clone()).await.unwrap_err();
        assert_eq!(told(&refused), (code, text), "{request:?}");
    }
}
