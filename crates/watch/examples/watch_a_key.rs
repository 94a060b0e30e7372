//! A hub over a past in memory: one watch, told what was and what comes.

use quorate_tasks::{Group, SystemClock};
use quorate_types::{Changes, KeyRange, Revision};
use quorate_watch::testing::{MemoryHistory, put};
use quorate_watch::{Create, Settings, start};
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (group, history) = (Group::threads(), MemoryHistory::default());
    let clock = Arc::new(SystemClock::new());
    let (handle, feed) = start(&group, Arc::new(history.clone()), clock, Settings::default());
    let change =
        |revision, value| Changes { revision: Revision(revision), changes: vec![put("greeting", value)] };
    history.publish(&[change(2, "hello")]);

    let mailbox = handle.mailbox();
    let mut stream = handle.open(&mailbox);
    stream.create(Create { start: Revision(2), ..Create::of(KeyRange::Single("greeting".into())) });
    let reading = async {
        println!("{:?}", stream.next().await); // created
        println!("{:?}", stream.next().await); // what was
        history.publish(&[change(3, "good morning")]);
        feed.push(vec![change(3, "good morning")]);
        println!("{:?}", stream.next().await); // what came
    };
    tokio::select! {
        () = reading => {}
        () = mailbox.attend() => {}
    }
}
