//! Arguments of a subcommand: `--name value`, `--name=value`, `--switch`, and everything after `--`.

use std::str::FromStr;

use anyhow::{Context, bail};

/// What stands behind the subcommand. Each `take_*` removes what it answers; `finish` refuses the rest.
#[derive(Debug)]
pub(crate) struct Args {
    words: Vec<String>,
    /// What follows a lone `--`, for somebody else.
    passed_on: Vec<String>,
}

impl Args {
    pub(crate) fn new(mut words: Vec<String>) -> Args {
        let mut passed_on = Vec::new();
        if let Some(at) = words.iter().position(|word| word == "--") {
            passed_on = words.split_off(at).split_off(1);
        }
        Args { words, passed_on }
    }

    /// Whether `name` (with its dashes) is there.
    pub(crate) fn take_switch(&mut self, name: &str) -> bool {
        let before = self.words.len();
        self.words.retain(|word| word != name);
        self.words.len() < before
    }

    /// The value of `name`, as `name value` or `name=value`; the last one wins, as with etcd's flags.
    pub(crate) fn take_value<T>(&mut self, name: &str) -> anyhow::Result<Option<T>>
    where
        T: FromStr,
        T::Err: std::fmt::Display,
    {
        Ok(self.take_values(name)?.pop())
    }

    /// The value of each `name`, in their order.
    pub(crate) fn take_values<T>(&mut self, name: &str) -> anyhow::Result<Vec<T>>
    where
        T: FromStr,
        T::Err: std::fmt::Display,
    {
        let mut found = Vec::new();
        while let Some(text) = self.take_text(name)? {
            found.push(text.parse().map_err(|error| anyhow::anyhow!("{name} {text}: {error}"))?);
        }
        Ok(found)
    }

    fn take_text(&mut self, name: &str) -> anyhow::Result<Option<String>> {
        let assigned = format!("{name}=");
        let Some(at) = self.words.iter().position(|word| word == name || word.starts_with(&assigned)) else {
            return Ok(None);
        };
        let word = self.words.remove(at);
        if let Some(value) = word.strip_prefix(&assigned) {
            return Ok(Some(value.to_owned()));
        }
        if at == self.words.len() {
            bail!("{name} wants a value");
        }
        Ok(Some(self.words.remove(at)))
    }

    pub(crate) fn take_passed_on(&mut self) -> Vec<String> {
        std::mem::take(&mut self.passed_on)
    }

    /// Refuses whatever nobody took.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        let unknown = self.words.first().or(self.passed_on.first());
        unknown.map_or(Ok(()), |word| bail!("does not know {word:?}; `cargo xtask` lists what it knows"))
    }
}

/// A comma-separated list, such as `1,100`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Counts(pub(crate) Vec<u32>);

impl FromStr for Counts {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Counts> {
        let numbers: Result<Vec<u32>, _> = text.split(',').map(str::parse).collect();
        let numbers = numbers.context("not a list of numbers like 1,100")?;
        if numbers.contains(&0) {
            bail!("a count of 0");
        }
        Ok(Counts(numbers))
    }
}

#[cfg(test)]
mod tests;
