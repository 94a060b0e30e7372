//! What a watcher is sent.
//!
//! Thousands of watchers are sent the same events, so an event is encoded once and a reply holds a shared list of
//! such encodings: making one more reply of them costs one atomic addition. prost's derive knows no shared
//! list; that is why this one message is written out.

use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use prost::DecodeError;
use prost::encoding::{self, DecodeContext, WireType};

use crate::etcdserverpb::ResponseHeader;
use crate::mvccpb::event::EventType;

/// A `WatchResponse` of encoded events.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct WatchReply {
    /// Where and when the reply was made.
    pub header: Option<ResponseHeader>,
    /// The watch it is about; -1 for all of the stream, or for one that was refused.
    pub watch_id: i64,
    /// It answers a request to create a watch.
    pub created: bool,
    /// The watch has ended.
    pub canceled: bool,
    /// Not 0: the watch ended because its start is compacted; this is the oldest revision kept.
    pub compact_revision: i64,
    /// Why it ended.
    pub cancel_reason: String,
    /// More replies of the same revisions follow.
    pub fragment: bool,
    /// Encoded `Event`s, in the order of their revisions; see [`event`].
    pub events: Arc<[Bytes]>,
}

const HEADER: u32 = 1;
const WATCH_ID: u32 = 2;
const CREATED: u32 = 3;
const CANCELED: u32 = 4;
const COMPACT_REVISION: u32 = 5;
const CANCEL_REASON: u32 = 6;
const FRAGMENT: u32 = 7;
const EVENTS: u32 = 11;

impl prost::Message for WatchReply {
    fn encode_raw(&self, buffer: &mut impl BufMut) {
        if let Some(header) = &self.header {
            encoding::message::encode(HEADER, header, buffer);
        }
        if self.watch_id != 0 {
            encoding::int64::encode(WATCH_ID, &self.watch_id, buffer);
        }
        for (tag, flag) in [(CREATED, self.created), (CANCELED, self.canceled)] {
            if flag {
                encoding::bool::encode(tag, &flag, buffer);
            }
        }
        if self.compact_revision != 0 {
            encoding::int64::encode(COMPACT_REVISION, &self.compact_revision, buffer);
        }
        if !self.cancel_reason.is_empty() {
            encoding::string::encode(CANCEL_REASON, &self.cancel_reason, buffer);
        }
        if self.fragment {
            encoding::bool::encode(FRAGMENT, &self.fragment, buffer);
        }
        for event in self.events.iter() {
            encoding::bytes::encode(EVENTS, event, buffer);
        }
    }

    fn encoded_len(&self) -> usize {
        let mut len = self.header.as_ref().map_or(0, |header| encoding::message::encoded_len(HEADER, header));
        for (tag, number) in [(WATCH_ID, self.watch_id), (COMPACT_REVISION, self.compact_revision)] {
            if number != 0 {
                len += encoding::int64::encoded_len(tag, &number);
            }
        }
        for (tag, flag) in [(CREATED, self.created), (CANCELED, self.canceled), (FRAGMENT, self.fragment)] {
            if flag {
                len += encoding::bool::encoded_len(tag, &flag);
            }
        }
        if !self.cancel_reason.is_empty() {
            len += encoding::string::encoded_len(CANCEL_REASON, &self.cancel_reason);
        }
        len + self.events.iter().map(|event| encoding::bytes::encoded_len(EVENTS, event)).sum::<usize>()
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buffer: &mut impl Buf,
        context: DecodeContext,
    ) -> Result<(), DecodeError> {
        match tag {
            HEADER => {
                let header = self.header.get_or_insert_default();
                encoding::message::merge(wire_type, header, buffer, context)
            }
            WATCH_ID => encoding::int64::merge(wire_type, &mut self.watch_id, buffer, context),
            CREATED => encoding::bool::merge(wire_type, &mut self.created, buffer, context),
            CANCELED => encoding::bool::merge(wire_type, &mut self.canceled, buffer, context),
            COMPACT_REVISION => {
                encoding::int64::merge(wire_type, &mut self.compact_revision, buffer, context)
            }
            CANCEL_REASON => encoding::string::merge(wire_type, &mut self.cancel_reason, buffer, context),
            FRAGMENT => encoding::bool::merge(wire_type, &mut self.fragment, buffer, context),
            EVENTS => {
                let mut event = Bytes::new();
                encoding::bytes::merge(wire_type, &mut event, buffer, context)?;
                // Quadratic, but only tests decode what a server sends.
                self.events = self.events.iter().cloned().chain([event]).collect();
                Ok(())
            }
            _ => encoding::skip_field(wire_type, tag, buffer, context),
        }
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}

/// An `Event` about `record`, and about what was there before if the watcher wants that: both encoded `KeyValue`s,
/// which it carries as they are.
#[must_use]
pub fn event(kind: EventType, record: &Bytes, previous: Option<&Bytes>) -> Bytes {
    const KIND: u32 = 1;
    const RECORD: u32 = 2;
    const PREVIOUS: u32 = 3;
    let mut len = encoding::bytes::encoded_len(RECORD, record);
    len += previous.map_or(0, |previous| encoding::bytes::encoded_len(PREVIOUS, previous));
    let kind = i32::from(kind);
    if kind != 0 {
        len += encoding::int32::encoded_len(KIND, &kind);
    }
    let mut buffer = BytesMut::with_capacity(len);
    if kind != 0 {
        encoding::int32::encode(KIND, &kind, &mut buffer);
    }
    encoding::bytes::encode(RECORD, record, &mut buffer);
    if let Some(previous) = previous {
        encoding::bytes::encode(PREVIOUS, previous, &mut buffer);
    }
    buffer.freeze()
}
