use super::*;
use futures::FutureExt;
use futures::executor::block_on;
use futures::future::join_all;
use futures::task::{ArcWake, waker};
use parking_lot::Mutex;
use std::pin::pin;
use std::task::Context;

/// Writes down that it was woken.
struct Noted {
    number: usize,
    woken: Arc<Mutex<Vec<usize>>>,
}

impl ArcWake for Noted {
    fn wake_by_ref(noted: &Arc<Self>) {
        noted.woken.lock().push(noted.number);
    }
}

#[test]
fn those_who_wait_are_woken_in_the_order_in_which_they_came() {
    let (sender, receiver) = channel(0);
    let woken = Arc::new(Mutex::new(Vec::new()));
    let mut receivers = vec![receiver; 20];
    let mut waits: Vec<_> = receivers.iter_mut().map(|receiver| Box::pin(receiver.changed())).collect();
    for (number, wait) in waits.iter_mut().enumerate() {
        let waker = waker(Arc::new(Noted { number, woken: woken.clone() }));
        assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    sender.send_replace(1);
    assert_eq!(*woken.lock(), (0..20).collect::<Vec<_>>());
    assert_eq!(block_on(join_all(waits)), [Ok(()); 20]);
}

#[test]
fn a_value_is_seen_once_and_the_last_one_even_after_the_end() {
    let (sender, mut receiver) = channel(0);
    assert!(receiver.changed().now_or_never().is_none());
    sender.send(1).unwrap();
    sender.send(2).unwrap();
    assert_eq!(receiver.changed().now_or_never(), Some(Ok(())));
    assert_eq!(*receiver.borrow(), 2);
    assert!(receiver.changed().now_or_never().is_none());
    let other = sender.clone();
    drop(sender);
    other.send_modify(|value| *value = 3);
    drop(other);
    assert_eq!(receiver.changed().now_or_never(), Some(Ok(())));
    assert_eq!(*receiver.borrow(), 3);
    assert_eq!(receiver.changed().now_or_never(), Some(Err(Closed)));
}

#[test]
fn whoever_waits_learns_of_the_end() {
    let (sender, mut receiver) = channel(0);
    let last = sender.clone();
    let mut wait = pin!(receiver.wait_for(|value| *value > 0));
    let woken = Arc::new(Mutex::new(Vec::new()));
    let waker = waker(Arc::new(Noted { number: 7, woken: woken.clone() }));
    assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    drop(sender);
    assert_eq!(*woken.lock(), []);
    drop(last);
    assert_eq!(*woken.lock(), [7]);
    assert_eq!(block_on(wait), Err(Closed));
}

#[test]
fn a_condition_is_waited_for_and_may_hold_already() {
    let (sender, mut receiver) = channel(5);
    assert_eq!(block_on(receiver.wait_for(|value| *value == 5)), Ok(()));
    assert!(receiver.wait_for(|value| *value == 6).now_or_never().is_none());
    assert!(!sender.send_if_modified(|value| std::mem::replace(value, 6) != 5));
    assert!(receiver.wait_for(|value| *value == 7).now_or_never().is_none());
    assert!(sender.send_if_modified(|value| std::mem::replace(value, 7) == 6));
    assert_eq!(block_on(receiver.wait_for(|value| *value == 7)), Ok(()));
    drop(receiver);
    assert_eq!(sender.send(8), Err(8));
    assert_eq!(*sender.borrow(), 7);
    assert_eq!(sender.send_replace(9), 7);
}
