//! From a history that shows a difference to a small one that shows the same.
//!
//! Parts are left out as long as the difference stays: halves of the history, then smaller parts, then single operations,
//! then fields of what is left. Nothing here knows what a server is: a trial says where a history fails, if it does.

use super::Op;
use super::pair::Found;
use super::tree::{Tree, Value};

/// The smallest history that was found, and what it shows.
#[derive(Debug)]
pub(crate) struct Shrunk {
    pub(crate) history: Vec<Op>,
    pub(crate) found: Found,
}

struct Shrinker<T> {
    best: Shrunk,
    /// What the difference is: another one does not count.
    class: String,
    trials: u32,
    trial: T,
}

/// Cost: at most `trials` calls of `trial`.
pub(crate) fn shrink<T>(history: &[Op], found: Found, trials: u32, trial: T) -> anyhow::Result<Shrunk>
where
    T: FnMut(&[Op]) -> anyhow::Result<Option<Found>>,
{
    let class = class(&found);
    let history = history[..=found.at].to_vec();
    let mut shrinker = Shrinker { best: Shrunk { history, found }, class, trials, trial };
    loop {
        let before = shrinker.best.history.clone();
        shrinker.leave_out()?;
        shrinker.simplify()?;
        if shrinker.best.history == before || shrinker.trials == 0 {
            return Ok(shrinker.best);
        }
    }
}

fn class(found: &Found) -> String {
    found.differences.first().map(super::compare::Difference::class).unwrap_or_default()
}

impl<T: FnMut(&[Op]) -> anyhow::Result<Option<Found>>> Shrinker<T> {
    /// Whether this one shows the same; it is the best then.
    fn try_out(&mut self, history: Vec<Op>) -> anyhow::Result<bool> {
        if self.trials == 0 {
            return Ok(false);
        }
        self.trials -= 1;
        let Some(found) = (self.trial)(&history)?.filter(|found| class(found) == self.class) else {
            return Ok(false);
        };
        let shown = history.into_iter().take(found.at + 1).collect();
        self.best = Shrunk { history: shown, found };
        Ok(true)
    }

    fn leave_out(&mut self) -> anyhow::Result<()> {
        let mut part = self.best.history.len().div_ceil(2);
        while part > 0 {
            let mut from = 0;
            while from < self.best.history.len() {
                let history = &self.best.history;
                let to = history.len().min(from + part);
                let rest = [&history[..from], &history[to..]].concat();
                if rest.is_empty() || !self.try_out(rest)? {
                    from = to;
                }
            }
            part /= 2;
        }
        Ok(())
    }

    fn simplify(&mut self) -> anyhow::Result<()> {
        let mut at = 0;
        while let Some(op) = self.best.history.get(at) {
            let mut simpler = simpler(&op.request).into_iter();
            let is_simpler = loop {
                let Some(request) = simpler.next() else { break false };
                let mut history = self.best.history.clone();
                history[at].request = request;
                if self.try_out(history)? {
                    break true;
                }
            };
            at += usize::from(!is_simpler);
        }
        Ok(())
    }
}

/// The same with one thing less, the largest things first.
fn simpler(tree: &Tree) -> Vec<Tree> {
    let mut all: Vec<Tree> = Vec::new();
    for at in 0..tree.fields.len() {
        let mut without = tree.clone();
        without.fields.remove(at);
        all.push(without);
    }
    for (at, (_, value)) in tree.fields.iter().enumerate() {
        let values: Vec<Value> = match value {
            Value::Tree(within) => simpler(within).into_iter().map(Value::Tree).collect(),
            Value::Bytes(bytes) if bytes.len() > 1 => vec![Value::Bytes(bytes[..1].to_vec())],
            _ => Vec::new(),
        };
        for value in values {
            let mut changed = tree.clone();
            changed.fields[at].1 = value;
            all.push(changed);
        }
    }
    all
}

#[cfg(test)]
mod tests;
