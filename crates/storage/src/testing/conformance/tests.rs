//! The suite accepts the model, and catches engines that break one law each.

use super::*;
use crate::testing::{Disk, Model, ModelEngine};
use crate::{Batch, Cached, Op, Order, Range, Replacement, Successor, Unusable, View};
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

/// What a broken engine does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    None,
    SplitsBatches,
    ShowsTheNewest,
    LosesWhatWasPersisted,
    KeepsAnOperation,
    OrdersSigned,
    IgnoresExclusion,
    CountsEverything,
    ForgetsTheSize,
    LiesFromTheCache,
    DropsLaterOperations,
    IgnoresTheVisitor,
    ReversesWrongly,
    SwapsTooEarly,
    KeepsAnOldRecord,
    ForgetsTheSwap,
    TakesAnyOrder,
    LosesThePlace,
}

struct Flawed {
    flaw: Flaw,
    inner: Arc<ModelEngine>,
    spaces: SpaceSet,
    _lock: Arc<()>,
}

struct FlawedView {
    flaw: Flaw,
    engine: Arc<ModelEngine>,
    inner: Arc<dyn View>,
    spaces: SpaceSet,
}

impl Engine for Flawed {
    fn name(&self) -> &'static str {
        "flawed"
    }

    fn view(&self) -> Arc<dyn View> {
        let (engine, inner) = (self.inner.clone(), self.inner.view());
        Arc::new(FlawedView { flaw: self.flaw, engine, inner, spaces: self.spaces })
    }

    fn write(&self, batch: Batch) -> Result<(), Error> {
        let mut ops = batch.into_ops();
        if self.flaw == Flaw::DropsLaterOperations {
            let mut seen = std::collections::HashSet::new();
            ops.retain(|op| match op {
                Op::Insert { space, key, .. } | Op::Put { space, key, .. } | Op::Delete { space, key } => {
                    seen.insert((*space, key.clone()))
                }
            });
        }
        let parts: Vec<&[Op]> = match self.flaw {
            Flaw::SplitsBatches => ops.chunks(1).collect(),
            _ => vec![&ops],
        };
        parts.into_iter().try_for_each(|part| self.inner.write(batch_of(part)))
    }

    fn persist(&self) -> Result<Arc<dyn View>, Error> {
        if self.flaw != Flaw::LosesWhatWasPersisted {
            drop(self.inner.persist()?);
        }
        Ok(self.view())
    }

    fn begin_replacement(&self) -> Result<Box<dyn Replacement>, Error> {
        let inner = self.inner.begin_replacement()?;
        let (flaw, engine, spaces) = (self.flaw, self.inner.clone(), self.spaces);
        Ok(Box::new(FlawedReplacement { flaw, engine, inner, spaces }))
    }
}

struct FlawedReplacement {
    flaw: Flaw,
    engine: Arc<ModelEngine>,
    inner: Box<dyn Replacement>,
    spaces: SpaceSet,
}

impl Replacement for FlawedReplacement {
    fn add(&mut self, space: Space, key: &[u8], value: &[u8]) -> Result<(), Error> {
        match self.inner.add(space, key, value) {
            Err(Error::Unordered { .. }) if self.flaw == Flaw::TakesAnyOrder => Ok(()),
            outcome => outcome,
        }
    }

    fn last(&self) -> Option<(Space, &[u8])> {
        self.inner.last().filter(|_| self.flaw != Flaw::LosesThePlace)
    }

    fn finish(self: Box<Self>) -> Result<Successor, Error> {
        let Self { flaw, engine, inner, spaces } = *self;
        let successor = inner.finish()?;
        let view = successor.view().clone();
        let old = Model::of(&*engine.view(), spaces)?;
        let new = Model::of(&*view, spaces)?;
        match flaw {
            Flaw::SwapsTooEarly => {
                successor.swap()?;
                Ok(Successor::new(view, || Ok(())))
            }
            Flaw::ForgetsTheSwap => Ok(Successor::new(view, move || engine.write(old.difference(&new)))),
            Flaw::KeepsAnOldRecord => Ok(Successor::new(view, move || {
                successor.swap()?;
                let strays = new.difference(&old).into_ops();
                let stray = strays.iter().find(|op| !matches!(op, Op::Delete { .. }));
                engine.write(batch_of(stray.map_or(&[], std::slice::from_ref)))
            })),
            _ => Ok(successor),
        }
    }
}

fn batch_of(ops: &[Op]) -> Batch {
    let mut batch = Batch::default();
    for op in ops.iter().cloned() {
        match op {
            Op::Insert { space, key, value } => batch.insert(space, key, value),
            Op::Put { space, key, value } => batch.put(space, key, value),
            Op::Delete { space, key } => batch.delete(space, key),
        }
    }
    batch
}

impl FlawedView {
    fn inner(&self) -> Arc<dyn View> {
        if self.flaw == Flaw::ShowsTheNewest { self.engine.view() } else { self.inner.clone() }
    }
}

impl View for FlawedView {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, Error> {
        self.inner().get(space, key)
    }

    fn get_cached(&self, space: Space, key: &[u8]) -> Result<Cached, Error> {
        match self.flaw {
            Flaw::LiesFromTheCache => Ok(Cached::Known(None)),
            _ => self.inner().get_cached(space, key),
        }
    }

    fn scan(
        &self,
        space: Space,
        range: Range<'_>,
        order: Order,
        visit: &mut dyn FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        use std::ops::Bound::{Excluded, Included};
        let mut range = range;
        if let (Flaw::IgnoresExclusion, Excluded(key)) = (self.flaw, range.end) {
            range.end = Included(key);
        }
        let mut records = Vec::new();
        self.inner().scan(space, range, Order::Ascending, &mut |key, value| {
            records.push((key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        })?;
        if self.flaw == Flaw::OrdersSigned {
            records.sort_by_key(|(key, _)| key.iter().map(|byte| *byte as i8).collect::<Vec<_>>());
        }
        if order == Order::Descending && self.flaw != Flaw::ReversesWrongly {
            records.reverse();
        }
        for (key, value) in records {
            if visit(&key, &value).is_break() && self.flaw != Flaw::IgnoresTheVisitor {
                break;
            }
        }
        Ok(())
    }

    fn size(&self) -> u64 {
        match self.flaw {
            Flaw::CountsEverything => {
                let model = Model::of(&*self.inner(), self.spaces).unwrap();
                let all = self.spaces.as_slice().iter().flat_map(|space| model.records(*space));
                all.map(|(key, value)| (key.len() + value.len()) as u64 + crate::RECORD_OVERHEAD).sum()
            }
            Flaw::ForgetsTheSize => 0,
            _ => self.inner().size(),
        }
    }
}

/// Every directory of one run of the suite: its disk, the spaces it has, and who has it open.
#[derive(Default)]
struct Directories(Mutex<HashMap<PathBuf, Directory>>);

#[derive(Default)]
struct Directory {
    disk: Disk,
    spaces: Vec<&'static str>,
    lock: Arc<()>,
}

impl Directories {
    fn open(&self, flaw: Flaw, dir: &Path, spaces: SpaceSet) -> Result<Arc<dyn Engine>, Error> {
        let mut directories = self.0.lock();
        let directory = directories.entry(dir.to_owned()).or_default();
        let refuse = |why| Err(Error::Unusable { path: dir.to_owned(), why });
        if Arc::strong_count(&directory.lock) > 1 {
            return refuse(Unusable::Locked);
        }
        let names: Vec<_> = spaces.as_slice().iter().map(|space| space.name()).collect();
        if let Some(unknown) = directory.spaces.iter().find(|name| !names.contains(name)) {
            return refuse(Unusable::UnknownSpace { name: (*unknown).to_owned() });
        }
        directory.spaces = names;
        let inner = Arc::new(ModelEngine::open(&directory.disk, spaces));
        if flaw == Flaw::KeepsAnOperation {
            // As if the first operation of a batch reached the disk without the rest of it.
            let mut batch = Batch::default();
            batch.put(spaces.as_slice()[0], "stray", "");
            inner.write(batch)?;
        }
        Ok(Arc::new(Flawed { flaw, inner, spaces, _lock: directory.lock.clone() }))
    }
}

fn suite_accepts(flaw: Flaw) -> bool {
    let directories = Directories::default();
    let run = || conformance(|dir, spaces| directories.open(flaw, dir, spaces));
    catch_unwind(AssertUnwindSafe(run)).is_ok()
}

#[test]
fn the_model_passes() {
    assert!(suite_accepts(Flaw::None));
}

#[test]
fn every_flaw_is_caught() {
    use Flaw::*;
    let flaws = [
        SplitsBatches,
        ShowsTheNewest,
        LosesWhatWasPersisted,
        KeepsAnOperation,
        OrdersSigned,
        IgnoresExclusion,
        CountsEverything,
        ForgetsTheSize,
        LiesFromTheCache,
        DropsLaterOperations,
        IgnoresTheVisitor,
        ReversesWrongly,
        SwapsTooEarly,
        KeepsAnOldRecord,
        ForgetsTheSwap,
        TakesAnyOrder,
        LosesThePlace,
    ];
    for flaw in flaws {
        assert!(!suite_accepts(flaw), "{flaw:?} went unnoticed");
    }
}
