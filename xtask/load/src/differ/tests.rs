use super::*;

#[test]
fn etcd_3_5_is_not_sent_what_it_does_not_know_or_dies_of() {
    let history = text::parse(
        "range key=\"a\" sort_order=2 sort_target=4\nrange-stream key=\"a\"\nrange key=\"a\" sort_target=5\n\
         txn success{request_txn{failure{request_range{key=\"a\" sort_order=3}}}}\nput key=\"a\"",
    );
    let history = history.unwrap();
    let sent = |etcd| history.iter().map(|op| is_for(etcd, op)).collect::<Vec<_>>();
    assert_eq!(sent(Etcd::V35), [true, false, false, false, true]);
    assert_eq!(sent(Etcd::V37), [true; 5]);
}

#[test]
fn only_versions_that_histories_are_made_for_are_known() {
    assert_eq!("3.5.1".parse::<Etcd>().unwrap(), Etcd::V35);
    assert_eq!("3.7.1".parse::<Etcd>().unwrap(), Etcd::V37);
    assert!("3.6.0".parse::<Etcd>().is_err());
}
