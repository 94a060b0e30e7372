//! Times of a few tries, and what is said of them.

use std::time::Duration;

use serde_json::{Map, Value as Json, json};

/// Of a series of tries, one each.
#[derive(Debug, Default)]
pub(crate) struct Spans {
    all: Vec<Duration>,
}

impl Spans {
    pub(crate) fn add(&mut self, span: Duration) {
        self.all.push(span);
    }

    /// The value that so many percent do not exceed; it is one that occurred. With 50 tries, 99 percent are all of them.
    fn quantile_ms(&self, percent: usize) -> f64 {
        let mut sorted = self.all.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100);
        sorted.get(rank.saturating_sub(1)).map_or(0.0, |span| span.as_secs_f64() * 1e3)
    }

    /// `NAME_min_ms`, `_median_ms`, `_p99_ms` and `_max_ms`.
    pub(crate) fn report(&self, name: &str, report: &mut Map<String, Json>) {
        for (what, percent) in [("min", 0), ("median", 50), ("p99", 99), ("max", 100)] {
            report.insert(format!("{name}_{what}_ms"), json!(self.quantile_ms(percent)));
        }
    }
}

/// The longest time without an event: `events` in any order, looked at from `from` to `to`, both of which count as one.
pub(crate) fn longest_silence(mut events: Vec<Duration>, from: Duration, to: Duration) -> Duration {
    events.retain(|event| (from..=to).contains(event));
    events.extend([from, to]);
    events.sort_unstable();
    let silences = events.windows(2).filter_map(|pair| pair.last()?.checked_sub(*pair.first()?));
    silences.max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn reported(spans: &[u64]) -> Vec<f64> {
        let mut all = Spans::default();
        spans.iter().for_each(|&span| all.add(ms(span)));
        let mut report = Map::new();
        all.report("x", &mut report);
        let names = ["x_min_ms", "x_median_ms", "x_p99_ms", "x_max_ms"];
        names.iter().map(|&name| report[name].as_f64().unwrap()).collect()
    }

    #[test]
    fn quantiles_are_values_that_occurred() {
        assert_eq!(reported(&[3, 1, 2]), [1.0, 2.0, 3.0, 3.0]);
        let two_hundred: Vec<u64> = (1..=200).rev().collect();
        assert_eq!(reported(&two_hundred), [1.0, 100.0, 198.0, 200.0]);
        assert_eq!(reported(&[]), [0.0; 4]);
    }

    #[test]
    fn a_silence_may_last_from_the_beginning_or_to_the_end() {
        let silence = |events: &[u64]| {
            longest_silence(events.iter().map(|&event| ms(event)).collect(), ms(100), ms(200))
        };
        assert_eq!(silence(&[190, 110, 150, 20, 500]), ms(40));
        assert_eq!(silence(&[160, 190]), ms(60), "before the first");
        assert_eq!(silence(&[105, 130]), ms(70), "after the last");
        assert_eq!(silence(&[]), ms(100));
    }
}
