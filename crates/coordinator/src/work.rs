//! Reads that may take long, off the front threads (law C1).

use quorate_state_machine::Unavailable;
use quorate_tasks::inbox::{Sender, inbox};
use quorate_tasks::{Failure, Group, Step};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::oneshot;

/// Jobs that may wait for one worker; past it a call is told `too many requests`.
const JOBS_MAX: usize = 1024;

/// A pool of threads for reads that may have to wait for the disk. Clones are the same pool.
#[derive(Clone)]
pub struct Work {
    workers: Arc<[Sender<Job>]>,
    next: Arc<AtomicUsize>,
}

type Job = Box<dyn FnOnce() + Send>;

struct Worker;

impl Step for Worker {
    type Input = Job;

    fn turn(&mut self, batch: &mut Vec<Job>) -> Result<(), Failure> {
        batch.drain(..).for_each(|job| job());
        Ok(())
    }
}

impl Work {
    /// A pool of `count` threads in `group`. They end when the last clone of the pool is gone.
    #[must_use]
    pub fn start(group: &Group, count: usize) -> Self {
        let worker = |_| {
            let (sender, receiver) = inbox(JOBS_MAX);
            group.step("work", receiver, Worker);
            sender
        };
        Self { workers: (0..count.max(1)).map(worker).collect(), next: Arc::default() }
    }

    /// Runs `job` on the least recently used worker and waits for its answer.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Unavailable> {
        let (done, answer) = oneshot::channel();
        let position = self.next.fetch_add(1, Ordering::Relaxed) % self.workers.len();
        let job: Job = Box::new(move || drop(done.send(job()))); // whoever asked may have gone
        self.workers[position].push(job).map_err(|_| Unavailable::TooManyRequests)?;
        answer.await.map_err(|_| Unavailable::Stopped)
    }
}
