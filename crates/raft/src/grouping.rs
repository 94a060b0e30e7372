//! Several short commands together where each would cost more than what is in it.

/// `items` in their order, in groups: of up to `count_max`, and of up to `bytes_max` by their `length`; one that is longer is a group of
/// its own.
pub(crate) fn grouped<T>(
    items: Vec<T>,
    bytes_max: usize,
    count_max: usize,
    length: impl Fn(&T) -> usize,
) -> Vec<Vec<T>> {
    let mut groups: Vec<Vec<T>> = Vec::new();
    let mut room = 0;
    for item in items {
        let length = length(&item);
        match groups.last_mut() {
            Some(group) if length <= room && group.len() < count_max => {
                room -= length;
                group.push(item);
            }
            _ => {
                room = bytes_max.saturating_sub(length);
                groups.push(vec![item]);
            }
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_bounded_in_bytes_and_in_count_and_keep_the_order() {
        let groups = |lengths: &[usize]| grouped(lengths.to_vec(), 10, 3, |length| *length);
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
