use super::*;

fn pair(key: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned().into(),
        value: "v".into(),
        create_revision: 2,
        mod_revision: 3,
        version: 2,
        lease: 5,
    }
}

fn held() -> Record {
    let (create_revision, mod_revision) = (Revision(2), Revision(3));
    Record { value: "v".to_owned(), create_revision, mod_revision, version: 2, lease: LeaseId(5) }
}

#[test]
fn every_field_of_a_record_is_kept() {
    assert_eq!(record(&pair("a")), held());
}

#[test]
fn an_answer_about_another_key_or_about_two_is_none() {
    let found =
        |kvs: Vec<KeyValue>| RangeResponse { count: kvs.len() as i64, kvs, ..RangeResponse::default() };
    assert_eq!(range_answer(&found(vec![pair("a")]), "a").unwrap(), StepAnswer::Range(Some(held())));
    assert_eq!(range_answer(&found(vec![]), "a").unwrap(), StepAnswer::Range(None));
    assert!(range_answer(&found(vec![pair("b")]), "a").is_err());
    assert!(range_answer(&found(vec![pair("a"), pair("a")]), "a").is_err());
    assert!(range_answer(&RangeResponse { count: 1, ..found(vec![]) }, "a").is_err());
    let put = PutResponse { prev_kv: Some(pair("b")), ..PutResponse::default() };
    assert!(put_answer(&put, "a").is_err());
}

#[test]
fn an_answer_without_a_header_is_none() {
    assert!(answer(None, Vec::new()).is_err());
    let header = ResponseHeader { revision: 7, ..ResponseHeader::default() };
    assert_eq!(answer(Some(header), Vec::new()).unwrap().revision, Revision(7));
}

#[test]
fn a_transaction_is_answered_step_by_step() {
    let steps = [Step::Delete { key: "a".to_owned(), prev_kv: true }, Step::Range { key: "b".to_owned() }];
    let deleted =
        DeleteRangeResponse { deleted: 1, prev_kvs: vec![pair("a")], ..DeleteRangeResponse::default() };
    let deleted = ResponseOp { response: Some(Response::ResponseDeleteRange(deleted)) };
    let ranged = ResponseOp { response: Some(Response::ResponseRange(RangeResponse::default())) };
    let answers = txn_answers(&steps, vec![deleted.clone(), ranged.clone()]).unwrap();
    assert_eq!(answers, [StepAnswer::Delete { deleted: 1, prev_kv: Some(held()) }, StepAnswer::Range(None)]);
    assert!(txn_answers(&steps, vec![ranged, deleted.clone()]).is_err());
    assert!(txn_answers(&steps, vec![deleted]).is_err());
}
