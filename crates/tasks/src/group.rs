//! The owner of everything that runs in one node.

use crate::inbox::Receiver;
use crate::stage::Stage;
use crate::step::Step;
use crate::strand::Strand;
use crate::watch;
use futures::FutureExt;
use parking_lot::Mutex;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

/// Why a thread or task ended that should not have.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Threads and tasks that live and die together. Cloned freely.
///
/// The first failure, or panic, of any of them is kept and reported by [`Group::failed`]; the owner then
/// stops the rest. Nothing is restarted.
#[derive(Debug, Clone)]
pub struct Group {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    runner: Runner,
    threads: Mutex<Vec<(&'static str, JoinHandle<()>)>>,
    failure: watch::Sender<Option<Arc<NamedFailure>>>,
}

/// Who gives the steps their turns.
#[derive(Debug)]
enum Runner {
    Threads,
    #[cfg(feature = "testing")]
    Seeded(crate::testing::Lanes),
}

/// The name of what failed, and why.
#[derive(Debug, thiserror::Error)]
#[error("{name} failed")]
pub struct NamedFailure {
    name: &'static str,
    #[source]
    failure: Failure,
}

#[derive(Debug, thiserror::Error)]
#[error("panicked; the panic's message is in the log")]
struct Panicked;

impl Group {
    /// A group whose steps get a thread each, and whose tasks run on the tokio runtime that starts them.
    #[must_use]
    pub fn threads() -> Self {
        Self::new(Runner::Threads)
    }

    /// A group whose steps and tasks all run in the lanes of one seeded scheduler.
    #[cfg(feature = "testing")]
    pub(crate) fn seeded(lanes: crate::testing::Lanes) -> Self {
        Self::new(Runner::Seeded(lanes))
    }

    fn new(runner: Runner) -> Self {
        let shared = Shared { runner, threads: Mutex::default(), failure: watch::Sender::new(None) };
        Self { shared: Arc::new(shared) }
    }

    /// Runs `step` over what arrives in `inbox` until that is closed and empty.
    pub fn step<S: Step>(&self, name: &'static str, mut inbox: Receiver<S::Input>, mut step: S) {
        match &self.shared.runner {
            Runner::Threads => self.thread(name, move || {
                let mut batch = Vec::new();
                while inbox.take(&mut batch) {
                    step.turn(&mut batch)?;
                }
                step.finish()
            }),
            #[cfg(feature = "testing")]
            Runner::Seeded(_) => self.task(name, async move {
                let mut batch = Vec::new();
                while inbox.next(&mut batch).await {
                    step.turn(&mut batch)?;
                }
                step.finish()
            }),
        }
    }

    /// Runs `step` as [`Group::step`] does, and lets whoever brings it work give it its turn.
    pub fn stage<S: Step>(&self, name: &'static str, inbox: Receiver<S::Input>, step: S) -> Stage<S> {
        let stage = Stage::new(name, self, inbox, step);
        let running = stage.clone();
        match &self.shared.runner {
            Runner::Threads => self.thread(name, move || running.run()),
            #[cfg(feature = "testing")]
            Runner::Seeded(_) => self.task(name, async move { running.run_as_task().await }),
        }
        stage
    }

    /// Runs `work` on a thread of its own.
    ///
    /// # Panics
    /// If the system refuses another thread.
    pub fn thread(&self, name: &'static str, work: impl FnOnce() -> Result<(), Failure> + Send + 'static) {
        let group = self.clone();
        let thread = std::thread::Builder::new()
            .name(name.into())
            .spawn(move || {
                let outcome = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(Panicked.into()));
                if let Err(failure) = outcome {
                    group.fail(name, failure);
                }
            })
            .expect("the few threads of a node start before it is busy");
        self.shared.threads.lock().push((name, thread));
    }

    /// Runs `work` as a task of the current tokio runtime.
    pub fn task(&self, name: &'static str, work: impl Future<Output = Result<(), Failure>> + Send + 'static) {
        let group = self.clone();
        match &self.shared.runner {
            Runner::Threads => {
                let work = tokio::spawn(work);
                drop(tokio::spawn(async move {
                    match work.await {
                        Ok(Ok(())) => {}
                        Ok(Err(failure)) => group.fail(name, failure),
                        Err(error) if error.is_panic() => group.fail(name, Panicked.into()),
                        Err(_) => {} // the runtime is shutting down
                    }
                }));
            }
            #[cfg(feature = "testing")]
            Runner::Seeded(lanes) => lanes.add(name, async move {
                if let Err(failure) = work.await {
                    group.fail(name, failure);
                }
            }),
        }
    }

    /// Runs `work` on `strand`; its error, or its panic, ends the group as any other's.
    pub fn on_strand(
        &self,
        strand: &Strand,
        name: &'static str,
        work: impl Future<Output = Result<(), Failure>> + Send + 'static,
    ) {
        let group = self.clone();
        strand.spawn(async move {
            let outcome =
                AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| Err(Panicked.into()));
            if let Err(failure) = outcome {
                group.fail(name, failure);
            }
        });
    }

    /// Runs `work` as a task whose end concerns nobody else: a connection. Its panic is logged, and ends it alone.
    pub fn detached(&self, work: impl Future<Output = ()> + Send + 'static) {
        drop(tokio::spawn(work));
    }

    /// A thread with a tokio runtime of its own that runs `work` to its end.
    pub fn runtime<F>(&self, name: &'static str, work: impl FnOnce() -> F + Send + 'static)
    where
        F: Future<Output = Result<(), Failure>>,
    {
        self.thread(name, move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async move { work().await })
        });
    }

    /// Ends when something of this group has failed, and says what: the first one.
    pub async fn failed(&self) -> Arc<NamedFailure> {
        let mut failure = self.shared.failure.subscribe();
        failure.wait_for(Option::is_some).await.expect("the group holds the sender");
        failure.borrow().clone().expect("the first failure stays")
    }

    /// What failed first, if anything has.
    #[must_use]
    pub fn failure(&self) -> Option<Arc<NamedFailure>> {
        self.shared.failure.borrow().clone()
    }

    /// Reports that `name` cannot go on.
    pub fn fail(&self, name: &'static str, failure: Failure) {
        self.shared.failure.send_if_modified(|kept| {
            if kept.is_some() {
                tracing::warn!(name, error = %failure, "failed after another failure");
                return false;
            }
            *kept = Some(Arc::new(NamedFailure { name, failure }));
            true
        });
    }

    /// Waits for all threads to end. Whoever calls it has closed what they wait for.
    pub fn join(&self) {
        let threads = std::mem::take(&mut *self.shared.threads.lock());
        for (name, thread) in threads {
            if thread.join().is_err() {
                tracing::error!(name, "thread ended by a panic");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inbox::inbox;

    struct Summing {
        sum: u32,
        limit: u32,
        end: std::sync::mpsc::Sender<u32>,
    }

    impl Step for Summing {
        type Input = u32;

        fn turn(&mut self, batch: &mut Vec<u32>) -> Result<(), Failure> {
            self.sum += batch.drain(..).sum::<u32>();
            if self.sum > self.limit { Err("too much".into()) } else { Ok(()) }
        }

        fn finish(&mut self) -> Result<(), Failure> {
            self.end.send(self.sum)?;
            Ok(())
        }
    }

    #[test]
    fn a_step_ends_after_its_last_input() {
        let (group, (sender, receiver)) = (Group::threads(), inbox(8));
        let (end, ended) = std::sync::mpsc::channel();
        group.step("sum", receiver, Summing { sum: 0, limit: 100, end });
        sender.push(3).unwrap();
        sender.push(4).unwrap();
        drop(sender);
        group.join();
        assert_eq!(ended.try_recv(), Ok(7));
        assert!(group.failure().is_none());
    }

    #[tokio::test]
    async fn a_failing_step_ends_the_group_under_its_name() {
        let (group, (sender, receiver)) = (Group::threads(), inbox(8));
        let (end, _ended) = std::sync::mpsc::channel();
        group.step("sum", receiver, Summing { sum: 0, limit: 1, end });
        sender.push(3).unwrap();
        assert_eq!(group.failed().await.to_string(), "sum failed");
    }

    #[tokio::test]
    async fn a_panicking_thread_ends_the_group() {
        let group = Group::threads();
        group.thread("careless", || panic!("a bug"));
        assert_eq!(group.failed().await.to_string(), "careless failed");
    }
}
