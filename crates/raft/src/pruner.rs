//! Has what compaction freed removed, a few records at a time, between the batches of commands.

use crate::apply;
use crate::options::Pace;
use futures::future::{Either, select};
use quorate_tasks::inbox::Sender;
use quorate_tasks::watch;
use quorate_tasks::{Clock, Failure};
use std::pin::pin;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Asks the apply step for one step after the other, as long as there is something to prune.
pub(crate) struct Pruner {
    pub(crate) apply: Sender<apply::Request>,
    /// Whether there is something to prune; also after a restart with a compaction that was not through.
    pub(crate) is_pruning: watch::Receiver<bool>,
    pub(crate) pace: Pace,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) stopping: watch::Receiver<bool>,
}

impl Pruner {
    /// Ends with the replica's stop, or with the apply step.
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let mut stopping = self.stopping.clone();
        let stopped = stopping.wait_for(|stopping| *stopping);
        match select(pin!(stopped), pin!(self.prune())).await {
            Either::Left(_) | Either::Right(_) => Ok(()),
        }
    }

    async fn prune(mut self) {
        while self.is_pruning.wait_for(|is_pruning| *is_pruning).await.is_ok() {
            let (done, is_done) = oneshot::channel();
            if self.apply.push(apply::Request::Prune(self.pace.records, done)).is_err()
                || is_done.await.is_err()
            {
                return; // why the apply step has ended, it says itself
            }
            self.clock.sleep_until(self.clock.now() + self.pace.rest).await;
        }
    }
}
