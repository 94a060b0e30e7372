//! Laws WA1 to WA7 over random histories.

use super::world::{World, at, read};
use crate::index::mixed;
use crate::{Create, History, Message, News, Settings, Stream};
use bytes::Bytes;
use futures::FutureExt;
use quorate_types::{Change, ChangeKind, KeyRange, Revision};
use std::collections::BTreeMap;

const KEYS: u64 = 6;

/// What a test believes of one watch.
#[derive(Debug)]
struct Expected {
    create: Create,
    /// The newest revision when it was asked for, and the compacted one.
    asked_at: Revision,
    compacted_then: Option<Revision>,
    told: Vec<(i64, String)>,
    /// The last revision it was told of.
    reached: i64,
    is_created: bool,
    /// In the middle of a revision told in fragments.
    is_in_fragments: bool,
    end: Option<End>,
}

#[derive(Debug, Clone, PartialEq)]
enum End {
    Cancelled,
    Compacted(Revision),
}

struct Client {
    stream: Stream,
    watches: BTreeMap<i64, Expected>,
    asked_to_cancel: Vec<i64>,
    /// Reads only when it happens to.
    is_slow: bool,
}

struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = mixed(self.0);
        (self.0 >> 16) % bound
    }
}

fn key(number: u64) -> String {
    format!("k{number}")
}

fn some_range(chance: &mut Chance) -> KeyRange {
    let (start, end) = (chance.below(KEYS), chance.below(KEYS + 1));
    match chance.below(4) {
        0 | 1 => KeyRange::Single(key(start).into()),
        2 if start < end => KeyRange::HalfOpen { start: key(start).into(), end: key(end).into() },
        _ => KeyRange::From(key(start).into()),
    }
}

/// One to three changes of different keys. Each record names its place, so that events can be told apart.
fn some_changes(chance: &mut Chance, revision: i64, bulk: usize) -> Vec<Change> {
    let first = chance.below(KEYS);
    (0..=chance.below(3))
        .map(|sub| {
            let key = key((first + sub) % KEYS);
            let (kind, sign) =
                if chance.below(4) == 0 { (ChangeKind::Delete, '@') } else { (ChangeKind::Put, '=') };
            let record = format!("{key}{sign}{revision}.{sub}{}", "x".repeat(bulk));
            Change { key: key.into(), kind, record: record.into() }
        })
        .collect()
}

impl Expected {
    /// Everything that the watch must have been told once nothing is under way.
    fn model(&self, past: &[(i64, Vec<Change>)]) -> Vec<(i64, String)> {
        let start = if self.create.start.0 == 0 { self.asked_at.0 + 1 } else { self.create.start.0 };
        let mut latest: BTreeMap<Bytes, Option<Bytes>> = BTreeMap::new();
        let mut model = Vec::new();
        for (revision, changes) in past {
            for change in changes {
                let is_put = change.kind == ChangeKind::Put;
                let previous =
                    latest.insert(change.key.clone(), is_put.then(|| change.record.clone())).flatten();
                let is_filtered = if is_put { self.create.without_puts } else { self.create.without_deletes };
                if *revision < start || is_filtered || !self.create.range.contains(&change.key) {
                    continue;
                }
                let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
                let mut said = format!("{} {}", if is_put { "put" } else { "del" }, text(&change.record));
                if let Some(previous) = previous.filter(|_| self.create.with_previous) {
                    said += &format!(" was {}", text(&previous));
                }
                model.push((*revision, said));
            }
        }
        model
    }

    fn hear(&mut self, message: &Message) {
        match &message.news {
            News::Created => {
                assert!(!self.is_created, "WA6: created once");
                assert_eq!(message.revision, self.asked_at);
                self.is_created = true;
            }
            News::Events { events, more_follows } => {
                assert!(self.is_created, "WA6: created first");
                assert!(self.end.is_none(), "nothing comes after the end");
                assert!(!events.is_empty());
                assert!(!more_follows || self.create.in_fragments, "WA4: a revision was split");
                for event in events.iter() {
                    let (revision, said) = read(event);
                    assert!(revision <= message.revision.0, "the header is not older than the event");
                    self.told.push((revision, said));
                }
                let (first, last) = (read(&events[0]).0, read(&events[events.len() - 1]).0);
                assert!(
                    first > self.reached || (self.is_in_fragments && first == self.reached),
                    "WA2, WA4: revision {first} after {}",
                    self.reached
                );
                (self.reached, self.is_in_fragments) = (last, *more_follows);
            }
            News::Cancelled => self.end = Some(End::Cancelled),
            News::Compacted(compacted) => {
                assert!(self.is_created, "WA6: created first");
                assert_eq!(message.revision, at(0));
                self.end = Some(End::Compacted(*compacted));
            }
            News::Progress => assert!(self.end.is_none()),
            News::Refused(refusal) => panic!("{refusal:?}"),
        }
    }
}

impl Client {
    fn hear(&mut self, message: &Message, past: &[(i64, Vec<Change>)]) {
        if message.watch_id == Message::NO_WATCH {
            assert_eq!(message.news, News::Progress);
            for watch in self.watches.values().filter(|watch| watch.is_created && watch.end.is_none()) {
                let mut due = watch.model(past);
                due.retain(|(revision, _)| *revision <= message.revision.0);
                assert!(watch.told.len() >= due.len(), "WA5: progress before {:?}", due.last());
            }
            return;
        }
        self.watches.get_mut(&message.watch_id).expect("only its own ids").hear(message);
    }
}

struct Run {
    world: World,
    chance: Chance,
    past: Vec<(i64, Vec<Change>)>,
    clients: Vec<Client>,
    bulk: usize,
    progress: usize,
}

impl Run {
    async fn step(&mut self) {
        match self.chance.below(20) {
            0..6 => self.write(),
            6..9 => self.create(),
            9 => self.cancel(),
            10..14 => self.read(),
            14 if self.clients.len() < 5 => {
                let is_slow = self.chance.below(2) == 0;
                let stream = self.world.open();
                self.clients.push(Client {
                    stream,
                    watches: BTreeMap::new(),
                    asked_to_cancel: Vec::new(),
                    is_slow,
                });
            }
            15 => self.compact(),
            16 => self.pick().stream.ask_progress(),
            17 if self.chance.below(3) == 0 && self.clients.len() > 1 => {
                let place = usize::try_from(self.chance.below(self.clients.len() as u64)).unwrap();
                drop(self.clients.swap_remove(place)); // its watches must leave nothing behind
            }
            18 => self.world.clock.advance(std::time::Duration::from_millis(40)),
            _ => {}
        }
        let turns = usize::try_from(self.chance.below(9)).unwrap();
        self.world.turns(turns).await;
    }

    fn pick(&mut self) -> &mut Client {
        let place = usize::try_from(self.chance.below(self.clients.len() as u64)).unwrap();
        &mut self.clients[place]
    }

    fn write(&mut self) {
        let revisions = 1 + self.chance.below(if self.chance.0 & 0x700 == 0 { 40 } else { 4 });
        let batch: Vec<Vec<Change>> = (0..revisions)
            .map(|_| {
                let revision = self.past.last().map_or(1, |(revision, _)| *revision) + 1;
                let changes = some_changes(&mut self.chance, revision, self.bulk);
                self.past.push((revision, changes.clone()));
                changes
            })
            .collect();
        match self.chance.below(6) {
            0 => self.replace(batch),
            _ => self.world.write(batch),
        }
    }

    /// The state is replaced by one that has come so much further, and may have been compacted on the way.
    fn replace(&mut self, revisions: Vec<Vec<Change>>) {
        let oldest = self.world.history.compacted().unwrap_or(at(0));
        let newest = self.past.last().map_or(oldest, |(revision, _)| at(*revision));
        let back = i64::try_from(self.chance.below(60)).unwrap();
        let compacted = Some(at(newest.0 - back)).filter(|revision| *revision > oldest);
        self.world.replace(revisions, compacted.filter(|_| self.chance.below(3) == 0));
    }

    fn create(&mut self) {
        let asked_at = self.world.history.newest();
        let near = u64::try_from(asked_at.0).unwrap();
        let start = match self.chance.below(4) {
            0 | 1 => 0,
            2 => 1 + self.chance.below(near),
            _ => near + self.chance.below(6),
        };
        let create = Create {
            start: at(i64::try_from(start).unwrap()),
            with_previous: self.chance.below(3) == 0,
            without_puts: self.chance.below(6) == 0,
            without_deletes: self.chance.below(6) == 0,
            in_fragments: self.chance.below(4) == 0,
            with_progress: self.chance.below(3) == 0,
            ..Create::of(some_range(&mut self.chance))
        };
        let compacted_then = self.world.history.compacted();
        let client = self.pick();
        let id = client.watches.len() as i64;
        client.stream.create(create.clone());
        let expected = Expected {
            create,
            asked_at,
            compacted_then,
            told: Vec::new(),
            reached: 0,
            is_created: false,
            is_in_fragments: false,
            end: None,
        };
        client.watches.insert(id, expected);
    }

    fn cancel(&mut self) {
        let id = self.chance.below(8) as i64;
        let client = self.pick();
        client.stream.cancel(id);
        if client.watches.contains_key(&id) {
            client.asked_to_cancel.push(id);
        }
    }

    fn compact(&mut self) {
        let newest = u64::try_from(self.world.history.newest().0).unwrap();
        let oldest = self.world.history.compacted().map_or(0, |revision| u64::try_from(revision.0).unwrap());
        if self.chance.below(3) == 0 && newest > oldest {
            let revision = oldest + 1 + self.chance.below(newest - oldest);
            self.world.history.compact(at(i64::try_from(revision).unwrap()));
        }
    }

    fn read(&mut self) {
        let patience = if self.chance.below(2) == 0 { 1 } else { 50 };
        let place = usize::try_from(self.chance.below(self.clients.len() as u64)).unwrap();
        let client = &mut self.clients[place];
        if client.is_slow && self.chance.below(4) > 0 {
            return;
        }
        for _ in 0..patience {
            let Some(message) = client.stream.next().now_or_never() else { return };
            self.progress += usize::from(message.news == News::Progress);
            client.hear(&message, &self.past);
        }
    }

    /// Reads all there is; then every watch must have been told exactly what the model says.
    async fn finish(&mut self) {
        for place in 0..self.clients.len() {
            let told = self.world.told(&mut self.clients[place].stream).await;
            told.iter().for_each(|message| self.clients[place].hear(message, &self.past));
        }
        for client in &self.clients {
            for (id, watch) in &client.watches {
                self.check(client, *id, watch);
            }
        }
    }

    fn check(&self, client: &Client, id: i64, watch: &Expected) {
        assert!(watch.is_created, "WA6");
        let model = watch.model(&self.past);
        let is_relaxed = watch.create.with_previous && self.world.history.compacted().is_some();
        let same = |told: &(i64, String), due: &(i64, String)| {
            // What was there before may have been compacted away.
            told == due || (is_relaxed && told.0 == due.0 && due.1.starts_with(&(told.1.clone() + " was ")))
        };
        let is_prefix = watch.told.len() <= model.len()
            && watch.told.iter().zip(&model).all(|(told, due)| same(told, due));
        assert!(is_prefix, "WA1-3: watch {id} {watch:#?}\nmust be told {model:#?}");
        match &watch.end {
            None => assert_eq!(
                watch.told.len(),
                model.len(),
                "WA3: watch {id} {watch:#?}\nmust be told {model:#?}"
            ),
            Some(End::Cancelled) => assert!(client.asked_to_cancel.contains(&id)),
            Some(End::Compacted(compacted)) => {
                let missed = model.get(watch.told.len()).map_or(i64::MAX, |(revision, _)| *revision);
                let start = watch.create.start.0;
                let began_too_low =
                    start > 0 && watch.compacted_then.is_some_and(|compacted| start < compacted.0);
                assert!(began_too_low || Some(*compacted) <= self.world.history.compacted());
                assert!(!began_too_low || watch.told.is_empty());
                // What it was not told, it could not be told: nothing between was passed over in silence.
                assert!(watch.told.iter().all(|(revision, _)| *revision < missed));
            }
        }
        let must_end = watch.create.start.0 > 0
            && watch.compacted_then.is_some_and(|compacted| watch.create.start < compacted);
        assert!(!must_end || watch.end.is_some(), "a watch below the compacted revision ends");
    }
}

async fn run(seed: u64) -> (usize, usize, usize) {
    let mut chance = Chance(mixed(seed ^ 0x5eed));
    let bulk = [0, 0, 30, 300][usize::try_from(chance.below(4)).unwrap()];
    let settings = Settings {
        feed_bytes_max: [600, 3000, 1 << 20][usize::try_from(chance.below(3)).unwrap()],
        ring_bytes_max: [0, 1500, 10_000, 1 << 20][usize::try_from(chance.below(4)).unwrap()],
        ring_revisions_max: [3, 20, 1000][usize::try_from(chance.below(3)).unwrap()],
        window_bytes: [100, 400, 2000, 1 << 20][usize::try_from(chance.below(4)).unwrap()],
        chunk_revisions_max: [1, 3, 10, 1000][usize::try_from(chance.below(4)).unwrap()],
        chunk_bytes_max: [500, 1 << 20][usize::try_from(chance.below(2)).unwrap()],
        message_bytes: [50, 200, 1 << 20][usize::try_from(chance.below(3)).unwrap()],
        fragment_bytes: [90, 200, 1 << 20][usize::try_from(chance.below(3)).unwrap()],
        progress_interval: std::time::Duration::from_millis(100),
        seed,
    };
    let world = World::new(seed, settings);
    let stream = world.open();
    let first = Client { stream, watches: BTreeMap::new(), asked_to_cancel: Vec::new(), is_slow: false };
    let mut run = Run { world, chance, past: Vec::new(), clients: vec![first], bulk, progress: 0 };
    for _ in 0..150 {
        run.step().await;
    }
    run.finish().await;
    let watches = || run.clients.iter().flat_map(|client| client.watches.values());
    let told = watches().map(|watch| watch.told.len()).sum();
    let compacted = watches().filter(|watch| matches!(watch.end, Some(End::Compacted(_)))).count();
    (told, compacted, run.progress)
}

/// `QUORATE_WATCH_SEEDS=a..b` runs others, or more.
#[tokio::test(start_paused = true)]
async fn whatever_happens_every_watcher_is_told_its_events_in_order_once_and_all() {
    let asked = std::env::var("QUORATE_WATCH_SEEDS").ok();
    let (first, end) = asked
        .as_deref()
        .and_then(|seeds| seeds.split_once(".."))
        .map_or((0, 400), |(first, end)| (first.parse().unwrap(), end.parse().unwrap()));
    let mut sums = (0, 0, 0);
    for seed in first..end {
        let outcome = std::panic::AssertUnwindSafe(run(seed)).catch_unwind().await;
        let Ok((told, compacted, progress)) = outcome else {
            panic!("seed {seed} failed: QUORATE_WATCH_SEEDS={seed}..{}", seed + 1);
        };
        sums = (sums.0 + told, sums.1 + compacted, sums.2 + progress);
    }
    if asked.is_none() {
        assert!(sums.0 > 10_000 && sums.1 > 50 && sums.2 > 50, "too little happened: {sums:?}");
    }
}
