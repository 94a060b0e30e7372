//! How long calls took.

use std::time::Duration;

/// Every single one, so that quantiles are exact: 60,000 take 240 KB.
#[derive(Debug, Default)]
pub(crate) struct Latencies {
    /// In units of 10 ns, which fit 42 seconds.
    all: Vec<u32>,
}

const UNIT_NS: u128 = 10;
const ROOM_MAX: u64 = 1 << 20;

impl Latencies {
    /// With room for so many, within reason: a run may be limited by time alone.
    pub(crate) fn with_room(calls: u64) -> Latencies {
        Latencies { all: Vec::with_capacity(usize::try_from(calls.min(ROOM_MAX)).unwrap_or_default()) }
    }

    pub(crate) fn add(&mut self, latency: Duration) {
        self.all.push(u32::try_from(latency.as_nanos() / UNIT_NS).unwrap_or(u32::MAX));
    }

    /// Those of `other` too.
    pub(crate) fn extend(&mut self, other: &Latencies) {
        self.all.extend_from_slice(&other.all);
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn sort(&mut self) {
        self.all.sort_unstable();
    }

    /// The value, in microseconds, that so many percent of the sorted values do not exceed; it is one that occurred.
    pub(crate) fn quantile_us(&self, percent: usize) -> f64 {
        let rank = (self.all.len() * percent).div_ceil(100);
        self.all.get(rank.saturating_sub(1)).map_or(0.0, |&units| f64::from(units) / 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(micros: impl Iterator<Item = u64>) -> Latencies {
        let mut latencies = Latencies::default();
        micros.for_each(|micros| latencies.add(Duration::from_micros(micros)));
        latencies.sort();
        latencies
    }

    #[test]
    fn quantiles_are_values_that_occurred() {
        let hundred = of((1..=100).rev());
        assert_eq!(hundred.quantile_us(50), 50.0);
        assert_eq!(hundred.quantile_us(99), 99.0);
        assert_eq!(hundred.quantile_us(100), 100.0);
        let few = of([7, 3].into_iter());
        assert_eq!((few.quantile_us(50), few.quantile_us(99)), (3.0, 7.0));
        assert_eq!(of(std::iter::empty()).quantile_us(99), 0.0);
    }

    #[test]
    fn fractions_are_kept_and_the_endless_is_cut() {
        let mut latencies = Latencies::default();
        latencies.add(Duration::from_nanos(1_230));
        assert_eq!(latencies.quantile_us(50), 1.23);
        latencies.add(Duration::from_secs(1 << 20));
        latencies.sort();
        assert!(latencies.quantile_us(100) > 42e6);
    }
}
