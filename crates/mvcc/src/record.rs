//! How one change is stored: etcd's `KeyValue` in wire form, byte for byte.
//!
//! Written and read by hand, not by `prost`: a put copies each byte once, into the one buffer that also holds its
//! record key; a load looks at keys and numbers without copying values. The tests hold both to what `prost` does.

use crate::RecordKey;
use bytes::Bytes;
use prost::encoding::{
    DecodeContext, WireType, decode_key, decode_varint, encode_varint, encoded_len_varint, skip_field,
};
use quorate_proto::mvccpb::KeyValue;
use quorate_types::{Change, ChangeKind, LeaseId, Revision};

/// What a record says; key and value borrowed from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fields<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) created: Revision,
    pub(crate) modified: Revision,
    pub(crate) version: i64,
    pub(crate) value: &'a [u8],
    pub(crate) lease: LeaseId,
}

/// One change, ready to be stored and to be told. All three share one piece of memory.
#[derive(Debug)]
pub(crate) struct Stored {
    /// Under which key of the engine.
    pub(crate) place: Bytes,
    /// What the engine keeps there.
    pub(crate) record: Bytes,
    /// What watchers are told.
    pub(crate) change: Change,
}

/// The field numbers of `mvccpb.KeyValue`.
mod field {
    pub(super) const KEY: u32 = 1;
    pub(super) const CREATED: u32 = 2;
    pub(super) const MODIFIED: u32 = 3;
    pub(super) const VERSION: u32 = 4;
    pub(super) const VALUE: u32 = 5;
    pub(super) const LEASE: u32 = 6;
}

/// A stored record, decoded; its key and value share the record's memory.
///
/// # Errors
/// The bytes are no record: they are corrupt.
pub fn key_value(record: Bytes) -> Result<KeyValue, prost::DecodeError> {
    prost::Message::decode(record)
}

impl Stored {
    /// A put at `at`.
    pub(crate) fn put(at: RecordKey, fields: &Fields<'_>) -> Self {
        let place = at.live();
        let mut bytes = Vec::with_capacity(place.len() + fields.encoded_len());
        bytes.extend_from_slice(&place);
        fields.encode(&mut bytes);
        let bytes = Bytes::from(bytes);
        let record = bytes.slice(place.len()..);
        let change = Change { key: key_of(&record, fields.key.len()), kind: ChangeKind::Put, record };
        Self { place: bytes.slice(..place.len()), record: change.record.clone(), change }
    }

    /// A delete at `at`. Only the key is stored; the event says the revision too.
    pub(crate) fn delete(at: RecordKey, key: &[u8]) -> Self {
        let place = at.tombstone();
        let event = Fields { modified: at.main, ..Fields::only(key) };
        let mut bytes = Vec::with_capacity(place.len() + event.encoded_len());
        bytes.extend_from_slice(&place);
        event.encode(&mut bytes);
        let bytes = Bytes::from(bytes);
        let event = bytes.slice(place.len()..);
        let record = event.slice(..Fields::only(key).encoded_len()); // the key comes first
        let change = Change { key: key_of(&event, key.len()), kind: ChangeKind::Delete, record: event };
        Self { place: bytes.slice(..place.len()), record, change }
    }
}

/// The key of an encoded record, sharing its memory: it is the first field.
fn key_of(record: &Bytes, len: usize) -> Bytes {
    let start = bytes_len(len) - len;
    record.slice(start..start + len)
}

impl<'a> Fields<'a> {
    /// A record of nothing but a key.
    pub(crate) fn only(key: &'a [u8]) -> Self {
        let none = Revision(0);
        Self { key, created: none, modified: none, version: 0, value: &[], lease: LeaseId::NONE }
    }

    /// What `record` says; `None` if it is no record.
    pub(crate) fn decode(mut record: &'a [u8]) -> Option<Self> {
        let mut fields = Self::only(&[]);
        while !record.is_empty() {
            let (tag, wire_type) = decode_key(&mut record).ok()?;
            match (tag, wire_type) {
                (field::KEY, WireType::LengthDelimited) => fields.key = take_bytes(&mut record)?,
                (field::CREATED, WireType::Varint) => fields.created = Revision(take_number(&mut record)?),
                (field::MODIFIED, WireType::Varint) => fields.modified = Revision(take_number(&mut record)?),
                (field::VERSION, WireType::Varint) => fields.version = take_number(&mut record)?,
                (field::VALUE, WireType::LengthDelimited) => fields.value = take_bytes(&mut record)?,
                (field::LEASE, WireType::Varint) => fields.lease = LeaseId(take_number(&mut record)?),
                (field::KEY..=field::LEASE, _) => return None,
                _ => skip_field(wire_type, tag, &mut record, DecodeContext::default()).ok()?,
            }
        }
        Some(fields)
    }

    /// The record that says this.
    pub(crate) fn to_record(self) -> Bytes {
        let mut bytes = Vec::with_capacity(self.encoded_len());
        self.encode(&mut bytes);
        bytes.into()
    }

    fn encoded_len(&self) -> usize {
        let numbers = [self.created.0, self.modified.0, self.version, self.lease.0];
        bytes_len(self.key.len())
            + bytes_len(self.value.len())
            + numbers.map(number_len).iter().sum::<usize>()
    }

    fn encode(&self, to: &mut Vec<u8>) {
        put_bytes(to, field::KEY, self.key);
        put_number(to, field::CREATED, self.created.0);
        put_number(to, field::MODIFIED, self.modified.0);
        put_number(to, field::VERSION, self.version);
        put_bytes(to, field::VALUE, self.value);
        put_number(to, field::LEASE, self.lease.0);
    }
}

/// What a field of `len` bytes takes: protobuf leaves out the empty one.
fn bytes_len(len: usize) -> usize {
    if len == 0 { 0 } else { 1 + encoded_len_varint(len as u64) + len }
}

/// What a number takes: protobuf leaves out 0.
fn number_len(number: i64) -> usize {
    if number == 0 { 0 } else { 1 + encoded_len_varint(number.cast_unsigned()) }
}

fn put_bytes(to: &mut Vec<u8>, tag: u32, bytes: &[u8]) {
    if !bytes.is_empty() {
        prost::encoding::encode_key(tag, WireType::LengthDelimited, to);
        encode_varint(bytes.len() as u64, to);
        to.extend_from_slice(bytes);
    }
}

fn put_number(to: &mut Vec<u8>, tag: u32, number: i64) {
    if number != 0 {
        prost::encoding::encode_key(tag, WireType::Varint, to);
        encode_varint(number.cast_unsigned(), to);
    }
}

fn take_bytes<'a>(record: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = usize::try_from(decode_varint(record).ok()?).ok()?;
    let (bytes, rest) = record.split_at_checked(len)?;
    *record = rest;
    Some(bytes)
}

fn take_number(record: &mut &[u8]) -> Option<i64> {
    decode_varint(record).ok().map(u64::cast_signed)
}

#[cfg(test)]
mod tests;
