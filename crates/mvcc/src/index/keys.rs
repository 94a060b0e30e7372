//! Sorted byte strings in one allocation, with what all of them begin with stored once.
//!
//! ```text
//! | end of rest 0 | … | end of rest n-1 | prefix | rest 0 | … | rest n-1 |
//!   u32 each, counted from the prefix on
//! ```
//! A set never changes: whoever adds a key packs a new one. Clones share the bytes.

use bytes::Bytes;
use std::fmt;
use std::sync::Arc;

/// A key as the index holds it: two pieces, to be read one after the other.
#[derive(Clone, Copy)]
pub(crate) struct PackedKey<'a> {
    prefix: &'a [u8],
    rest: &'a [u8],
}

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    packed: Arc<[u8]>,
    count: u32,
    prefix: u32,
}

const END_LEN: usize = size_of::<u32>();

impl<'a> PackedKey<'a> {
    /// `key` in one piece.
    pub(crate) fn whole(key: &'a [u8]) -> Self {
        Self { prefix: &[], rest: key }
    }

    /// Its length in bytes.
    pub(crate) fn len(self) -> usize {
        self.prefix.len() + self.rest.len()
    }

    /// The key in one piece. Cost: one allocation.
    pub(crate) fn to_vec(self) -> Vec<u8> {
        let mut whole = Vec::with_capacity(self.len());
        self.write_from(0, &mut whole);
        whole
    }

    /// The key in one piece. Cost: one allocation.
    pub(crate) fn to_bytes(self) -> Bytes {
        self.to_vec().into()
    }

    /// Appends the key without its first `skipped` bytes.
    fn write_from(self, skipped: usize, out: &mut Vec<u8>) {
        let of_prefix = skipped.min(self.prefix.len());
        out.extend_from_slice(&self.prefix[of_prefix..]);
        out.extend_from_slice(&self.rest[skipped - of_prefix..]);
    }

    fn common_len(self, other: Self) -> usize {
        let (mine, theirs) = (self.prefix.iter().chain(self.rest), other.prefix.iter().chain(other.rest));
        mine.zip(theirs).take_while(|(mine, theirs)| mine == theirs).count()
    }
}

impl PartialEq<[u8]> for PackedKey<'_> {
    fn eq(&self, other: &[u8]) -> bool {
        other.strip_prefix(self.prefix) == Some(self.rest)
    }
}

impl fmt::Debug for PackedKey<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_bytes().fmt(formatter)
    }
}

impl Default for Keys {
    fn default() -> Self {
        Self::pack(&[])
    }
}

impl Keys {
    /// The set of `keys`, which are in order.
    pub(super) fn pack(keys: &[PackedKey<'_>]) -> Self {
        let prefix = match keys {
            [] => 0,
            [only] => only.len(),
            [first, .., last] => first.common_len(*last),
        };
        let rests: usize = keys.iter().map(|key| key.len() - prefix).sum();
        let mut packed = Vec::with_capacity(keys.len() * END_LEN + prefix + rests);
        let mut end = prefix;
        for key in keys {
            end += key.len() - prefix;
            packed.extend_from_slice(&narrow(end).to_ne_bytes());
        }
        if let Some(first) = keys.first() {
            first.write_from(0, &mut packed);
        }
        for key in keys.iter().skip(1) {
            key.write_from(prefix, &mut packed);
        }
        Self { packed: packed.into(), count: narrow(keys.len()), prefix: narrow(prefix) }
    }

    pub(super) fn len(&self) -> usize {
        self.count as usize
    }

    /// The bytes that they take.
    pub(super) fn bytes(&self) -> usize {
        self.packed.len()
    }

    /// The key at `place`, which is below `len`.
    pub(super) fn get(&self, place: usize) -> PackedKey<'_> {
        PackedKey { prefix: self.prefix(), rest: self.rest(place) }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = PackedKey<'_>> {
        (0..self.len()).map(|place| self.get(place))
    }

    /// Where `key` is, or where it would have to go.
    pub(super) fn find(&self, key: &[u8]) -> Result<usize, usize> {
        let prefix = self.prefix();
        let Some(rest) = key.strip_prefix(prefix) else {
            return Err(if key < prefix { 0 } else { self.len() });
        };
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            match self.rest(middle).cmp(rest) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Ok(middle),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    /// How many keys are below `key`.
    pub(super) fn below(&self, key: &[u8]) -> usize {
        self.find(key).unwrap_or_else(|place| place)
    }

    /// With `key` at `place`.
    pub(super) fn with(&self, place: usize, key: &[u8]) -> Self {
        let mut keys = Vec::with_capacity(self.len() + 1);
        keys.extend(self.iter());
        keys.insert(place, PackedKey::whole(key));
        Self::pack(&keys)
    }

    /// Those whose place `keeps` admits.
    pub(super) fn only(&self, mut keeps: impl FnMut(usize) -> bool) -> Self {
        let kept: Vec<_> =
            self.iter().enumerate().filter(|(place, _)| keeps(*place)).map(|(_, key)| key).collect();
        Self::pack(&kept)
    }

    /// These, then `between`, then those of `other`.
    pub(super) fn joined(&self, between: Option<&[u8]>, other: &Self) -> Self {
        let keys: Vec<_> = self.iter().chain(between.map(PackedKey::whole)).chain(other.iter()).collect();
        Self::pack(&keys)
    }

    /// The shortest string above the key before `place` and not above the key at `place`.
    pub(super) fn separator(&self, place: usize) -> Vec<u8> {
        let (left, right) = (self.get(place - 1), self.get(place));
        let mut separator = right.to_vec();
        separator.truncate(left.common_len(right) + 1);
        separator
    }

    fn prefix(&self) -> &[u8] {
        &self.body()[..self.prefix as usize]
    }

    fn rest(&self, place: usize) -> &[u8] {
        let start = if place == 0 { self.prefix as usize } else { self.end(place - 1) };
        &self.body()[start..self.end(place)]
    }

    fn end(&self, place: usize) -> usize {
        let bytes = self.packed[place * END_LEN..].first_chunk().expect("a key has an end");
        u32::from_ne_bytes(*bytes) as usize
    }

    fn body(&self) -> &[u8] {
        &self.packed[self.len() * END_LEN..]
    }
}

fn narrow(len: usize) -> u32 {
    u32::try_from(len).expect("I5: a node's keys are shorter than 4 GiB")
}
