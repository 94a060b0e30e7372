//! openraft's tasks on a strand: where they run is decided there, who is woken first by the order of their waiting, everything else is tokio's.

mod ordered;

use openraft::AsyncRuntime;
use openraft_rt_tokio::{TokioInstant, TokioMpsc, TokioMutex, TokioOneshot, TokioRuntime};
use ordered::OrderedWatch;
use quorate_tasks::Strand;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::oneshot;

/// tokio's timers tick in milliseconds. openraft asks for a microsecond where it lets completions gather, which the log
/// has done already: less than this is not slept.
const NO_SLEEP: Duration = Duration::from_micros(100);
/// The deadline by which completions have gathered. One that is further is of openraft's tick, which is computed again from the
/// time at which it comes: not slept for, it would come again and again until that has passed.
const GATHERED: Duration = Duration::from_micros(1);

/// See the module. Its tasks are started on the strand whose task starts them, and on tokio's runtime outside any.
#[derive(Debug)]
pub(crate) struct StrandRuntime(TokioRuntime);

/// The end of a task, to be awaited.
pub(crate) struct Joining<T>(oneshot::Receiver<T>);

/// The task was dropped, or panicked.
#[derive(Debug, thiserror::Error)]
#[error("a task of consensus ended early")]
pub(crate) struct EndedEarly;

/// A sleep, unless it is too short for one.
pub(crate) struct Sleep(Option<Pin<Box<tokio::time::Sleep>>>);

impl<T> Future for Joining<T> {
    type Output = Result<T, EndedEarly>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map_err(|_| EndedEarly)
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().map_or(Poll::Ready(()), |sleep| sleep.as_mut().poll(context))
    }
}

impl AsyncRuntime for StrandRuntime {
    type JoinError = EndedEarly;
    type JoinHandle<T: Send + 'static> = Joining<T>;
    type Sleep = Sleep;
    type Instant = TokioInstant;
    type TimeoutError = <TokioRuntime as AsyncRuntime>::TimeoutError;
    type Timeout<R, T: Future<Output = R> + Send> = <TokioRuntime as AsyncRuntime>::Timeout<R, T>;
    type ThreadLocalRng = SmallRng;
    type Mpsc = TokioMpsc;
    type Watch = OrderedWatch;
    type Oneshot = TokioOneshot;
    type Mutex<T: Send + 'static> = TokioMutex<T>;

    fn spawn<T>(future: T) -> Joining<T::Output>
    where
        T: Future + Send + 'static,
        T::Output: Send + 'static,
    {
        let (done, joining) = oneshot::channel();
        let task = async move {
            // A panic has been logged, and has ended the process unless this thread carries a connection; then
            // whoever joins is told, and consensus ends.
            if let Ok(output) = futures::FutureExt::catch_unwind(AssertUnwindSafe(future)).await {
                drop(done.send(output)); // most tasks are joined by nobody
            }
        };
        match Strand::current() {
            Some(strand) => strand.spawn(task),
            None => drop(TokioRuntime::spawn(task)),
        }
        Joining(joining)
    }

    fn sleep(duration: Duration) -> Sleep {
        Sleep((duration > NO_SLEEP).then(|| Box::pin(TokioRuntime::sleep(duration))))
    }

    fn sleep_until(deadline: TokioInstant) -> Sleep {
        let is_soon = deadline <= <TokioInstant as openraft::rt::Instant>::now() + GATHERED;
        Sleep((!is_soon).then(|| Box::pin(TokioRuntime::sleep_until(deadline))))
    }

    fn timeout<R, F: Future<Output = R> + Send>(duration: Duration, future: F) -> Self::Timeout<R, F> {
        TokioRuntime::timeout(duration, future)
    }

    fn timeout_at<R, F: Future<Output = R> + Send>(deadline: TokioInstant, future: F) -> Self::Timeout<R, F> {
        TokioRuntime::timeout_at(deadline, future)
    }

    /// openraft asks it of tasks that it joins, to say how they ended.
    fn is_panic(_: &EndedEarly) -> bool {
        true
    }

    /// openraft draws election time-outs. A test's seed decides them too.
    fn thread_rng() -> Self::ThreadLocalRng {
        SmallRng::seed_from_u64(quorate_tasks::entropy())
    }

    fn new(threads: usize) -> Self {
        Self(TokioRuntime::new(threads))
    }

    fn block_on<F, T>(&mut self, future: F) -> T
    where
        F: Future<Output = T>,
    {
        self.0.block_on(future)
    }
}
