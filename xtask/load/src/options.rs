//! `--name value` pairs, and switches, which have no value.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use anyhow::{Context, bail};

/// The names without a value.
const SWITCHES: [&str; 1] = ["--fresh-keys"];

#[derive(Debug, Default)]
pub(crate) struct Options {
    values: BTreeMap<String, String>,
}

impl Options {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> anyhow::Result<Options> {
        let mut options = Options::default();
        while let Some(name) = words.next() {
            let value = match SWITCHES.contains(&name.as_str()) {
                true => "true".to_owned(),
                false => words.next().with_context(|| format!("{name} wants a value"))?,
            };
            options.values.insert(name, value);
        }
        Ok(options)
    }

    /// The value of a name that may be left out.
    pub(crate) fn take<T: FromStr<Err: Display>>(&mut self, name: &str, otherwise: T) -> anyhow::Result<T> {
        let Some(text) = self.values.remove(name) else { return Ok(otherwise) };
        text.parse().map_err(|error| anyhow::anyhow!("{name} {text}: {error}"))
    }

    /// The value of a name that must be there.
    pub(crate) fn require<T: FromStr<Err: Display>>(&mut self, name: &str) -> anyhow::Result<T> {
        let text = self.values.remove(name).with_context(|| format!("{name} is missing"))?;
        text.parse().map_err(|error| anyhow::anyhow!("{name} {text}: {error}"))
    }

    /// Refuses what nobody took.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        match self.values.keys().next() {
            Some(name) => bail!("does not know {name}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(line: &str) -> anyhow::Result<Options> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn pairs_and_switches_are_read() {
        let mut options = options("--ops 5 --fresh-keys --seed 1").unwrap();
        assert_eq!(options.require::<u32>("--ops").unwrap(), 5);
        assert!(options.take("--fresh-keys", false).unwrap());
        assert_eq!(options.take("--clients", 7_u32).unwrap(), 7);
        assert!(options.finish().unwrap_err().to_string().contains("--seed"));
    }

    #[test]
    fn what_is_missing_is_named() {
        assert!(options("--ops").unwrap_err().to_string().contains("--ops"));
        assert!(options("").unwrap().require::<u32>("--ops").unwrap_err().to_string().contains("--ops"));
    }
}
