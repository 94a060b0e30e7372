//! How long nobody's write was acknowledged.

use std::fmt;
use std::time::{Duration, Instant};

use super::Attempt;

/// After each kill, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gaps(Vec<Duration>);

/// The longest time between two acknowledgements that ends after a kill and before the next one.
pub(super) fn after_each(killed: &[Instant], attempts: &[Attempt]) -> Gaps {
    let mut acknowledged: Vec<Instant> = attempts.iter().filter_map(|attempt| attempt.acknowledged).collect();
    acknowledged.sort_unstable();
    let longest = |(at, kill): (usize, &Instant)| {
        let next = killed.get(at + 1);
        let pairs = acknowledged
            .windows(2)
            .filter(|pair| pair[1] > *kill && next.is_none_or(|next| pair[1] <= *next));
        pairs.map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
    };
    Gaps(killed.iter().enumerate().map(longest).collect())
}

impl fmt::Display for Gaps {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let (Some(median), Some(longest)) = (sorted.get(sorted.len() / 2), sorted.last()) else {
            return formatter.write_str("nobody was killed");
        };
        write!(formatter, "median {} ms, max {} ms", median.as_millis(), longest.as_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_belongs_to_the_kill_before_its_end() {
        let begin = Instant::now();
        let at = |ms: u64| begin + Duration::from_millis(ms);
        let attempt =
            |ms: Option<u64>| Attempt { key: String::new(), value: String::new(), acknowledged: ms.map(at) };
        let attempts = [Some(10), Some(900), None, Some(1000), Some(1400), Some(1450)].map(attempt);
        let gaps = after_each(&[at(20), at(1100)], &attempts);
        assert_eq!(gaps, Gaps(vec![Duration::from_millis(890), Duration::from_millis(400)]));
        assert_eq!(gaps.to_string(), "median 890 ms, max 890 ms");
        assert_eq!(after_each(&[], &attempts).to_string(), "nobody was killed");
    }
}
