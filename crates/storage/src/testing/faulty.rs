//! An engine that fails when a test says so.

use super::Model;
use crate::{Batch, Engine, Error, SpaceSet, View};
use parking_lot::Mutex;
use std::path::PathBuf;
use std::sync::Arc;

/// What can be told to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// [`Engine::write`].
    Write,
    /// [`Engine::persist`].
    Persist,
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
/// After a failed call every further `write` and `persist` fails, as the trait says: only
/// [`FaultyEngine::crash`] makes it usable again. Law S3 is kept, whatever it is told.
pub struct FaultyEngine {
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
}

impl FaultyEngine {
    /// `inner`, whose state now counts as durable, and which has `spaces`.
    #[must_use]
    pub fn new(inner: Arc<dyn Engine>, spaces: SpaceSet) -> Self {
        let state = State { plan: Vec::new(), is_in_doubt: false, moments: vec![inner.view()] };
        Self { inner, spaces, state: Mutex::new(state) }
    }

    /// Lets `count` more calls of this kind go well and the next one fail after `effect`.
    pub fn fail_after(&self, count: u64, call: Call, effect: Effect) {
        self.state.lock().plan.push((call, count, effect));
    }

    /// How many batches a crash could lose.
    #[must_use]
    pub fn unpersisted(&self) -> usize {
        self.state.lock().moments.len() - 1
    }

    /// The process dies and comes back: the engine holds what was durable and the first `kept` batches
    /// after it (all of them, if there are fewer). Faults that were planned are forgotten.
    ///
    /// # Errors
    /// The engine below failed by itself.
    pub fn crash(&self, kept: usize) -> Result<(), Error> {
        let mut state = self.state.lock();
        let survivor = state.moments[kept.min(state.moments.len() - 1)].clone();
        let now = Model::of(&*self.inner.view(), self.spaces)?;
        self.inner.write(now.difference(&Model::of(&*survivor, self.spaces)?))?;
        let durable = self.inner.persist()?;
        *state = State { plan: Vec::new(), is_in_doubt: false, moments: vec![durable] };
        Ok(())
    }
}

impl Engine for FaultyEngine {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn persists_whole(&self) -> bool {
        self.inner.persists_whole()
    }

    fn view(&self) -> Arc<dyn View> {
        self.inner.view()
    }

    fn write(&self, batch: Batch) -> Result<(), Error> {
        let mut state = self.state.lock();
        let effect = state.next_effect(Call::Write)?;
        if effect != Some(Effect::None) {
            self.inner.write(batch)?;
            state.moments.push(self.inner.view());
        }
        effect.map_or(Ok(()), |_| Err(planned(Call::Write)))
    }

    fn persist(&self) -> Result<Arc<dyn View>, Error> {
        let mut state = self.state.lock();
        let effect = state.next_effect(Call::Persist)?;
        if effect == Some(Effect::None) {
            return Err(planned(Call::Persist));
        }
        let durable = self.inner.persist()?;
        state.moments = vec![durable.clone()];
        effect.map_or(Ok(durable), |_| Err(planned(Call::Persist)))
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
        self.is_in_doubt = effect.is_some();
        Ok(effect)
    }
}

fn planned(call: Call) -> Error {
    let action = match call {
        Call::Write => "write a batch (planned fault)",
        Call::Persist => "persist (planned fault)",
    };
    let source = std::io::Error::from(std::io::ErrorKind::StorageFull);
    Error::Io { action, path: PathBuf::from("faulty"), source }
}

#[cfg(test)]
mod tests;
