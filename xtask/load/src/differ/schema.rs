//! What the messages of the wire are made of, as data: so that one piece of code writes, reads, compares and shrinks
//! all of them, and a field that nobody here knows is noticed instead of skipped.

use std::fmt;

use crate::grpc::Method;

/// A message type.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) fields: &'static [Field],
}

#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) number: u64,
    /// The name in the `.proto` files.
    pub(crate) name: &'static str,
    pub(crate) form: Form,
    pub(crate) is_repeated: bool,
}

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form {
    /// Integers, enums and bools: varints all.
    Number,
    /// Bytes and strings.
    Bytes,
    /// Whole seconds that are left: the two servers are not asked at the same moment.
    Seconds,
    /// The id of a lease: a server may have chosen it.
    Lease,
    /// Says which server it is: another on each, but the same in every answer of one.
    Identity,
    Message(&'static Kind),
}

/// A call of a history.
#[derive(Debug)]
pub(crate) struct Call {
    /// Its name in the text of a history.
    pub(crate) word: &'static str,
    pub(crate) method: Method,
    pub(crate) request: &'static Kind,
    pub(crate) response: &'static Kind,
    pub(crate) way: Way,
}

/// How it goes over the wire, and what may be under way beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Changes nothing: several may be under way.
    Read,
    /// The same, with a reply in pieces.
    Pieces,
    Write,
    /// A message on the one stream of watchers.
    Watch,
    /// A message on the one stream of renewals.
    KeepAlive,
}

const fn one(number: u64, name: &'static str, form: Form) -> Field {
    Field { number, name, form, is_repeated: false }
}

const fn many(number: u64, name: &'static str, form: Form) -> Field {
    Field { number, name, form, is_repeated: true }
}

macro_rules! kinds {
    ($($name:ident: $($field:expr),*;)*) => {
        $(pub(crate) static $name: Kind = Kind { name: stringify!($name), fields: &[$($field),*] };)*
    };
}

use Form::{Bytes, Identity, Lease, Message, Number, Seconds};

kinds! {
    HEADER: one(1, "cluster_id", Identity), one(2, "member_id", Identity), one(3, "revision", Number),
        one(4, "raft_term", Identity);
    KEY_VALUE: one(1, "key", Bytes), one(2, "create_revision", Number), one(3, "mod_revision", Number),
        one(4, "version", Number), one(5, "value", Bytes), one(6, "lease", Lease);
    EVENT: one(1, "type", Number), one(2, "kv", Message(&KEY_VALUE)), one(3, "prev_kv", Message(&KEY_VALUE));

    RANGE_REQUEST: one(1, "key", Bytes), one(2, "range_end", Bytes), one(3, "limit", Number),
        one(4, "revision", Number), one(5, "sort_order", Number), one(6, "sort_target", Number),
        one(7, "serializable", Number), one(8, "keys_only", Number), one(9, "count_only", Number),
        one(10, "min_mod_revision", Number), one(11, "max_mod_revision", Number),
        one(12, "min_create_revision", Number), one(13, "max_create_revision", Number);
    RANGE_RESPONSE: one(1, "header", Message(&HEADER)), many(2, "kvs", Message(&KEY_VALUE)),
        one(3, "more", Number), one(4, "count", Number);
    RANGE_STREAM_RESPONSE: one(1, "range_response", Message(&RANGE_RESPONSE));
    PUT_REQUEST: one(1, "key", Bytes), one(2, "value", Bytes), one(3, "lease", Lease),
        one(4, "prev_kv", Number), one(5, "ignore_value", Number), one(6, "ignore_lease", Number);
    PUT_RESPONSE: one(1, "header", Message(&HEADER)), one(2, "prev_kv", Message(&KEY_VALUE));
    DELETE_REQUEST: one(1, "key", Bytes), one(2, "range_end", Bytes), one(3, "prev_kv", Number);
    DELETE_RESPONSE: one(1, "header", Message(&HEADER)), one(2, "deleted", Number),
        many(3, "prev_kvs", Message(&KEY_VALUE));

    REQUEST_OP: one(1, "request_range", Message(&RANGE_REQUEST)), one(2, "request_put", Message(&PUT_REQUEST)),
        one(3, "request_delete_range", Message(&DELETE_REQUEST)), one(4, "request_txn", Message(&TXN_REQUEST));
    RESPONSE_OP: one(1, "response_range", Message(&RANGE_RESPONSE)), one(2, "response_put", Message(&PUT_RESPONSE)),
        one(3, "response_delete_range", Message(&DELETE_RESPONSE)), one(4, "response_txn", Message(&TXN_RESPONSE));
    COMPARE: one(1, "result", Number), one(2, "target", Number), one(3, "key", Bytes), one(4, "version", Number),
        one(5, "create_revision", Number), one(6, "mod_revision", Number), one(7, "value", Bytes),
        one(8, "lease", Lease), one(64, "range_end", Bytes);
    TXN_REQUEST: many(1, "compare", Message(&COMPARE)), many(2, "success", Message(&REQUEST_OP)),
        many(3, "failure", Message(&REQUEST_OP));
    TXN_RESPONSE: one(1, "header", Message(&HEADER)), one(2, "succeeded", Number),
        many(3, "responses", Message(&RESPONSE_OP));
    COMPACT_REQUEST: one(1, "revision", Number), one(2, "physical", Number);
    COMPACT_RESPONSE: one(1, "header", Message(&HEADER));

    WATCH_CREATE: one(1, "key", Bytes), one(2, "range_end", Bytes), one(3, "start_revision", Number),
        one(4, "progress_notify", Number), many(5, "filters", Number), one(6, "prev_kv", Number),
        one(7, "watch_id", Number), one(8, "fragment", Number);
    WATCH_CANCEL: one(1, "watch_id", Number);
    WATCH_PROGRESS: ;
    WATCH_REQUEST: one(1, "create_request", Message(&WATCH_CREATE)),
        one(2, "cancel_request", Message(&WATCH_CANCEL)), one(3, "progress_request", Message(&WATCH_PROGRESS));
    WATCH_RESPONSE: one(1, "header", Message(&HEADER)), one(2, "watch_id", Number), one(3, "created", Number),
        one(4, "canceled", Number), one(5, "compact_revision", Number), one(6, "cancel_reason", Bytes),
        one(7, "fragment", Number), many(11, "events", Message(&EVENT));

    GRANT_REQUEST: one(1, "TTL", Number), one(2, "ID", Lease);
    GRANT_RESPONSE: one(1, "header", Message(&HEADER)), one(2, "ID", Lease), one(3, "TTL", Number),
        one(4, "error", Bytes);
    REVOKE_REQUEST: one(1, "ID", Lease);
    REVOKE_RESPONSE: one(1, "header", Message(&HEADER));
    KEEP_ALIVE_REQUEST: one(1, "ID", Lease);
    KEEP_ALIVE_RESPONSE: one(1, "header", Message(&HEADER)), one(2, "ID", Lease), one(3, "TTL", Number);
    TIME_TO_LIVE_REQUEST: one(1, "ID", Lease), one(2, "keys", Number);
    TIME_TO_LIVE_RESPONSE: one(1, "header", Message(&HEADER)), one(2, "ID", Lease), one(3, "TTL", Seconds),
        one(4, "grantedTTL", Number), many(5, "keys", Bytes);
    LEASES_REQUEST: ;
    LEASE_STATUS: one(1, "ID", Lease);
    LEASES_RESPONSE: one(1, "header", Message(&HEADER)), many(2, "leases", Message(&LEASE_STATUS));
}

const fn call(
    word: &'static str,
    way: Way,
    method: Method,
    request: &'static Kind,
    response: &'static Kind,
) -> Call {
    Call { word, method, request, response, way }
}

macro_rules! calls {
    ($($name:ident = $word:literal, $way:ident, $method:ident, $request:ident, $response:ident;)*) => {
        $(pub(crate) static $name: Call = call($word, Way::$way, Method::$method, &$request, &$response);)*
        /// Every call that a history may hold.
        pub(crate) static CALLS: &[&Call] = &[$(&$name),*];
    };
}

calls! {
    RANGE = "range", Read, Range, RANGE_REQUEST, RANGE_RESPONSE;
    RANGE_STREAM = "range-stream", Pieces, RangeStream, RANGE_REQUEST, RANGE_STREAM_RESPONSE;
    PUT = "put", Write, Put, PUT_REQUEST, PUT_RESPONSE;
    DELETE = "delete", Write, DeleteRange, DELETE_REQUEST, DELETE_RESPONSE;
    TXN = "txn", Write, Txn, TXN_REQUEST, TXN_RESPONSE;
    COMPACT = "compact", Write, Compact, COMPACT_REQUEST, COMPACT_RESPONSE;
    WATCH = "watch", Watch, Watch, WATCH_REQUEST, WATCH_RESPONSE;
    GRANT = "grant", Write, LeaseGrant, GRANT_REQUEST, GRANT_RESPONSE;
    REVOKE = "revoke", Write, LeaseRevoke, REVOKE_REQUEST, REVOKE_RESPONSE;
    TIME_TO_LIVE = "time-to-live", Read, LeaseTimeToLive, TIME_TO_LIVE_REQUEST, TIME_TO_LIVE_RESPONSE;
    LEASES = "leases", Read, LeaseLeases, LEASES_REQUEST, LEASES_RESPONSE;
    KEEP_ALIVE = "keep-alive", KeepAlive, LeaseKeepAlive, KEEP_ALIVE_REQUEST, KEEP_ALIVE_RESPONSE;
}

impl Way {
    /// Whether it changes nothing, so that several may be under way.
    pub(crate) fn only_reads(self) -> bool {
        matches!(self, Way::Read | Way::Pieces)
    }
}

impl Kind {
    pub(crate) fn named(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    pub(crate) fn numbered(&self, number: u64) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.number == number)
    }
}

/// Kinds hold each other in circles: only the name is shown.
impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

#[cfg(test)]
mod tests;
