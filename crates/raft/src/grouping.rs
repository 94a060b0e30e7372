//! Several short commands together where each would cost more than what is in it.

use std::collections::VecDeque;

/// What bounds a group. An item that is longer than all of it is a group of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) bytes: usize,
    pub(crate) count: usize,
}

impl Bounds {
    /// Takes the first group off `items`: at least one, if there are any. `length` is that of an item in bytes.
    pub(crate) fn take<T>(self, items: &mut VecDeque<T>, length: impl Fn(&T) -> usize) -> Vec<T> {
        let (mut count, mut room) = (0, self.bytes);
        for length in items.iter().take(self.count).map(length) {
            if count > 0 && length > room {
                break;
            }
            room = room.saturating_sub(length);
            count += 1;
        }
        items.drain(..count).collect()
    }

    /// All `items` in their order, in groups.
    pub(crate) fn groups<T>(
        self,
        items: Vec<T>,
        length: impl Fn(&T) -> usize,
    ) -> impl Iterator<Item = Vec<T>> {
        let mut items = VecDeque::from(items);
        std::iter::from_fn(move || (!items.is_empty()).then(|| self.take(&mut items, &length)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_bounded_in_bytes_and_in_count_and_keep_the_order() {
        let bounds = Bounds { bytes: 10, count: 3 };
        let groups =
            |lengths: &[usize]| bounds.groups(lengths.to_vec(), |length| *length).collect::<Vec<_>>();
        for (lengths, expected) in [
            (&[][..], &[][..]),
            (&[4, 6, 1], &[&[4, 6][..], &[1]]),
            (&[11, 1, 1], &[&[11], &[1, 1]]),
            (&[1, 11, 1], &[&[1], &[11], &[1]]),
            (&[0, 0, 0, 0], &[&[0, 0, 0], &[0]]),
            (&[10, 0, 0, 0], &[&[10, 0, 0], &[0]]),
        ] {
            assert_eq!(groups(lengths), expected, "{lengths:?}");
        }
    }
}
