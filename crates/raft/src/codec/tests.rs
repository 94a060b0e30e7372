use super::*;

fn id(term: u64, index: u64) -> LogId {
    decode_log_id(log::LogId { term, index })
}

fn vote(term: u64, node: u64, committed: bool) -> Vote {
    Vote { leader_id: leader_id_std::LeaderId { term, voted_for: node }, committed }
}

fn node(name: &str) -> Node {
    Node {
        name: name.into(),
        peer_urls: vec![format!("http://{name}:2380"), format!("https://{name}")],
        is_pending_voter: name == "d",
    }
}

/// `configs` vote; of the nodes a, b, ... named by `ids`, those that no configuration names are learners.
fn membership(configs: &[&[u64]], ids: &[u64]) -> Membership {
    let names = ["", "a", "b", "c", "d"];
    let nodes: BTreeMap<u64, Node> = ids.iter().map(|&id| (id, node(names[id as usize]))).collect();
    Membership::new(configs.iter().map(|ids| ids.iter().copied().collect()).collect(), nodes).unwrap()
}

fn entry(payload: EntryPayload<Proposed, u64, Node>) -> Entry {
    <Entry as RaftEntry>::new(id(5, 1 << 40), payload)
}

fn commands(envelopes: &[&'static [u8]]) -> Entry {
    let envelopes = envelopes.iter().map(|bytes| Bytes::from_static(bytes)).collect();
    entry(EntryPayload::Normal(Proposed { envelopes }))
}

fn entries() -> Vec<Entry> {
    vec![
        entry(EntryPayload::Blank),
        commands(&[]),
        commands(&[b"\x01one"]),
        commands(&[b"", b"\x01two", b"\x01three"]),
        entry(EntryPayload::Membership(membership(&[&[1]], &[1]))),
        entry(EntryPayload::Membership(membership(&[&[1, 2], &[2, 3]], &[1, 2, 3]))),
        entry(EntryPayload::Membership(membership(&[&[1, 2]], &[1, 2, 3, 4]))),
    ]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn entries_come_back_as_they_were() {
    for entry in entries() {
        let again = decode_entry(&encode_entry(&entry)).unwrap();
        assert_eq!(again.log_id(), entry.log_id());
        assert_eq!(again.payload, entry.payload);
    }
}

#[test]
fn a_learner_stays_a_learner() {
    let record = encode(&encode_membership(&membership(&[&[1, 2], &[2, 3]], &[1, 2, 3, 4])));
    let stored: log::Membership = decode(&record).unwrap();
    let learners: Vec<u64> = stored.nodes.iter().filter(|node| node.is_learner).map(|node| node.id).collect();
    assert_eq!(learners, [4]);
    assert_eq!(decode_membership(stored).unwrap().learner_ids().collect::<Vec<_>>(), [4]);
}

#[test]
fn votes_come_back_as_they_were() {
    for vote in [vote(0, 0, false), vote(7, 3, false), vote(u64::MAX, u64::MAX, true)] {
        assert_eq!(decode_vote(&encode_vote(&vote)).unwrap(), vote);
    }
}

#[test]
fn log_ids_come_back_as_they_were() {
    for id in [id(0, 0), id(1, 0), id(u64::MAX, u64::MAX)] {
        let record = encode(&encode_log_id(&id));
        assert_eq!(decode_log_id(decode(&record).unwrap()), id);
    }
}

#[test]
fn a_stored_membership_comes_back_as_it_was() {
    let membership = membership(&[&[1]], &[1, 2]);
    let stored = log::StoredMembership {
        id: Some(log::LogId { term: 2, index: 9 }),
        membership: Some(encode_membership(&membership)),
    };
    let again = decode_stored_membership(stored).unwrap();
    assert_eq!((again.log_id(), again.membership()), (&Some(id(2, 9)), &membership));
    let none = decode_stored_membership(log::StoredMembership::default()).unwrap();
    assert_eq!((none.log_id(), none.membership()), (&None, &Membership::default()));
}

/// The stored format: a line may be added here, none may ever change.
#[test]
fn records_are_stored_in_these_bytes() {
    let check = |record: Bytes, golden: &str| assert_eq!(hex(&record), golden);
    let at = |payload| <Entry as RaftEntry>::new(id(3, 300), payload);
    check(encode(&encode_log_id(&id(3, 300))), "01080310ac02");
    check(encode_vote(&vote(3, 0x8e9e, true)), "010803109e9d021801");
    check(encode_entry(&at(EntryPayload::Blank)), "010a05080310ac021200");
    let envelopes = vec![Bytes::from_static(b"\x01ab"), Bytes::from_static(b"\x01c")];
    check(
        encode_entry(&at(EntryPayload::Normal(Proposed { envelopes }))),
        "010a05080310ac021a090a030161620a020163",
    );
    check(
        encode_entry(&at(EntryPayload::Membership(membership(&[&[1], &[1, 2]], &[1, 2, 3])))),
        "010a05080310ac022270\
         0a030a0101\
         0a040a020102\
         121f08011201611a0d687474703a2f2f613a323338301a0968747470733a2f2f61\
         121f08021201621a0d687474703a2f2f623a323338301a0968747470733a2f2f62\
         122108031201631a0d687474703a2f2f633a323338301a0968747470733a2f2f632001",
    );
}

#[test]
fn a_record_of_another_version_is_refused_by_its_number() {
    let mut record = encode_vote(&vote(1, 1, true)).to_vec();
    record[0] = 2;
    let error = decode_vote(&record.into()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert!(error.to_string().contains("version 2"), "{error}");
}

#[test]
fn incomplete_records_are_refused() {
    let refused = |record: &'static [u8]| decode_entry(&Bytes::from_static(record)).unwrap_err().to_string();
    assert!(refused(b"").contains("empty"));
    assert!(refused(b"\x01").contains("without an id"));
    assert!(refused(b"\x01\x0a\x00").contains("unknown kind"));
    // A membership whose voter 1 is no node of it.
    assert!(!refused(b"\x01\x0a\x00\x22\x05\x0a\x03\x0a\x01\x01").is_empty());
}

#[test]
fn junk_is_an_error_or_a_record_but_never_a_panic() {
    let mut seed = quorate_tasks::testing::Seed::new(11);
    for entry in entries() {
        let record = encode_entry(&entry);
        for end in 0..record.len() {
            let _ = decode_entry(&record.slice(..end));
        }
        for _ in 0..2000 {
            let mut junk = record.to_vec();
            for _ in 0..=seed.below(3) {
                let at = seed.below(junk.len());
                junk[at] = seed.next_u64() as u8;
            }
            let junk = Bytes::from(junk);
            let _ = decode_entry(&junk);
            let _ = decode_vote(&junk);
            let _ = decode::<log::LogId>(&junk).map(decode_log_id);
            let _ = decode::<log::StoredMembership>(&junk).and_then(decode_stored_membership);
        }
    }
}
