//! Where in a stream of HTTP/2 frames a connection is. Nothing is judged here, only counted: h2 refuses what is wrong.

/// What a client of HTTP/2 says first.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// A frame's header: three bytes of length, one of kind, five that do not matter here.
const HEADER_BYTES: usize = 9;
/// Which of them is the kind.
const KIND: usize = 3;
/// The kind of frame that begins a call.
const HEADERS: u8 = 1;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frames {
    /// So many bytes of the preface have come.
    Preface(usize),
    /// So many bytes of a frame's header have come; they say this of its length.
    Header { bytes: usize, length: usize },
    /// So many bytes of a frame are still to come.
    Payload(usize),
    /// It is no HTTP/2.
    Other,
}

impl Default for Frames {
    fn default() -> Self {
        Self::Preface(0)
    }
}

impl Frames {
    /// The bytes of the frame that are still to come.
    pub(super) fn left(self) -> usize {
        if let Self::Payload(left) = self { left } else { 0 }
    }

    /// Follows what has come; how many calls begin in it.
    pub(super) fn follow(&mut self, mut bytes: &[u8]) -> usize {
        let mut calls = 0;
        while let Some((&byte, rest)) = bytes.split_first() {
            let passed = match *self {
                Self::Other => return calls,
                Self::Payload(left) => {
                    let passed = left.min(bytes.len());
                    *self = payload(left - passed);
                    passed
                }
                Self::Preface(seen) => {
                    *self = preface(seen, byte);
                    1
                }
                Self::Header { bytes: seen, length } => {
                    calls += usize::from(seen == KIND && byte == HEADERS);
                    *self = header(seen, length, byte);
                    1
                }
            };
            bytes = if passed == 1 { rest } else { &bytes[passed..] };
        }
        calls
    }
}

fn preface(seen: usize, byte: u8) -> Frames {
    match PREFACE.get(seen) {
        Some(expected) if *expected == byte && seen + 1 == PREFACE.len() => payload(0),
        Some(expected) if *expected == byte => Frames::Preface(seen + 1),
        _ => Frames::Other,
    }
}

fn header(seen: usize, length: usize, byte: u8) -> Frames {
    let length = if seen < KIND { length << 8 | usize::from(byte) } else { length };
    if seen + 1 == HEADER_BYTES { payload(length) } else { Frames::Header { bytes: seen + 1, length } }
}

/// An empty payload has passed already.
fn payload(left: usize) -> Frames {
    if left == 0 { Frames::Header { bytes: 0, length: 0 } } else { Frames::Payload(left) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, length: usize) -> Vec<u8> {
        let [.., high, middle, low] = length.to_be_bytes();
        [&[high, middle, low, kind, 0, 0, 0, 0, 1][..], &vec![HEADERS; length]].concat()
    }

    #[test]
    fn calls_are_counted_however_the_bytes_come() {
        let bytes = [
            PREFACE.to_vec(),
            frame(4, 0),
            frame(HEADERS, 30),
            frame(0, 70_000),
            frame(HEADERS, 0),
            frame(8, 4),
            frame(HEADERS, 1),
        ]
        .concat();
        for part in [1, 2, 7, 9, 1000, bytes.len()] {
            let mut frames = Frames::default();
            let calls: usize = bytes.chunks(part).map(|part| frames.follow(part)).sum();
            assert_eq!((calls, frames), (3, Frames::Header { bytes: 0, length: 0 }), "in parts of {part}");
        }
    }

    #[test]
    fn what_is_left_of_a_frame_is_known() {
        let mut frames = Frames::default();
        frames.follow(PREFACE);
        frames.follow(&frame(0, 20_000)[..5009]);
        assert_eq!(frames.left(), 15_000);
    }

    #[test]
    fn http1_has_no_frames() {
        let mut frames = Frames::default();
        assert_eq!(frames.follow(b"POST / HTTP/1.1\r\n\r\n"), 0);
        assert_eq!(frames, Frames::Other);
    }
}
