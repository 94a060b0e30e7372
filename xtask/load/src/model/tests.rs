use super::*;

/// Events from words: `put 1 a x` (worker, key, tag), `del 1 a`, `ack 1 2 0`, `settled 1 true 2`.
pub(crate) fn events(script: &str) -> Vec<Event> {
    script.split("; ").map(event).collect()
}

fn event(words: &str) -> Event {
    let words: Vec<&str> = words.split(' ').collect();
    let worker = words[1].parse().unwrap();
    match words[0] {
        "put" => {
            let value = Value { tag: words[3].to_owned(), length: 0 };
            Event::Sent { worker, op: Op::Put { key: words[2].to_owned(), value } }
        }
        "del" => Event::Sent { worker, op: Op::Delete { prefix: words[2].to_owned() } },
        "ack" => Event::Acknowledged {
            worker,
            revision: words[2].parse().unwrap(),
            deleted: words.get(3).map_or(0, |count| count.parse().unwrap()),
        },
        _ => {
            Event::Settled { worker, applied: words[2].parse().unwrap(), revision: words[3].parse().unwrap() }
        }
    }
}

fn refused(script: &str) -> String {
    format!("{:#}", Model::replay(events(script)).unwrap_err())
}

#[test]
fn revisions_and_versions_follow_etcds_rules() {
    let script = "put 1 a x; ack 1 2; put 1 a y; ack 1 3; del 1 a; ack 1 4 1; put 1 a z; ack 1 5";
    let model = Model::replay(events(script)).unwrap();
    let record = &model.records["a"];
    assert_eq!((record.create_revision, record.mod_revision, record.version), (5, 5, 1));
    assert_eq!((model.writes, model.acknowledged, model.revision()), (4, 4, 5));
    assert_eq!(model.past.len(), 3);
}

#[test]
fn a_delete_of_nothing_takes_no_revision() {
    let model = Model::replay(events("put 1 a x; ack 1 2; del 1 b; ack 1 2 0")).unwrap();
    assert_eq!(model.writes, 1);
}

#[test]
fn a_wrong_number_of_deleted_keys_is_refused() {
    assert!(
        refused("put 1 a1 x; ack 1 2; put 1 a2 y; ack 1 3; del 1 a; ack 1 4 1")
            .contains("reported as deleted")
    );
}

#[test]
fn a_revision_twice_or_backwards_is_refused() {
    assert!(refused("put 1 a x; ack 1 2; put 2 b y; ack 2 2").contains("M1"));
    assert!(refused("put 1 a x; ack 1 3; put 1 a y; ack 1 2").contains("M2"));
}

#[test]
fn what_was_settled_counts_as_it_was_found() {
    let model = Model::replay(events("put 1 a x; settled 1 true 2; put 2 b y; settled 2 false 0")).unwrap();
    assert_eq!(model.records.keys().collect::<Vec<_>>(), ["a"]);
    assert_eq!((model.writes, model.acknowledged), (1, 0));
}
