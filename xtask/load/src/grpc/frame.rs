//! Frames of HTTP/2 (RFC 9113, section 4): nine bytes, then a payload.

use anyhow::{Context, ensure};

pub(crate) const HEAD_BYTES: usize = 9;
/// What both sides may send as long as nobody announces more; we never do.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 16_384;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PUSH_PROMISE: u8 = 5;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 0x1;
pub(crate) const ACK: u8 = 0x1;
pub(crate) const END_HEADERS: u8 = 0x4;
pub(crate) const PADDED: u8 = 0x8;
pub(crate) const PRIORITY: u8 = 0x20;

/// The nine bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) length: usize,
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    /// 0 is the connection itself.
    pub(crate) stream: u32,
}

impl Head {
    /// Nothing if the bytes do not hold a whole one yet.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Head> {
        let &[l0, l1, l2, kind, flags, s0, s1, s2, s3] = bytes.first_chunk::<HEAD_BYTES>()?;
        let length = usize::from(l0) << 16 | usize::from(l1) << 8 | usize::from(l2);
        Some(Head { length, kind, flags, stream: u32::from_be_bytes([s0 & 0x7f, s1, s2, s3]) })
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let length = u32::try_from(self.length).expect("a payload is at most PAYLOAD_BYTES_MAX");
        let [_, l0, l1, l2] = length.to_be_bytes();
        let [s0, s1, s2, s3] = self.stream.to_be_bytes();
        out.extend_from_slice(&[l0, l1, l2, self.kind, self.flags, s0, s1, s2, s3]);
    }

    pub(crate) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The payload of DATA or HEADERS without its padding and its priority.
    pub(crate) fn content<'a>(&self, mut payload: &'a [u8]) -> anyhow::Result<&'a [u8]> {
        if self.has(PADDED) {
            let (&padding, rest) = payload.split_first().context("a padded frame without its length")?;
            let kept = rest.len().checked_sub(usize::from(padding)).context("more padding than payload")?;
            payload = &rest[..kept];
        }
        if self.kind == HEADERS && self.has(PRIORITY) {
            payload = payload.get(5..).context("a priority that is cut")?;
        }
        Ok(payload)
    }
}

/// A frame without flags whose payload is one number.
pub(crate) fn write_number(out: &mut Vec<u8>, kind: u8, stream: u32, number: u32) {
    Head { length: 4, kind, flags: 0, stream }.write(out);
    out.extend_from_slice(&number.to_be_bytes());
}

/// The number that is the whole payload, without its reserved bit.
pub(crate) fn number(payload: &[u8]) -> anyhow::Result<u32> {
    let bytes: [u8; 4] = payload.try_into().context("a frame of one number has 4 bytes")?;
    Ok(u32::from_be_bytes(bytes) & 0x7fff_ffff)
}

/// `(name, value)` of each setting.
pub(crate) fn settings(payload: &[u8]) -> anyhow::Result<Vec<(u16, u32)>> {
    ensure!(payload.len().is_multiple_of(6), "SETTINGS of {} bytes", payload.len());
    let pairs = payload.as_chunks::<6>().0.iter();
    Ok(pairs
        .map(|&[n0, n1, v0, v1, v2, v3]| (u16::from_be_bytes([n0, n1]), u32::from_be_bytes([v0, v1, v2, v3])))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_was_written() {
        let head = Head { length: 0x01_02_03, kind: DATA, flags: END_STREAM, stream: 0x7fff_fffe };
        let mut bytes = Vec::new();
        head.write(&mut bytes);
        assert_eq!(Head::parse(&bytes), Some(head));
        assert_eq!(Head::parse(&bytes[..8]), None);
        bytes[5] |= 0x80;
        assert_eq!(Head::parse(&bytes), Some(head), "the reserved bit is ignored");
    }

    #[test]
    fn padding_and_priority_are_left_out() {
        let head = |kind, flags| Head { length: 0, kind, flags, stream: 1 };
        assert_eq!(head(DATA, PADDED).content(&[2, b'a', 0, 0]).unwrap(), b"a");
        assert_eq!(head(HEADERS, PADDED | PRIORITY).content(&[1, 0, 0, 0, 0, 9, b'a', 0]).unwrap(), b"a");
        assert_eq!(head(DATA, PRIORITY).content(b"a").unwrap(), b"a", "DATA has no priority");
        assert!(head(DATA, PADDED).content(&[3, 0, 0]).is_err());
        assert!(head(DATA, PADDED).content(&[]).is_err());
        assert!(head(HEADERS, PRIORITY).content(&[0; 4]).is_err());
    }

    #[test]
    fn settings_are_pairs_of_six_bytes() {
        assert_eq!(settings(&[0, 4, 0, 1, 0, 0, 0, 5, 0, 0, 0x40, 0]).unwrap(), [(4, 65_536), (5, 16_384)]);
        assert!(settings(&[0; 7]).is_err());
    }
}
