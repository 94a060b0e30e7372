//! A replacement that fails when a test says so.

use super::{Call, Effect, Shared, planned};
use crate::{Error, Replacement, Space, Successor};
use std::sync::Arc;

pub(super) struct FaultyReplacement {
    shared: Arc<Shared>,
    /// None once a call has failed.
    inner: Option<Box<dyn Replacement>>,
    /// How often the engine had crashed when it was begun.
    crashes: u64,
}

impl FaultyReplacement {
    pub(super) fn new(shared: Arc<Shared>, inner: Box<dyn Replacement>, crashes: u64) -> Self {
        Self { shared, inner: Some(inner), crashes }
    }
}

impl Shared {
    /// What is planned for a call of something that was begun after so many crashes.
    fn next_effect(&self, call: Call, crashes: u64) -> Result<Option<Effect>, Error> {
        let mut state = self.state.lock();
        if state.crashes == crashes { state.next_effect(call) } else { Err(planned(call)) }
    }

    /// Swaps, in the sight of nobody.
    fn swap(&self, successor: Successor, crashes: u64) -> Result<(), Error> {
        let mut state = self.state.lock();
        if state.crashes != crashes {
            return Err(planned(Call::Swap));
        }
        let effect = state.next_effect(Call::Swap)?;
        if effect != Some(Effect::None) {
            successor.swap()?;
            state.moments = vec![self.inner.view()];
        }
        effect.map_or(Ok(()), |_| Err(planned(Call::Swap)))
    }
}

impl Replacement for FaultyReplacement {
    fn add(&mut self, space: Space, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let inner = self.inner.as_mut().ok_or_else(|| planned(Call::Add))?;
        let effect = self.shared.next_effect(Call::Add, self.crashes);
        if matches!(effect, Ok(None | Some(Effect::Full))) {
            inner.add(space, key, value)?;
        }
        if matches!(effect, Ok(None)) {
            return Ok(());
        }
        self.inner = None;
        Err(planned(Call::Add))
    }

    fn last(&self) -> Option<(Space, &[u8])> {
        self.inner.as_ref()?.last()
    }

    fn finish(self: Box<Self>) -> Result<Successor, Error> {
        let Self { shared, inner, crashes } = *self;
        let inner = inner.ok_or_else(|| planned(Call::Finish))?;
        let effect = shared.next_effect(Call::Finish, crashes)?;
        if effect == Some(Effect::None) {
            return Err(planned(Call::Finish));
        }
        let successor = inner.finish()?;
        if effect.is_some() {
            return Err(planned(Call::Finish));
        }
        let view = successor.view().clone();
        Ok(Successor::new(view, move || shared.swap(successor, crashes)))
    }
}
