//! HPACK (RFC 7541), as much as a gRPC client needs: headers of requests are written, those of replies read.
//!
//! Both sides learn: a header that was sent once goes by its index afterwards, so that a request's headers take
//! seven bytes and a reply's trailer one. An entry of the table knows what it means to us, so that reading a
//! reply compares no text.

use std::collections::VecDeque;

use anyhow::{Context, bail, ensure};

use super::Method;
use super::huffman;

/// What RFC 7541 lets a table hold until somebody announces another size.
pub(crate) const TABLE_BYTES: usize = 4096;
/// A header's share of a table beyond its text (RFC 7541, 4.1).
const ENTRY_BYTES: usize = 32;
/// The first index of the dynamic table.
const DYNAMIC: usize = 62;

/// What we want to know of a reply's headers.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Headers {
    pub(crate) http_status: Option<u32>,
    pub(crate) grpc_status: Option<u32>,
    pub(crate) grpc_message: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Meaning {
    HttpStatus(u32),
    GrpcStatus(u32),
    GrpcMessage(String),
    Other,
}

#[derive(Debug)]
struct Entry {
    name: Vec<u8>,
    bytes: usize,
    meaning: Meaning,
}

#[derive(Debug)]
pub(crate) struct Decoder {
    newest_first: VecDeque<Entry>,
    bytes: usize,
    bytes_max: usize,
}

/// Writes the headers of requests. Nothing it puts into the table is ever pushed out: all of it is small.
#[derive(Debug)]
pub(crate) struct Encoder {
    authority: String,
    entries: usize,
    /// By `Method`: how many entries there were before that of its path.
    paths: [Option<usize>; Method::COUNT],
    /// How many there were before those that every request has.
    fixed: Option<usize>,
    /// The peer keeps a smaller table than ours needs: all goes literally.
    plain: bool,
    /// The next block must say that the table is now empty for good.
    announce: bool,
}

/// Every request has them, in this order behind the path.
const FIXED: usize = 4;

impl Encoder {
    pub(crate) fn new(authority: &str) -> Encoder {
        Encoder {
            authority: authority.to_owned(),
            entries: 0,
            paths: [None; Method::COUNT],
            fixed: None,
            plain: false,
            announce: false,
        }
    }

    /// The peer said how large its table is.
    pub(crate) fn limit(&mut self, bytes: u32) {
        if usize::try_from(bytes).is_ok_and(|bytes| bytes < TABLE_BYTES) && !self.plain {
            (self.plain, self.announce) = (true, true);
        }
    }

    pub(crate) fn write(&mut self, method: Method, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.announce) {
            out.push(0x20);
        }
        // `:method POST` and `:scheme http` stand in the static table.
        out.extend_from_slice(&[0x83, 0x86]);
        if self.plain {
            literal(out, Form::Passing, (4, method.path()));
            return self.write_fixed(out, Form::Passing);
        }
        match self.paths[method.index()] {
            Some(before) => out.push(self.indexed(before)),
            None => {
                self.paths[method.index()] = Some(self.entries);
                self.entries += 1;
                literal(out, Form::Kept, (4, method.path()));
            }
        }
        match self.fixed {
            Some(before) => out.extend((before..before + FIXED).map(|before| self.indexed(before))),
            None => {
                self.fixed = Some(self.entries);
                self.entries += FIXED;
                self.write_fixed(out, Form::Kept);
            }
        }
    }

    fn write_fixed(&self, out: &mut Vec<u8>, form: Form) {
        literal(out, form, (1, &self.authority));
        literal(out, form, (31, "application/grpc"));
        named(out, form, ("te", "trailers"));
        literal(out, form, (58, "quorate-load"));
    }

    /// The byte for the entry that had `before` others before it: the newest has the lowest index.
    fn indexed(&self, before: usize) -> u8 {
        let index = DYNAMIC + self.entries - 1 - before;
        0x80 | u8::try_from(index).expect("there are at most FIXED + Method::COUNT entries")
    }
}

/// Whether the peer's table keeps a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Kept,
    Passing,
}

/// A header whose name stands in the static table.
fn literal(out: &mut Vec<u8>, form: Form, (name, value): (u8, &str)) {
    match form {
        Form::Kept => out.push(0x40 | name),
        Form::Passing if name < 15 => out.push(name),
        Form::Passing => out.extend_from_slice(&[15, name - 15]),
    }
    text(out, value);
}

fn named(out: &mut Vec<u8>, form: Form, (name, value): (&str, &str)) {
    out.push(if form == Form::Kept { 0x40 } else { 0 });
    text(out, name);
    text(out, value);
}

fn text(out: &mut Vec<u8>, text: &str) {
    let length = u8::try_from(text.len()).ok().filter(|&length| length < 127);
    out.push(length.expect("what we send is shorter than 127 bytes"));
    out.extend_from_slice(text.as_bytes());
}

impl Default for Decoder {
    fn default() -> Decoder {
        Decoder { newest_first: VecDeque::new(), bytes: 0, bytes_max: TABLE_BYTES }
    }
}

impl Decoder {
    /// Reads a whole block. The table changes even where nobody wants the headers.
    pub(crate) fn read(&mut self, mut block: &[u8]) -> anyhow::Result<Headers> {
        let mut headers = Headers::default();
        while let Some(&first) = block.first() {
            match first {
                0x80.. => {
                    let index = integer(&mut block, 7)?;
                    self.meaning(index)?.note(&mut headers);
                }
                0x20..0x40 => {
                    let size = integer(&mut block, 5)?;
                    ensure!(size <= TABLE_BYTES, "the peer's table grew to {size} bytes");
                    self.bytes_max = size;
                    self.evict(size);
                }
                0x40..0x80 => {
                    let entry = self.entry(&mut block, 6)?;
                    entry.meaning.note(&mut headers);
                    self.insert(entry);
                }
                _ => self.entry(&mut block, 4)?.meaning.note(&mut headers),
            }
        }
        Ok(headers)
    }

    fn entry(&self, block: &mut &[u8], bits: u32) -> anyhow::Result<Entry> {
        let name = match integer(block, bits)? {
            0 => string(block)?,
            index @ 1..DYNAMIC => STATIC[index].as_bytes().to_vec(),
            index => self.dynamic(index)?.name.clone(),
        };
        let value = string(block)?;
        let meaning = Meaning::of(&name, &value);
        Ok(Entry { bytes: name.len() + value.len() + ENTRY_BYTES, name, meaning })
    }

    fn dynamic(&self, index: usize) -> anyhow::Result<&Entry> {
        self.newest_first.get(index - DYNAMIC).with_context(|| format!("no header has the index {index}"))
    }

    fn meaning(&self, index: usize) -> anyhow::Result<Meaning> {
        Ok(match index {
            0 => bail!("a header of index 0"),
            8..=14 => Meaning::HttpStatus([200, 204, 206, 304, 400, 404, 500][index - 8]),
            1..DYNAMIC => Meaning::Other,
            _ => self.dynamic(index)?.meaning.clone(),
        })
    }

    fn insert(&mut self, entry: Entry) {
        self.evict(self.bytes_max.saturating_sub(entry.bytes));
        if entry.bytes <= self.bytes_max {
            self.bytes += entry.bytes;
            self.newest_first.push_front(entry);
        }
    }

    fn evict(&mut self, bytes_max: usize) {
        while self.bytes > bytes_max
            && let Some(oldest) = self.newest_first.pop_back()
        {
            self.bytes -= oldest.bytes;
        }
    }
}

impl Meaning {
    fn of(name: &[u8], value: &[u8]) -> Meaning {
        let text = String::from_utf8_lossy(value);
        match name {
            b":status" => text.parse().map_or(Meaning::Other, Meaning::HttpStatus),
            b"grpc-status" => text.parse().map_or(Meaning::Other, Meaning::GrpcStatus),
            b"grpc-message" => Meaning::GrpcMessage(unescaped(value)),
            _ => Meaning::Other,
        }
    }

    fn note(&self, headers: &mut Headers) {
        match self {
            Meaning::HttpStatus(status) => headers.http_status = Some(*status),
            Meaning::GrpcStatus(status) => headers.grpc_status = Some(*status),
            Meaning::GrpcMessage(message) => headers.grpc_message = Some(message.clone()),
            Meaning::Other => (),
        }
    }
}

/// gRPC writes a message's bytes beyond printable ASCII, and `%`, as `%` and two digits.
fn unescaped(value: &[u8]) -> String {
    let mut text = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((&first, behind)) = rest.split_first() {
        let digits = behind.get(..2).and_then(|digits| str::from_utf8(digits).ok());
        let byte = digits.filter(|_| first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok());
        text.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &behind[2..] } else { behind };
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// A number whose first byte holds its lowest `bits`, or its continuation.
fn integer(block: &mut &[u8], bits: u32) -> anyhow::Result<usize> {
    let mask = (1_usize << bits) - 1;
    let mut value = usize::from(byte(block)?) & mask;
    if value < mask {
        return Ok(value);
    }
    for shift in (0..28).step_by(7) {
        let next = byte(block)?;
        value += usize::from(next & 0x7f) << shift;
        if next < 0x80 {
            return Ok(value);
        }
    }
    bail!("a number of more than five bytes")
}

fn string(block: &mut &[u8]) -> anyhow::Result<Vec<u8>> {
    let coded = block.first().is_some_and(|&first| first >= 0x80);
    let length = integer(block, 7)?;
    let (text, rest) = block.split_at_checked(length).context("a header's text is cut")?;
    *block = rest;
    if coded { huffman::decode(text) } else { Ok(text.to_vec()) }
}

fn byte(block: &mut &[u8]) -> anyhow::Result<u8> {
    let (&first, rest) = block.split_first().context("a header block is cut")?;
    *block = rest;
    Ok(first)
}

/// The names of the static table (RFC 7541, appendix A); the lengths count for the size of an entry.
#[rustfmt::skip]
const STATIC: [&str; DYNAMIC] = [
    "", ":authority", ":method", ":method", ":path", ":path", ":scheme", ":scheme", ":status", ":status",
    ":status", ":status", ":status", ":status", ":status", "accept-charset", "accept-encoding",
    "accept-language", "accept-ranges", "accept", "access-control-allow-origin", "age", "allow",
    "authorization", "cache-control", "content-disposition", "content-encoding", "content-language",
    "content-length", "content-location", "content-range", "content-type", "cookie", "date", "etag", "expect",
    "expires", "from", "host", "if-match", "if-modified-since", "if-none-match", "if-range",
    "if-unmodified-since", "last-modified", "link", "location", "max-forwards", "proxy-authenticate",
    "proxy-authorization", "range", "referer", "refresh", "retry-after", "server", "set-cookie",
    "strict-transport-security", "transfer-encoding", "user-agent", "vary", "via", "www-authenticate",
];

#[cfg(test)]
mod tests;
