use super::*;
use crate::Group;
use crate::inbox::inbox;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::thread::ThreadId;
use std::time::Duration;

/// A strand with a home on a thread of its own, until it is dropped.
struct Home {
    strand: Strand,
    thread: Option<std::thread::JoinHandle<()>>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
}

fn home() -> Home {
    let (told, strand) = std::sync::mpsc::channel();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let strand = Strand::new();
            told.send(strand.clone()).unwrap();
            tokio::select! {
                () = strand.attend() => {}
                _ = stopped => {}
            }
            strand.close();
        });
    });
    Home { strand: strand.recv().unwrap(), thread: Some(thread), stop: Some(stop) }
}

impl Drop for Home {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.thread.take().unwrap().join().unwrap();
    }
}

/// A task that notes each thing it gets, with the thread it got it on.
fn echo(strand: &Strand) -> (crate::inbox::Sender<u32>, std::sync::mpsc::Receiver<(u32, ThreadId)>) {
    let (sender, mut receiver) = inbox(1 << 20);
    let (told, heard) = std::sync::mpsc::channel();
    strand.spawn(async move {
        let mut batch = Vec::new();
        while receiver.next(&mut batch).await {
            for number in batch.drain(..) {
                told.send((number, std::thread::current().id())).unwrap();
            }
        }
    });
    (sender, heard)
}

#[test]
fn without_a_bringer_the_home_runs_the_tasks() {
    let home = home();
    let (sender, heard) = echo(&home.strand);
    sender.push(1).unwrap();
    let (number, thread) = heard.recv().unwrap();
    assert_eq!(number, 1);
    assert_ne!(thread, std::thread::current().id());
}

#[test]
fn who_brings_work_to_an_idle_strand_runs_it_here() {
    let home = home();
    let (sender, heard) = echo(&home.strand);
    sender.push(0).unwrap();
    heard.recv().unwrap(); // the task has begun, and sleeps soon
    let here = std::thread::current().id();
    let ran_here = (1..1000).filter(|&number| {
        let turn = home.strand.begin(Patience::Any);
        sender.push(number).unwrap();
        turn.map(|turn| turn.run(64));
        heard.recv().unwrap() == (number, here)
    });
    assert!(ran_here.count() > 500, "most of the time the home sleeps");
}

#[test]
fn two_never_run_at_once_and_nothing_is_lost() {
    let home = home();
    let inside = Arc::new(AtomicBool::new(false));
    let count = Arc::new(AtomicUsize::new(0));
    let senders: Vec<_> = (0..3)
        .map(|_| {
            let (sender, mut receiver) = inbox::<()>(1 << 20);
            let (inside, count) = (inside.clone(), count.clone());
            home.strand.spawn(async move {
                let mut batch = Vec::new();
                while receiver.next(&mut batch).await {
                    assert!(!inside.swap(true, Ordering::SeqCst), "T5: alone");
                    count.fetch_add(batch.len(), Ordering::SeqCst);
                    batch.clear();
                    inside.store(false, Ordering::SeqCst);
                }
            });
            sender
        })
        .collect();
    let bringers: Vec<_> = (0..3)
        .map(|_| {
            let (strand, senders) = (home.strand.clone(), senders.clone());
            std::thread::spawn(move || {
                for number in 0..3000 {
                    let turn = strand.begin(Patience::None);
                    senders[number % 3].push(()).unwrap();
                    turn.map(|turn| turn.run(1 + number % 3));
                }
            })
        })
        .collect();
    bringers.into_iter().for_each(|bringer| bringer.join().unwrap());
    // T5: whoever left work undone woke the home, so this ends.
    while count.load(Ordering::SeqCst) < 9000 {
        std::thread::yield_now();
    }
    assert_eq!(count.load(Ordering::SeqCst), 9000);
}

#[test]
fn a_timer_set_on_a_foreign_thread_is_the_homes() {
    let home = home();
    let (told, heard) = std::sync::mpsc::channel();
    let turn = home.strand.begin(Patience::Any);
    home.strand.spawn(async move {
        tokio::time::sleep(Duration::from_millis(1)).await;
        told.send(()).unwrap();
    });
    turn.map(|turn| turn.run(64));
    heard.recv().unwrap();
}

#[test]
fn a_task_knows_its_strand_and_what_its_thread_may_do() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let strand = runtime.block_on(async { Strand::new() });
    assert!(Strand::current().is_none());
    assert_eq!(Strand::patience(), Patience::None);
    let seen = Arc::new(Mutex::new(None));
    let note = seen.clone();
    strand.spawn(async move {
        Strand::current().unwrap().spawn(async move { *note.lock() = Some(Strand::patience()) });
    });
    assert!(strand.begin(Patience::Any).unwrap().run(64));
    assert_eq!(*seen.lock(), Some(Patience::Any));
    assert!(Strand::current().is_none());
}

#[test]
fn a_closed_strand_runs_nothing_and_drops_its_tasks() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let strand = runtime.block_on(async { Strand::new() });
    let (sender, _heard) = echo(&strand);
    assert!(strand.begin(Patience::Any).unwrap().run(64));
    strand.close();
    assert!(strand.begin(Patience::Any).is_none());
    assert!(sender.push(1).is_err(), "the task that would have taken it is gone");
}

#[tokio::test]
async fn a_task_that_panics_ends_the_group_and_not_its_bringer() {
    let (strand, group) = (Strand::new(), Group::threads());
    group.on_strand(&strand, "careless", async { panic!("a bug") });
    assert!(strand.begin(Patience::Any).unwrap().run(64));
    assert_eq!(group.failed().await.to_string(), "careless failed");
}

/// Notes, each time it is woken, whether the tasks can be had at that moment.
struct Try {
    strand: Strand,
    found_free: Mutex<Vec<bool>>,
}

impl ArcWake for Try {
    fn wake_by_ref(this: &Arc<Self>) {
        let is_free = this.strand.begin(Patience::None).is_some();
        this.found_free.lock().push(is_free);
    }
}

/// A home that finds the tasks taken sleeps on: a put waited until something else came, or its time was over.
#[tokio::test]
async fn the_home_is_not_woken_before_it_can_have_the_tasks() {
    let strand = Strand::new();
    let tried = Arc::new(Try { strand: strand.clone(), found_free: Mutex::default() });
    let waker = waker(tried.clone());
    let mut home = std::pin::pin!(strand.attend());
    assert!(home.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    let turn = strand.begin(Patience::Any).unwrap();
    strand.spawn(async {}); // whoever has the turn could still run it: nobody is woken yet
    assert!(tried.found_free.lock().is_empty());
    drop(turn);
    assert_eq!(*tried.found_free.lock(), [true]);
}

#[tokio::test]
async fn what_comes_after_the_end_is_dropped_at_once() {
    let strand = Strand::new();
    strand.close();
    let owned = Arc::new(());
    let owner = owned.clone();
    strand.spawn(async move { drop(owner) });
    assert_eq!(Arc::strong_count(&owned), 1);
}
