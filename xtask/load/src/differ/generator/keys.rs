//! Few keys that begin with each other, and every way to name ranges of them.

use super::Generator;
use crate::differ::schema::Kind;
use crate::differ::tree::Tree;

const KEYS: [&[u8]; 18] = [
    b"a",
    b"a\0",
    b"a/1",
    b"a/2",
    b"ab",
    b"abc",
    b"a\xff",
    b"a\xff\xff",
    b"b",
    b"ba",
    b"bb",
    b"c",
    b"c/1",
    b"c/2",
    b"d",
    b"\0",
    b"\xff",
    b"\xff\xff",
];

/// From this key on, in `range_end`.
pub(super) const ON: &[u8] = b"\0";

impl Generator {
    pub(super) fn key(&mut self) -> Vec<u8> {
        self.pick(&KEYS).to_vec()
    }

    /// A request with its `key` and `range_end`.
    pub(super) fn keys(&mut self, kind: &'static Kind) -> Tree {
        let key = self.key();
        let (key, end) = match self.random.below(100) {
            0..45 => (key, Vec::new()),
            45..62 => {
                let end = prefix_end(&key);
                (key, end)
            }
            62..80 => (key, self.key()),
            80..88 => (key, ON.to_vec()),
            88..96 => (ON.to_vec(), ON.to_vec()),
            96..98 => (key.clone(), key),
            98 => (Vec::new(), Vec::new()),
            _ => (Vec::new(), self.key()),
        };
        Tree::of(kind).with("key", key).with("range_end", end)
    }
}

/// The end of the range of keys that begin with `prefix`, as clients make it.
fn prefix_end(prefix: &[u8]) -> Vec<u8> {
    let Some(at) = prefix.iter().rposition(|&byte| byte < 0xff) else { return ON.to_vec() };
    let mut end = prefix[..=at].to_vec();
    end[at] += 1;
    end
}
