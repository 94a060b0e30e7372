//! What a figure must be. A gate is printed with what became of it, and never fails a run.

use std::collections::BTreeMap;

/// Medians of one variant, by name.
pub(crate) type Numbers = BTreeMap<String, f64>;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Gate {
    /// The figure, as the table calls it.
    pub(crate) name: &'static str,
    pub(crate) bound: Bound,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Bound {
    Floor(f64),
    Ceiling(f64),
    /// At most another figure of the same variant.
    Number(&'static str),
}

impl Gate {
    /// `ok` or `MISSED`, and what it asks for; nothing if a figure is not there.
    pub(crate) fn verdict(&self, numbers: &Numbers) -> Option<String> {
        let value = *numbers.get(self.name)?;
        let (holds, asked) = match self.bound {
            Bound::Floor(bound) => (value >= bound, format!(">= {bound:.2}")),
            Bound::Ceiling(bound) => (value <= bound, format!("<= {bound}")),
            Bound::Number(name) => {
                let bound = *numbers.get(name)?;
                (value <= bound, format!("<= {name} ({bound:.1})"))
            }
        };
        Some(format!("{} {} {asked}", if holds { "ok" } else { "MISSED" }, self.name))
    }
}

/// All verdicts in one line.
pub(crate) fn verdicts(gates: &[Gate], numbers: &Numbers) -> String {
    gates.iter().filter_map(|gate| gate.verdict(numbers)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_is_held_up_to_its_bound_and_says_what_it_asks_for() {
        let numbers = Numbers::from([("a".to_owned(), 0.6), ("b".to_owned(), 100.0), ("c".to_owned(), 99.0)]);
        let verdict = |name, bound| Gate { name, bound }.verdict(&numbers);
        assert_eq!(verdict("a", Bound::Floor(0.6)).unwrap(), "ok a >= 0.60");
        assert_eq!(verdict("a", Bound::Floor(0.61)).unwrap(), "MISSED a >= 0.61");
        assert_eq!(verdict("b", Bound::Ceiling(100.0)).unwrap(), "ok b <= 100");
        assert_eq!(verdict("b", Bound::Ceiling(99.9)).unwrap(), "MISSED b <= 99.9");
        assert_eq!(verdict("c", Bound::Number("b")).unwrap(), "ok c <= b (100.0)");
        assert_eq!(verdict("b", Bound::Number("c")).unwrap(), "MISSED b <= c (99.0)");
        assert_eq!(verdict("none", Bound::Ceiling(1.0)), None, "a measurement that failed has no verdict");
        assert_eq!(verdict("a", Bound::Number("none")), None);
    }
}
