//! The way from a client to a member, and back.
//!
//! A call is carried out as a task of the member's process: it stands still with the process, and dies with it. A client that has
//! given up is gone, and so is its call, as with a connection that was closed.

use crate::machine::Machine;
use crate::world::World;
use futures::future::{Either, select};
use quorate_coordinator::{Call, Coordinator, Error, Identity};
use quorate_tasks::timeout;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;
use tokio::sync::oneshot;

/// How much longer than its call's deadline a client waits: a stopped process keeps none.
const GRACE: Duration = Duration::from_millis(500);

/// How client connections do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LineWeather {
    /// How long a message takes at most, in microseconds.
    pub(crate) delay_us: usize,
    /// In a thousand messages, how many break their connection before they arrive.
    pub(crate) broken: usize,
}

impl Default for LineWeather {
    fn default() -> Self {
        Self { delay_us: 500, broken: 0 }
    }
}

/// Why a call has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Lost {
    /// It never arrived.
    #[error("not reached")]
    NotSent,
    /// Nobody knows.
    #[error("no answer")]
    Unanswered,
}

impl World {
    /// Has the member's coordinator do what a client asks of it, within `patience`.
    pub(crate) async fn call<T, F>(
        &self,
        machine: &Machine,
        patience: Duration,
        ask: impl FnOnce(Coordinator, Call) -> F + Send + 'static,
    ) -> Result<Result<T, Error>, Lost>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        self.travel().await.map_err(|_| Lost::NotSent)?;
        let life = machine.life().ok_or(Lost::NotSent)?;
        let deadline = self.clock.now() + patience;
        let call = Call { identity: Identity::Anonymous, deadline };
        let (mut told, answer) = oneshot::channel();
        let (door, group) = (life.door.clone(), life.group.clone());
        drop(life);
        group.task("call", async move {
            let asking = pin!(ask(door, call));
            let outcome = match select(asking, pin!(told.closed())).await {
                Either::Left((outcome, _)) => Some(outcome),
                Either::Right(_) => None, // the client has gone
            };
            if let Some(outcome) = outcome {
                drop(told.send(outcome)); // it may go at any moment
            }
            Ok(())
        });
        let answer = timeout(self.clock.as_ref(), deadline + GRACE, answer).await;
        let answer = answer.ok().and_then(Result::ok).ok_or(Lost::Unanswered)?;
        self.travel().await?;
        Ok(answer)
    }

    /// As [`World::call`], of any member, whether or not it runs.
    pub(crate) async fn call_any<T, F>(
        &self,
        patience: Duration,
        ask: impl FnOnce(Coordinator, Call) -> F + Send + 'static,
    ) -> Result<Result<T, Error>, Lost>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let machine = self.any();
        self.call(&machine, patience, ask).await
    }

    /// One message between a client and a member.
    async fn travel(&self) -> Result<(), Lost> {
        let LineWeather { delay_us, broken } = *self.lines.lock();
        let delay = Duration::from_micros(self.below(delay_us) as u64);
        self.pause(delay).await;
        if self.chances(broken) { Err(Lost::Unanswered) } else { Ok(()) }
    }
}
