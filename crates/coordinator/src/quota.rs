//! How much may be stored.

/// Bytes, as the engine's logical size counts them; negative for any number. etcd: `--quota-backend-bytes`, where 0 stands
/// for the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota(pub i64);

impl Default for Quota {
    fn default() -> Self {
        Self(2 << 30)
    }
}

impl Quota {
    /// Whether what may add `cost` bytes to `size` is let in. What adds nothing always is.
    #[must_use]
    pub fn has_room(self, size: u64, cost: u64) -> bool {
        cost == 0 || u64::try_from(self.0).map_or(true, |quota| size.saturating_add(cost) < quota)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_reach_the_quota_is_not_let_in() {
        for (quota, size, cost, has_room) in [
            (1000, 700, 299, true),
            (1000, 700, 300, false),
            (1000, 5000, 1, false),
            (1000, 5000, 0, true),
            (-1, u64::MAX, 300, true),
            (i64::MAX, u64::MAX, 300, false),
        ] {
            assert_eq!(Quota(quota).has_room(size, cost), has_room, "{quota} {size} {cost}");
        }
        assert_eq!(Quota::default(), Quota(2 * 1024 * 1024 * 1024));
    }
}
