//! One worker's writes: which comes next, and at which revision each was acknowledged.
//!
//! Keys and values follow from the worker and the number of the write, so that a measured run keeps two numbers a
//! write; the journal's lines are made of them afterwards.

use crate::journal::{Event, Op, Value};

/// Keys per worker; then they are written again.
pub(crate) const KEYS: u64 = 1000;

#[derive(Debug)]
pub(crate) struct Ledger {
    worker: u32,
    value_bytes: usize,
    count: u64,
    /// The number of a write and its revision.
    acknowledged: Vec<(u64, i64)>,
}

impl Ledger {
    pub(crate) fn new(worker: u32, value_bytes: usize) -> Ledger {
        Ledger { worker, value_bytes, count: 0, acknowledged: Vec::new() }
    }

    pub(crate) fn of_all(workers: u32, value_bytes: usize) -> Vec<Ledger> {
        (0..workers).map(|worker| Ledger::new(worker, value_bytes)).collect()
    }

    /// Key and value of the next write.
    pub(crate) fn next(&mut self) -> (String, Vec<u8>) {
        self.count += 1;
        let (key, value) = self.write(self.count);
        (key, value.bytes())
    }

    /// V2: a worker's values are all different.
    fn write(&self, count: u64) -> (String, Value) {
        let key = format!("w{:03}/k{:05}", self.worker, count % KEYS);
        (key, Value { tag: format!("{}-{count}", self.worker), length: self.value_bytes })
    }

    /// Which of the worker's keys the write under way goes to.
    pub(crate) fn key(&self) -> usize {
        usize::try_from(self.count % KEYS).expect("KEYS is small")
    }

    /// The write under way took this revision. One that is never acknowledged, and was answered, did not happen.
    pub(crate) fn acknowledge(&mut self, revision: i64) {
        self.acknowledged.push((self.count, revision));
    }

    pub(crate) fn events(&self) -> impl Iterator<Item = Event> + '_ {
        self.acknowledged.iter().flat_map(|&(count, revision)| {
            let (worker, (key, value)) = (self.worker, self.write(count));
            [
                Event::Sent { worker, op: Op::Put { key, value } },
                Event::Acknowledged { worker, revision, deleted: 0 },
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journal_says_what_was_sent() {
        let mut ledger = Ledger::new(3, 8);
        let (key, value) = ledger.next();
        ledger.acknowledge(2);
        ledger.next();
        let (third, _) = ledger.next();
        ledger.acknowledge(3);
        let events: Vec<Event> = ledger.events().collect();
        assert_eq!(events.len(), 4, "the second was not acknowledged");
        let Event::Sent { worker: 3, op: Op::Put { key: sent, value: kept } } = &events[0] else {
            panic!("{events:?}")
        };
        assert_eq!((sent, kept.bytes()), (&key, value));
        assert!(matches!(&events[2], Event::Sent { op: Op::Put { key, .. }, .. } if *key == third));
        assert_eq!(events[3], Event::Acknowledged { worker: 3, revision: 3, deleted: 0 });
    }

    #[test]
    fn keys_come_again_and_values_do_not() {
        let mut ledger = Ledger::new(0, 8);
        let first = ledger.next();
        let again = (0..KEYS).map(|_| ledger.next()).last().unwrap();
        assert_eq!(first.0, again.0);
        assert_ne!(first.1, again.1);
    }
}
