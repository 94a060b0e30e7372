//! A message over the limit, refused in grpc-go's words.
//!
//! tonic looks at a message's length before it reads the message, as grpc-go does, but says it with another code
//! and another text; clients know etcd's.

use crate::status::message_too_long;
use http::{HeaderMap, Response};
use tonic::{Code, Status};

/// `response`, unless it is tonic's refusal of a message that is too long. Cost: one look-up in the headers, which
/// have a status only if a call failed.
pub(crate) fn in_etcds_words<B>(mut response: Response<B>) -> Response<B> {
    if let Some(status) = refusal(response.headers()) {
        // A status made of digits and plain words always fits a header.
        drop(status.add_header(response.headers_mut()));
    }
    response
}

fn refusal(headers: &HeaderMap) -> Option<Status> {
    if !headers.contains_key("grpc-status") {
        return None;
    }
    reworded(&Status::from_header_map(headers)?)
}

/// What to say instead of `status`, if that is tonic's refusal of a message that is too long.
pub(crate) fn reworded(status: &Status) -> Option<Status> {
    if status.code() != Code::OutOfRange {
        return None;
    }
    let rest = status.message().strip_prefix("Error, decoded message length too large: found ")?;
    let (bytes, rest) = rest.split_once(" bytes, the limit is: ")?;
    Some(message_too_long(bytes, rest.strip_suffix(" bytes")?))
}

#[cfg(test)]
mod tests;
