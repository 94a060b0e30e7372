//! What etcdctl showed of the store and of its changes, and whether both are what they must be.

use std::collections::BTreeMap;

use anyhow::{Context, bail, ensure};

use super::Attempt;

/// Lines about one thing; more of the same say nothing new.
const SHOWN_MAX: usize = 10;

/// Everything that one member has.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) revision: u64,
    pub(super) records: BTreeMap<String, Record>,
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Record {
    value: String,
    mod_revision: u64,
    version: u64,
}

/// Keys with their values, in the order in which a watch was told of their puts.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Watched(Vec<(String, String)>);

impl Found {
    /// What `get -w fields` prints: one `"Name" : value` a line.
    pub(super) fn read(text: &str) -> anyhow::Result<Found> {
        let mut found = Found::default();
        let mut key = None;
        for line in text.lines() {
            let Some((name, value)) = line.split_once(" : ") else { continue };
            let value = value.trim_matches('"').to_owned();
            match (name, &key) {
                ("\"Revision\"", _) => found.revision = value.parse()?,
                ("\"Key\"", _) => {
                    let before = found.records.insert(value.clone(), Record::default());
                    ensure!(before.is_none(), "{value} was listed twice");
                    key = Some(value);
                }
                ("\"ModRevision\"", Some(key)) => found.record(key)?.mod_revision = value.parse()?,
                ("\"Version\"", Some(key)) => found.record(key)?.version = value.parse()?,
                ("\"Value\"", Some(key)) => found.record(key)?.value = value,
                _ => (),
            }
        }
        ensure!(found.revision > 0, "no revision in what etcdctl printed");
        Ok(found)
    }

    fn record(&mut self, key: &str) -> anyhow::Result<&mut Record> {
        self.records.get_mut(key).context("a field of a key comes after it")
    }

    /// What a watch must have been told.
    fn in_order(&self) -> Watched {
        let mut records: Vec<_> = self.records.iter().collect();
        records.sort_by_key(|(_, record)| record.mod_revision);
        Watched(records.into_iter().map(|(key, record)| (key.clone(), record.value.clone())).collect())
    }
}

/// Every member has every acknowledged write, once, and nothing that nobody wrote; all have the same. Gives how many were
/// acknowledged.
pub(super) fn compare(attempts: &[Attempt], members: &[Found]) -> anyhow::Result<usize> {
    let mut wrongs = Vec::new();
    for (at, found) in members.iter().enumerate() {
        let name = format!("n{}", at + 1);
        if Some(found) != members.first() {
            wrongs.push(format!("{name} has other records than n1"));
        }
        wrongs.extend(against(attempts, found).map(|wrong| format!("{name}: {wrong}")));
    }
    if !wrongs.is_empty() {
        let shown = wrongs[..wrongs.len().min(SHOWN_MAX)].join("\n");
        bail!("{} wrongs\n{shown}", wrongs.len());
    }
    Ok(attempts.iter().filter(|attempt| attempt.acknowledged.is_some()).count())
}

fn against<'a>(attempts: &'a [Attempt], found: &'a Found) -> impl Iterator<Item = String> + 'a {
    let attempted: BTreeMap<&str, &Attempt> =
        attempts.iter().map(|attempt| (attempt.key.as_str(), attempt)).collect();
    let lost = attempts.iter().filter(|attempt| attempt.acknowledged.is_some());
    let lost = lost.filter(move |attempt| !found.records.contains_key(&attempt.key));
    let lost = lost.map(|attempt| format!("{} was acknowledged and is lost", attempt.key));
    let strange = found.records.iter().filter_map(move |(key, record)| match attempted.get(key.as_str()) {
        None => Some(format!("nobody wrote {key}")),
        Some(attempt) if attempt.value != record.value => {
            Some(format!("{key} must be {:?}, is {:?}", attempt.value, record.value))
        }
        Some(_) if record.version != 1 => Some(format!("{key} was written {} times", record.version)),
        Some(_) => None,
    });
    lost.chain(strange)
}

impl Watched {
    /// What `watch` prints: three lines a put, the last of which may not be whole yet, and JSON about its connections.
    pub(super) fn read(text: &str) -> Watched {
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('{')).collect();
        let puts = lines.chunks_exact(3).map(|lines| (lines[1].to_owned(), lines[2].to_owned()));
        Watched(puts.collect())
    }

    /// Exactly the writes, in the order of revisions; gives how many.
    pub(super) fn compare(&self, found: &Found) -> anyhow::Result<usize> {
        let due = found.in_order();
        for (at, pair) in due.0.iter().enumerate() {
            match self.0.get(at) {
                None => bail!("the watch was told {} of {} puts; next is {pair:?}", at, due.0.len()),
                Some(told) => ensure!(told == pair, "event {at} of the watch is {told:?}, not {pair:?}"),
            }
        }
        let extra = self.0.get(due.0.len());
        ensure!(extra.is_none(), "the watch was told more than there is: {extra:?}");
        Ok(due.0.len())
    }
}

#[cfg(test)]
mod tests;
