//! Against a model that keeps every version of every key and looks through all of them for each answer.

mod check;
mod measure;

use super::*;
use bytes::Bytes;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Chance from a seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 1).unwrap() % below
    }
}

/// Every version of every key; nothing is ever forgotten.
#[derive(Clone, Default)]
struct Model(BTreeMap<Vec<u8>, Vec<(RecordKey, Option<Live>)>>);

type Answer = (Vec<u8>, RecordKey, Option<Live>);

impl Model {
    /// The rows of `range`, as `Row` shows them.
    fn range(&self, range: &KeyRange, at: Option<Revision>) -> Vec<Answer> {
        let keys = self.0.iter().filter(|(key, _)| range.contains(key));
        keys.filter_map(|(key, versions)| {
            let newest = versions.last().unwrap().0;
            let seen = versions.iter().rfind(|(place, _)| at.is_none_or(|at| place.main <= at));
            let (place, live) = *seen?;
            live?;
            Some((key.clone(), place, live.filter(|_| place == newest)))
        })
        .collect()
    }

    /// The places that a pass at `floor` takes, of what is in `stored`.
    fn prunable(&self, floor: Revision, stored: &Stored) -> BTreeSet<RecordKey> {
        let mut prunable = BTreeSet::new();
        for versions in self.0.values() {
            let old: Vec<_> = versions.iter().filter(|(place, _)| place.main <= floor).collect();
            let Some(((last, live), before)) = old.split_last() else { continue };
            prunable.extend(before.iter().map(|(place, _)| *place));
            if live.is_none() && last.main != floor {
                prunable.insert(*last);
            }
        }
        prunable.retain(|place| stored.contains_key(place));
        prunable
    }
}

/// What the engine has: the record of every change that was not pruned.
type Stored = BTreeMap<RecordKey, (Vec<u8>, Option<Live>)>;

/// An index, the model, and the clones that were kept of both.
struct Scene {
    index: Index,
    model: Model,
    stored: Stored,
    kept: Vec<(Index, Model, Revision, Revision)>,
    newest: Revision,
    floor: Revision,
    pass: Option<Pass>,
    dice: Dice,
    keys: usize,
}

/// A pass of pruning that is not through.
struct Pass {
    cursor: PruneCursor,
    expected: BTreeSet<RecordKey>,
}

impl Scene {
    fn new(seed: u64, keys: usize) -> Self {
        Self {
            index: Index::default(),
            model: Model::default(),
            stored: Stored::new(),
            kept: Vec::new(),
            newest: Revision::FIRST,
            floor: Revision(0),
            pass: None,
            dice: Dice(seed),
            keys,
        }
    }

    /// Keys with much and with little in common, and keys that are the beginnings of others.
    fn name(&mut self) -> Vec<u8> {
        let chosen = self.dice.roll(self.keys);
        match chosen % 4 {
            0 => format!("/registry/pods/{chosen:05}").into_bytes(),
            1 => format!("/registry/pods/{}", chosen / 7).into_bytes(),
            2 => vec![u8::try_from(chosen % 251).unwrap(); 1 + chosen % 5],
            _ => format!("{}", chosen * 31).into_bytes(),
        }
    }

    /// A transaction of `changes` changes, of which one in `deletes` is a delete.
    fn write(&mut self, changes: usize, deletes: usize) {
        let main = self.newest.next();
        let mut sub = 0;
        for _ in 0..changes {
            let key = self.name();
            let at = RecordKey { main, sub };
            let before = self.index.get(&key);
            let live = if self.dice.roll(deletes) == 0 {
                if before.is_none() {
                    continue; // as the store does
                }
                assert_eq!(self.index.delete(&key, at), before);
                None
            } else {
                let live = Live {
                    at,
                    created: before.map_or(main, |before| before.created),
                    version: before.map_or(0, |before| before.version) + 1,
                    lease: LeaseId(at.sub),
                };
                self.index.put(&key, live);
                Some(live)
            };
            assert_eq!(self.index.get(&key), live);
            self.model.0.entry(key.clone()).or_default().push((at, live));
            self.stored.insert(at, (key, live));
            sub += 1;
        }
        if sub > 0 {
            self.newest = main;
        }
    }

    /// One step of a pass, a new one if none is under way.
    fn prune(&mut self, budget: usize) {
        let mut pass = self.pass.take().unwrap_or_else(|| {
            let above = usize::try_from(self.newest.0 - self.floor.0).unwrap();
            self.floor.0 += i64::try_from(self.dice.roll(above + 1)).unwrap();
            Pass { cursor: PruneCursor::default(), expected: self.model.prunable(self.floor, &self.stored) }
        });
        let mut gone = Vec::new();
        let goes_on = self.index.prune(self.floor, &mut pass.cursor, budget, &mut gone);
        assert!(gone.len() <= budget.max(1));
        for Gone { at, is_tombstone } in gone {
            assert!(pass.expected.remove(&at), "{at:?} is needed at {}", self.floor);
            let (_, live) = self.stored.remove(&at).unwrap();
            assert_eq!(is_tombstone, live.is_none());
        }
        if goes_on {
            self.pass = Some(pass);
            return;
        }
        assert_eq!(pass.expected, BTreeSet::new(), "I6: left behind");
        let keys: BTreeSet<_> = self.stored.values().map(|(key, _)| key).collect();
        assert_eq!(self.index.remembered(), keys.len(), "I6: a key without versions");
    }

    fn finish_pass(&mut self, budget: usize) {
        self.prune(budget);
        while self.pass.is_some() {
            self.prune(budget);
        }
    }

    fn keep(&mut self) {
        self.kept.push((self.index.clone(), self.model.clone(), self.floor, self.newest));
    }

    /// Compares everything at all revisions that may be read, or at `samples` of them.
    fn check(&mut self, samples: usize) {
        self.index.check(self.floor);
        let ranges = self.ranges();
        let moments = self.moments(self.floor, self.newest, samples);
        agree(&self.index, &self.model, &ranges, &moments);
        let loaded = load(&self.stored);
        loaded.check(self.floor);
        agree(&loaded, &self.model, &ranges, &moments);
        for (index, model, floor, newest) in std::mem::take(&mut self.kept) {
            let moments = self.moments(floor, newest, samples);
            agree(&index, &model, &ranges, &moments);
            index.check(floor);
        }
    }

    fn moments(&mut self, floor: Revision, newest: Revision, samples: usize) -> Vec<Option<Revision>> {
        let span = usize::try_from(newest.0 - floor.0).unwrap();
        let mut moments = vec![None, Some(floor), Some(newest)];
        if span <= samples {
            moments.extend((floor.0..newest.0).map(|main| Some(Revision(main))));
        } else {
            let some = (0..samples).map(|_| floor.0 + i64::try_from(self.dice.roll(span)).unwrap());
            moments.extend(some.map(|main| Some(Revision(main))));
        }
        moments
    }

    /// Ranges of all four kinds, empty ones too.
    fn ranges(&mut self) -> Vec<KeyRange> {
        let mut ranges = vec![
            KeyRange::From(Bytes::new()),
            KeyRange::From(Bytes::from_static(b"\0")),
            KeyRange::HalfOpen {
                start: Bytes::from_static(b"/registry/"),
                end: Bytes::from_static(b"/registry0"),
            },
        ];
        for _ in 0..4 {
            let (one, other) = (Bytes::from(self.name()), Bytes::from(self.name()));
            ranges.push(KeyRange::Single(one.clone()));
            ranges.push(KeyRange::From(one.clone()));
            ranges.push(KeyRange::HalfOpen { start: other.clone(), end: one.clone() });
            ranges.push(KeyRange::HalfOpen { start: one, end: other });
        }
        ranges
    }
}

/// The index that a restart makes of what is stored.
fn load(stored: &Stored) -> Index {
    let mut index = Index::default();
    for (at, (key, live)) in stored {
        match live {
            Some(live) => index.put(key, *live),
            None => _ = index.delete(key, *at),
        }
    }
    index
}

fn agree(index: &Index, model: &Model, ranges: &[KeyRange], moments: &[Option<Revision>]) {
    assert_eq!(index.len(), model.range(&KeyRange::From(Bytes::new()), None).len());
    for (range, at) in ranges.iter().flat_map(|range| moments.iter().map(move |at| (range, *at))) {
        let expected = model.range(range, at);
        let found: Vec<_> = index.range(range, at).map(|row| (row.key.to_vec(), row.at, row.live)).collect();
        assert_eq!(found, expected, "{range:?} at {at:?}");
        assert_eq!(index.count(range, at), expected.len(), "count of {range:?} at {at:?}");
        if let KeyRange::Single(key) = range {
            let found = match at {
                Some(at) => index.get_at(key, at).map(|row| (row.at, row.live)),
                None => index.get(key).map(|live| (live.at, Some(live))),
            };
            assert_eq!(found, expected.first().map(|(_, place, live)| (*place, *live)), "{key:?} at {at:?}");
        }
    }
}

/// One step of a random history.
#[derive(Debug, Clone)]
enum Act {
    Write { changes: usize, deletes: usize },
    Prune { budget: usize },
    Keep,
    Check,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => (1_usize..20, 1_usize..5).prop_map(|(changes, deletes)| Act::Write { changes, deletes }),
        3 => (0_usize..30).prop_map(|budget| Act::Prune { budget }),
        1 => Just(Act::Keep),
        1 => Just(Act::Check),
    ]
}

proptest! {
    /// Writes, prunings, clones kept and restarts in any order: every read that is allowed gives what the model gives.
    #[test]
    fn the_index_answers_as_the_model(
        seed in any::<u64>(),
        keys in prop_oneof![1_usize..12, 12_usize..600],
        acts in prop::collection::vec(act(), 1..60),
    ) {
        let mut scene = Scene::new(seed, keys);
        for act in acts {
            match act {
                Act::Write { changes, deletes } => scene.write(changes, deletes),
                Act::Prune { budget } => scene.prune(budget),
                Act::Keep => scene.keep(),
                Act::Check => scene.check(3),
            }
        }
        scene.check(30);
        scene.finish_pass(7);
        scene.check(10);
    }
}

/// Trees of four floors: they grow, die back, and grow again.
#[test]
fn a_large_index_answers_as_the_model() {
    for seed in 0..2 {
        println!("seed {seed}");
        let mut scene = Scene::new(seed, 20_000);
        for deletes in [100, 2, 1, 8] {
            for round in 0..2000 {
                scene.write(8, deletes);
                if round % 1000 == 500 {
                    scene.keep();
                }
                if deletes != 100 && round % 16 == 0 {
                    scene.prune(50);
                }
            }
            scene.check(1);
        }
        scene.finish_pass(1000);
        scene.check(1);
    }
}

#[test]
fn dead_keys_weigh_nothing() {
    let mut scene = Scene::new(1, 4000);
    (0..3000).for_each(|_| scene.write(2, 50));
    (0..20_000).for_each(|_| scene.write(2, 1));
    assert_eq!(scene.index.len(), 0);
    // The last death is of the floor itself and stays, until a later floor.
    let (mut cursor, mut gone) = (PruneCursor::default(), Vec::new());
    while scene.index.prune(scene.newest, &mut cursor, 100, &mut gone) {}
    assert!(scene.index.remembered() <= 2);
    assert!(!scene.index.prune(scene.newest.next(), &mut cursor, 100, &mut gone));
    assert_eq!(scene.index.remembered(), 0);
    assert_eq!(gone.len(), scene.stored.len());
    assert_eq!(scene.index.weight(), Index::default().weight());
}

#[test]
fn a_pass_with_nothing_to_prune_is_over_at_once() {
    let mut index = Index::default();
    for main in 2..5000 {
        index.put(&main.to_string().into_bytes(), born(main));
    }
    let (mut cursor, mut gone) = (PruneCursor::default(), Vec::new());
    while index.prune(Revision(5000), &mut cursor, 10, &mut gone) {}
    let published = index.clone();
    assert!(!index.prune(Revision(5001), &mut cursor, 10, &mut gone));
    assert!(Arc::ptr_eq(&published.root.node, &index.root.node));
    assert_eq!(gone, []);
}

#[test]
fn a_hot_key_keeps_its_history_in_few_pieces() {
    let mut scene = Scene::new(3, 1);
    (0..20_000).for_each(|_| scene.write(1, 10));
    scene.keep();
    scene.check(200);
    scene.prune(5);
    scene.check(200);
    scene.finish_pass(1000);
    scene.check(200);
    let weight = scene.index.weight().pasts;
    assert!(weight < scene.stored.len() * 24 + 200, "{weight} bytes for {} records", scene.stored.len());
}

#[test]
fn a_write_copies_one_leaf_of_what_is_shared_and_none_of_what_is_not() {
    let mut index = Index::default();
    let mut dice = Dice(5);
    for main in 2..10_000 {
        index.put(&dice.roll(1 << 40).to_be_bytes(), born(main));
    }
    let published = index.clone();
    let before = published.leaves();
    index.put(b"new", born(10_000));
    let after = index.leaves();
    assert!(before.len() > 200);
    assert!(after.difference(&before).count() <= 2, "one copy, or two halves of it");
    index.put(b"new", Live { version: 2, ..born(10_001) });
    assert_eq!(index.leaves(), after, "changed in place");
    assert_eq!(published.leaves(), before);
}

#[test]
fn keys_in_order_fill_their_leaves() {
    let mut index = Index::default();
    for main in 2..10_000 {
        index.put(format!("key-{main:08}").as_bytes(), born(main));
    }
    index.check(Revision(0));
    assert!(index.weight().leaves < 10_000 / 26, "{:?}", index.weight());
}

#[test]
fn long_keys_part_a_leaf_early() {
    let mut index = Index::default();
    for main in 2..40 {
        let mut key = vec![b'k'; 3000];
        key.extend(main.to_string().bytes().rev());
        key[usize::try_from(main).unwrap()] = b'x';
        index.put(&key, born(main));
    }
    index.check(Revision(0));
    assert_eq!(index.len(), 38);
    assert!(index.weight().leaves >= 6, "{:?}", index.weight());
}

#[test]
fn revisions_may_lie_far_apart() {
    let mut index = Index::default();
    let mains: Vec<i64> = (1..200).map(|step| step << 31).collect();
    for main in &mains {
        index.put(&main.to_be_bytes(), born(*main));
    }
    index.check(Revision(0));
    let all = KeyRange::From(Bytes::new());
    for (earlier, main) in mains.iter().enumerate() {
        assert_eq!(index.count(&all, Some(Revision(main - 1))), earlier);
        assert_eq!(index.count(&all, Some(Revision(*main))), earlier + 1);
    }
}

/// A pass may meet a floor that rose since its last step; then the next pass takes the rest.
#[test]
fn a_floor_that_rises_within_a_pass_loses_nothing() {
    let mut scene = Scene::new(11, 300);
    (0..400).for_each(|_| scene.write(3, 3));
    let (mut cursor, mut gone) = (PruneCursor::default(), Vec::new());
    assert!(scene.index.prune(Revision(50), &mut cursor, 20, &mut gone));
    while scene.index.prune(Revision(300), &mut cursor, 20, &mut gone) {}
    while scene.index.prune(Revision(300), &mut cursor, 20, &mut gone) {}
    let expected = scene.model.prunable(Revision(300), &scene.stored);
    let gone: BTreeSet<_> = gone.into_iter().map(|gone| gone.at).collect();
    assert_eq!(gone, expected);
    scene.floor = Revision(300);
    scene.stored.retain(|at, _| !gone.contains(at));
    scene.check(20);
}

#[test]
#[should_panic(expected = "I1")]
fn a_change_before_the_last_one_is_a_mistake() {
    let mut index = Index::default();
    index.put(b"a", born(5));
    index.put(b"a", born(5));
}

fn born(main: i64) -> Live {
    let main = Revision(main);
    Live { at: RecordKey { main, sub: 0 }, created: main, version: 1, lease: LeaseId::NONE }
}
