//! The kinds of faults.

use std::fmt;
use std::str::FromStr;

use anyhow::Context;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// SIGKILL, and a start a little later.
    Kill,
    /// The same for all members at once.
    KillAll,
    /// SIGSTOP, and SIGCONT some seconds later.
    Stop,
    /// SIGTERM, and a start a little later; a leader hands over first.
    Term,
    /// Links between members that carry nothing in either direction, or a cable that is out.
    Cut,
    /// Links that carry nothing in one direction.
    OneWay,
    /// A member whose packets are slow.
    Slow,
    /// A disk without any space.
    DiskFull,
    /// A wall clock that jumps.
    Clock,
    /// A member is removed, and one with an empty directory is added.
    Member,
}

const NAMES: [(Fault, &str); 10] = [
    (Fault::Kill, "kill"),
    (Fault::KillAll, "killall"),
    (Fault::Stop, "stop"),
    (Fault::Term, "term"),
    (Fault::Cut, "cut"),
    (Fault::OneWay, "oneway"),
    (Fault::Slow, "slow"),
    (Fault::DiskFull, "diskfull"),
    (Fault::Clock, "clock"),
    (Fault::Member, "member"),
];

/// A comma-separated list of kinds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Faults(pub(crate) Vec<Fault>);

impl Faults {
    pub(crate) fn all() -> Faults {
        Faults(NAMES.iter().map(|(fault, _)| *fault).collect())
    }
}

impl FromStr for Faults {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Faults> {
        let fault = |word: &str| {
            let row = NAMES.iter().find(|(_, name)| *name == word);
            let names: Vec<&str> = NAMES.iter().map(|(_, name)| *name).collect();
            Ok(row.with_context(|| format!("there is no {word:?}, only {}", names.join(", ")))?.0)
        };
        Ok(Faults(text.split(',').map(fault).collect::<anyhow::Result<_>>()?))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = NAMES.iter().find(|(fault, _)| fault == self);
        formatter.pad(row.expect("every kind has a row").1)
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.0.iter().map(Fault::to_string).collect();
        formatter.write_str(&names.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_as_it_is_written() {
        let all = Faults::all();
        assert_eq!(all.to_string().parse::<Faults>().unwrap(), all);
        assert_eq!("cut,kill".parse::<Faults>().unwrap(), Faults(vec![Fault::Cut, Fault::Kill]));
        assert!("cut,pull".parse::<Faults>().is_err());
    }
}
