//! An engine that fails when a test says so.

mod replacement;

use super::Model;
use crate::{Batch, Engine, Error, Replacement, SpaceSet, View};
use parking_lot::Mutex;
use replacement::FaultyReplacement;
use std::path::PathBuf;
use std::sync::Arc;

/// What can be told to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// [`Engine::write`].
    Write,
    /// [`Engine::persist`].
    Persist,
    /// [`Replacement::add`].
    Add,
    /// [`Replacement::finish`].
    Finish,
    /// [`Successor::swap`](crate::Successor::swap).
    Swap,
}

/// What a failing call did before it failed: its caller cannot know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// All of it.
    Full,
}

/// Wraps an engine, fails the calls that a test names, and loses on demand what was not persisted.
///
/// After a failed `write`, `persist` or `swap` every further call fails, as the trait says: only
/// [`FaultyEngine::crash`] makes it usable again. After a failed `add` or `finish` that replacement is of no use any more. Laws
/// S3, S6 and S7 are kept, whatever it is told.
pub struct FaultyEngine {
    shared: Arc<Shared>,
}

struct Shared {
    inner: Arc<dyn Engine>,
    spaces: SpaceSet,
    state: Mutex<State>,
}

struct State {
    /// Calls to come, with how many of their kind go well before.
    plan: Vec<(Call, u64, Effect)>,
    is_in_doubt: bool,
    /// The durable moment, then one moment for each batch after it.
    moments: Vec<Arc<dyn View>>,
    /// How often it crashed: no replacement outlives that.
    crashes: u64,
}

impl FaultyEngine {
    /// `inner`, whose state now counts as durable, and which has `spaces`.
    #[must_use]
    pub fn new(inner: Arc<dyn Engine>, spaces: SpaceSet) -> Self {
        let state = State { plan: Vec::new(), is_in_doubt: false, moments: vec![inner.view()], crashes: 0 };
        Self { shared: Arc::new(Shared { inner, spaces, state: Mutex::new(state) }) }
    }

    /// Lets `count` more calls of this kind go well and the next one fail after `effect`.
    pub fn fail_after(&self, count: u64, call: Call, effect: Effect) {
        self.shared.state.lock().plan.push((call, count, effect));
    }

    /// How many batches a crash could lose.
    #[must_use]
    pub fn unpersisted(&self) -> usize {
        self.shared.state.lock().moments.len() - 1
    }

    /// The process dies and comes back: the engine holds what was durable and the first `kept` batches
    /// after it (all of them, if there are fewer). Faults that were planned are forgotten, replacements are lost.
    ///
    /// # Errors
    /// The engine below failed by itself.
    pub fn crash(&self, kept: usize) -> Result<(), Error> {
        let mut state = self.shared.state.lock();
        let survivor = state.moments[kept.min(state.moments.len() - 1)].clone();
        let now = Model::of(&*self.shared.inner.view(), self.shared.spaces)?;
        self.shared.inner.write(now.difference(&Model::of(&*survivor, self.shared.spaces)?))?;
        let durable = self.shared.inner.persist()?;
        let crashes = state.crashes + 1;
        *state = State { plan: Vec::new(), is_in_doubt: false, moments: vec![durable], crashes };
        Ok(())
    }
}

impl Engine for FaultyEngine {
    fn name(&self) -> &'static str {
        self.shared.inner.name()
    }

    fn persists_whole(&self) -> bool {
        self.shared.inner.persists_whole()
    }

    fn view(&self) -> Arc<dyn View> {
        self.shared.inner.view()
    }

    fn write(&self, batch: Batch) -> Result<(), Error> {
        let mut state = self.shared.state.lock();
        let effect = state.next_effect(Call::Write)?;
        if effect != Some(Effect::None) {
            self.shared.inner.write(batch)?;
            state.moments.push(self.shared.inner.view());
        }
        effect.map_or(Ok(()), |_| Err(planned(Call::Write)))
    }

    fn persist(&self) -> Result<Arc<dyn View>, Error> {
        let mut state = self.shared.state.lock();
        let effect = state.next_effect(Call::Persist)?;
        if effect == Some(Effect::None) {
            return Err(planned(Call::Persist));
        }
        let durable = self.shared.inner.persist()?;
        state.moments = vec![durable.clone()];
        effect.map_or(Ok(durable), |_| Err(planned(Call::Persist)))
    }

    fn begin_replacement(&self) -> Result<Box<dyn Replacement>, Error> {
        let crashes = self.shared.state.lock().crashes;
        let inner = self.shared.inner.begin_replacement()?;
        Ok(Box::new(FaultyReplacement::new(self.shared.clone(), inner, crashes)))
    }
}

impl State {
    /// Counts a call: whether it fails, and after which effect. An engine in doubt fails at once.
    fn next_effect(&mut self, call: Call) -> Result<Option<Effect>, Error> {
        if self.is_in_doubt {
            return Err(planned(call));
        }
        let mut effect = None;
        self.plan.retain_mut(|(kind, left, planned)| {
            let is_due = *kind == call && *left == 0;
            if *kind == call {
                *left = left.saturating_sub(1);
            }
            if is_due {
                effect = Some(*planned);
            }
            !is_due
        });
        self.is_in_doubt = effect.is_some() && matches!(call, Call::Write | Call::Persist | Call::Swap);
        Ok(effect)
    }
}

fn planned(call: Call) -> Error {
    let action = match call {
        Call::Write => "write a batch (planned fault)",
        Call::Persist => "persist (planned fault)",
        Call::Add => "add a record (planned fault)",
        Call::Finish => "finish a replacement (planned fault)",
        Call::Swap => "swap (planned fault)",
    };
    let source = std::io::Error::from(std::io::ErrorKind::StorageFull);
    Error::Io { action, path: PathBuf::from("faulty"), source }
}

#[cfg(test)]
mod tests;
