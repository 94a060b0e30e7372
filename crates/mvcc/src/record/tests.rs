use super::*;
use proptest::prelude::*;
use prost::Message;

fn number() -> impl Strategy<Value = i64> {
    prop_oneof![Just(0), 1..300i64, any::<i64>()]
}

fn record() -> impl Strategy<Value = KeyValue> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..200).prop_map(Bytes::from);
    (bytes(), number(), number(), number(), bytes(), number()).prop_map(
        |(key, create_revision, mod_revision, version, value, lease)| KeyValue {
            key,
            create_revision,
            mod_revision,
            version,
            value,
            lease,
        },
    )
}

fn fields(record: &KeyValue) -> Fields<'_> {
    Fields {
        key: &record.key,
        created: Revision(record.create_revision),
        modified: Revision(record.mod_revision),
        version: record.version,
        value: &record.value,
        lease: LeaseId(record.lease),
    }
}

proptest! {
    #[test]
    fn records_are_what_prost_makes_of_them(record in record()) {
        let encoded = record.encode_to_vec();
        prop_assert_eq!(fields(&record).to_record(), encoded.clone());
        prop_assert_eq!(Fields::decode(&encoded), Some(fields(&record)));
    }

    #[test]
    fn what_prost_refuses_is_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..40), record in record()) {
        prop_assert_eq!(Fields::decode(&bytes).is_some(), KeyValue::decode(bytes.as_slice()).is_ok());
        bytes.extend(record.encode_to_vec());
        prop_assert_eq!(Fields::decode(&bytes).is_some(), KeyValue::decode(bytes.as_slice()).is_ok());
    }

    #[test]
    fn a_stored_put_has_its_place_its_record_and_its_key(record in record(), main in 2..i64::MAX, sub in 0..9i64) {
        let at = RecordKey { main: Revision(main), sub };
        let Stored { place, record: stored, change } = Stored::put(at, &fields(&record));
        prop_assert_eq!(&place[..], &at.live()[..]);
        prop_assert_eq!(&stored, &record.encode_to_vec());
        prop_assert_eq!(change, Change { key: record.key, kind: ChangeKind::Put, record: stored });
    }

    #[test]
    fn a_stored_delete_keeps_the_key_and_tells_the_revision(record in record(), main in 2..i64::MAX) {
        let at = RecordKey::first(Revision(main));
        let Stored { place, record: stored, change } = Stored::delete(at, &record.key);
        let only_key = KeyValue { key: record.key.clone(), ..KeyValue::default() };
        let event = KeyValue { mod_revision: main, ..only_key.clone() };
        prop_assert_eq!(&place[..], &at.tombstone()[..]);
        prop_assert_eq!(stored, only_key.encode_to_vec());
        let record_of_event = event.encode_to_vec().into();
        prop_assert_eq!(change, Change { key: record.key, kind: ChangeKind::Delete, record: record_of_event });
    }
}
