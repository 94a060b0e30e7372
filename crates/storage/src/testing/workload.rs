//! What the operations of an engine cost, in the proportions that the replicated state uses them.

use super::{SPACES, Seed};
use crate::{Batch, Cached, Engine, Error, Order, Range, View};
use std::ops::ControlFlow;
use std::time::Duration;

/// Puts that share a sync of the log at 100 clients, and so reach the engine together.
const BATCH: u32 = 23;
/// Records that a compaction deletes at a time.
const COMPACTED: u32 = 1_000;
const VALUE_BYTES: usize = 256;

/// How long something took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// What was done.
    pub what: &'static str,
    /// How often.
    pub count: u32,
    /// How long all of it took.
    pub elapsed: Duration,
}

impl std::fmt::Display for Figure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let each = self.elapsed.as_nanos() / u128::from(self.count.max(1));
        write!(formatter, "{:>9} {:<34} {each:>12} ns each", self.count, self.what)
    }
}

/// Measures the empty `engine` with `records` records of 256 bytes; `now` is a clock.
///
/// # Errors
/// The engine failed.
pub fn workload(engine: &dyn Engine, records: u32, now: &dyn Fn() -> Duration) -> Result<Vec<Figure>, Error> {
    let mut figures = Vec::new();
    let mut chance = Seed::new(1);
    let value = chance.bytes(VALUE_BYTES);
    let mut measure = |what, count, work: &mut dyn FnMut() -> Result<(), Error>| {
        let start = now();
        work()?;
        figures.push(Figure { what, count, elapsed: now() - start });
        Ok(())
    };
    let [key_space, meta, ..] = *SPACES.as_slice() else { unreachable!("the suite has four spaces") };
    let fill = |batch: &mut Batch, number: u32| batch.insert(key_space, key(number), value.clone());
    measure("insert, 23 to a batch", records, &mut || in_batches(engine, 0..records, BATCH, &fill))?;
    let fill = |batch: &mut Batch, number: u32| batch.put(meta, key(number % 100), value.clone());
    measure("replace one of 100, 1 to a batch", records / 10, &mut || {
        in_batches(engine, 0..records / 10, 1, &fill)
    })?;
    measure("persist", 1, &mut || engine.persist().map(drop))?;
    measure("view", records, &mut || {
        (0..records).for_each(|_| drop(engine.view()));
        Ok(())
    })?;
    let view = engine.view();
    let mut read = |known: &mut u32| -> Result<(), Error> {
        let number = chance.below(records as usize) as u32;
        *known += u32::from(view.get_cached(key_space, &key(number))? != Cached::Unknown);
        view.get(key_space, &key(number)).map(drop)
    };
    let mut known = 0;
    measure("get_cached, then get, random", records / 10, &mut || {
        (0..records / 10).try_for_each(|_| read(&mut known))
    })?;
    measure("scan", records, &mut || scan(&*view, key_space))?;
    drop(view);
    let fill = |batch: &mut Batch, number: u32| batch.delete(key_space, key(number));
    measure("delete, 1000 to a batch", records, &mut || in_batches(engine, 0..records, COMPACTED, &fill))?;
    measure("persist", 1, &mut || engine.persist().map(drop))?;
    figures.push(Figure { what: "of those gets the cache knew", count: known, elapsed: Duration::ZERO });
    Ok(figures)
}

/// Measures a state of `records` records of 1 KiB, bytes that do not compress, which takes the place of what `engine` holds; `now`
/// is a clock.
///
/// # Errors
/// The engine failed.
pub fn replacement(
    engine: &dyn Engine,
    records: u32,
    now: &dyn Fn() -> Duration,
) -> Result<Vec<Figure>, Error> {
    let [key_space, ..] = *SPACES.as_slice() else { unreachable!("the suite has four spaces") };
    let noise = Seed::new(1).bytes(1 << 20);
    let value = |number: u32| &noise[number as usize * 7_919 % (noise.len() - 1_024)..][..1_024];
    let mut figures = Vec::new();
    let mut start = now();
    let mut figure = |what, count| {
        let elapsed = now() - start;
        start += elapsed;
        figures.push(Figure { what, count, elapsed });
    };
    let mut replacement = engine.begin_replacement()?;
    figure("begin a replacement", 1);
    for number in 0..records {
        replacement.add(key_space, &key(number), value(number))?;
    }
    figure("add a record of 1 KiB", records);
    let successor = replacement.finish()?;
    figure("finish", 1);
    successor.swap()?;
    figure("swap", 1);
    drop(engine.persist()?);
    figure("persist, and remove the old state", 1);
    Ok(figures)
}

fn in_batches(
    engine: &dyn Engine,
    numbers: std::ops::Range<u32>,
    length: u32,
    fill: &dyn Fn(&mut Batch, u32),
) -> Result<(), Error> {
    for first in numbers.clone().step_by(length as usize) {
        let mut batch = Batch::with_capacity(length as usize);
        (first..numbers.end.min(first + length)).for_each(|number| fill(&mut batch, number));
        engine.write(batch)?;
    }
    Ok(())
}

fn scan(view: &dyn View, space: crate::Space) -> Result<(), Error> {
    view.scan(space, Range::ALL, Order::Ascending, &mut |_, _| ControlFlow::Continue(()))
}

/// 17 bytes, like a revision's, ascending.
fn key(number: u32) -> Vec<u8> {
    format!("{number:017}").into_bytes()
}
