use super::*;
use crate::inbox::{Sender, inbox};
use crate::testing::Scheduler;
use std::thread::ThreadId;

/// As `fails_at`: whatever comes.
const PANICS: u32 = 0;

/// Notes what it got, and on which thread.
struct Noting {
    noted: Arc<Mutex<Vec<(u32, ThreadId)>>>,
    fails_at: u32,
}

impl Step for Noting {
    type Input = u32;

    fn turn(&mut self, batch: &mut Vec<u32>) -> Result<(), Failure> {
        let here = std::thread::current().id();
        for number in batch.drain(..) {
            assert_ne!(self.fails_at, PANICS, "told to panic");
            if number == self.fails_at {
                return Err("an unlucky number".into());
            }
            self.noted.lock().push((number, here));
        }
        Ok(())
    }
}

type Noted = Arc<Mutex<Vec<(u32, ThreadId)>>>;

fn stage(group: &Group) -> (Sender<u32>, Stage<Noting>, Noted) {
    let (sender, receiver) = inbox(1 << 20);
    let noted = Noted::default();
    let stage = group.stage("noting", receiver, Noting { noted: noted.clone(), fails_at: u32::MAX });
    (sender, stage, noted)
}

/// A stage whose own thread does nothing before the test runs it.
fn asleep(fails_at: u32) -> (Sender<u32>, Stage<Noting>, Noted) {
    let (sender, receiver) = inbox(8);
    let noted = Noted::default();
    let stage = Stage::new("noting", &Group::threads(), receiver, Noting { noted: noted.clone(), fails_at });
    (sender, stage, noted)
}

fn numbers(noted: &Noted) -> Vec<u32> {
    noted.lock().iter().map(|(number, _)| *number).collect()
}

#[test]
fn whoever_brings_work_to_an_idle_step_does_it() {
    let (sender, stage, noted) = asleep(u32::MAX);
    sender.lay(1).unwrap();
    sender.lay(2).unwrap();
    stage.turn();
    let here = std::thread::current().id();
    assert_eq!(*noted.lock(), [(1, here), (2, here)]);
    assert!(stage.is_idle());
    drop(sender);
    stage.run().unwrap();
}

#[test]
fn what_is_laid_by_many_is_done_once_each_and_in_the_order_of_each() {
    let group = Group::threads();
    let (sender, stage, noted) = stage(&group);
    let bringers: Vec<_> = (0..4u32)
        .map(|bringer| {
            let (sender, stage) = (sender.clone(), stage.clone());
            std::thread::spawn(move || {
                for count in 0..5000 {
                    let number = bringer * 10_000 + count;
                    if count % 3 == 0 {
                        sender.push(number).unwrap();
                    } else {
                        sender.lay(number).unwrap();
                        stage.turn();
                    }
                }
            })
        })
        .collect();
    bringers.into_iter().for_each(|bringer| bringer.join().unwrap());
    drop((sender, stage));
    group.join();
    let numbers = numbers(&noted);
    assert_eq!(numbers.len(), 20_000, "T3: nothing that was laid is left");
    for bringer in 0..4u32 {
        let own: Vec<_> = numbers.iter().copied().filter(|number| number / 10_000 == bringer).collect();
        assert!(own.is_sorted(), "the order of one bringer is kept");
    }
}

#[test]
fn a_failure_on_a_foreign_thread_ends_the_group_and_the_step() {
    let (sender, stage, noted) = asleep(7);
    sender.lay(7).unwrap();
    stage.turn();
    assert_eq!(stage.shared.group.failure().unwrap().to_string(), "noting failed");
    assert!(sender.lay(8).is_err(), "a failed step gets no further turn, and says so");
    assert_eq!(numbers(&noted), [] as [u32; 0]);
    stage.run().unwrap(); // its thread ends, though senders are left
}

#[test]
fn a_panic_on_a_foreign_thread_leaves_no_step_behind_that_is_half_done() {
    let (sender, stage, noted) = asleep(PANICS);
    sender.lay(1).unwrap();
    let brought = stage.clone();
    let outcome = std::thread::spawn(move || brought.turn()).join();
    assert!(outcome.is_err(), "the step panicked where it was given its turn");
    stage.run().unwrap(); // its own thread finds nothing left to do
    assert!(sender.push(2).is_err(), "and nobody is told that more will be done");
    assert_eq!(numbers(&noted), [] as [u32; 0]);
}

#[tokio::test]
async fn under_a_seed_both_ways_lead_to_the_step() {
    for seed in 0..20 {
        let (mut scheduler, group) = Scheduler::new(seed);
        let (sender, stage, noted) = stage(&group);
        let all = async {
            for number in 0..10 {
                if (seed + number) % 2 == 0 {
                    sender.push(u32::try_from(number).unwrap()).unwrap();
                } else {
                    sender.lay(u32::try_from(number).unwrap()).unwrap();
                    stage.turn();
                }
                tokio::task::yield_now().await;
            }
            while noted.lock().len() < 10 {
                tokio::task::yield_now().await;
            }
        };
        scheduler.drive(all).await;
        assert_eq!(numbers(&noted), (0..10).collect::<Vec<_>>(), "seed {seed}");
    }
}
