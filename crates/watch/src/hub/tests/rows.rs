//! The rows of etcd's behaviour, one by one.

use super::world::{World, at, read};
use crate::testing::{delete, put};
use crate::{Create, History, Message, News, Settings, Stream};
use quorate_types::KeyRange;
use std::time::Duration;

fn single(key: &'static str) -> Create {
    Create::of(KeyRange::Single(key.into()))
}

fn prefix() -> Create {
    Create::of(KeyRange::HalfOpen { start: "a".into(), end: "b".into() })
}

/// A message as one line: who, at which revision, what.
fn line(message: &Message) -> String {
    let news = match &message.news {
        News::Created => "created".to_owned(),
        News::Refused(refusal) => format!("refused {refusal:?}"),
        News::Cancelled => "cancelled".to_owned(),
        News::Compacted(compacted) => format!("compacted {compacted}"),
        News::Progress => "progress".to_owned(),
        News::Events { events, more_follows } => {
            let said: Vec<String> = events.iter().map(|event| read(event).1).collect();
            said.join(", ") + if *more_follows { " …" } else { "" }
        }
    };
    format!("{}@{} {news}", message.watch_id, message.revision)
}

async fn lines(world: &mut World, stream: &mut Stream) -> Vec<String> {
    world.told(stream).await.iter().map(line).collect()
}

fn world() -> World {
    World::new(1, Settings::default())
}

#[tokio::test(start_paused = true)]
async fn ids_are_given_from_zero_and_those_in_use_are_passed_over() {
    let mut world = world();
    let mut stream = world.open();
    for watch_id in [None, Some(1), None, Some(0), Some(7), Some(7), Some(-5)] {
        stream.create(Create { watch_id, ..single("a") });
    }
    let expected = [
        "0@1 created",
        "1@1 created",
        "2@1 created",
        "3@1 created",
        "7@1 created",
        "-1@1 refused DuplicateId",
        "-5@1 created",
    ];
    assert_eq!(lines(&mut world, &mut stream).await, expected);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_watched_is_refused_and_the_stream_goes_on() {
    let mut world = world();
    let mut stream = world.open();
    stream.create(Create::of(KeyRange::HalfOpen { start: "b".into(), end: "a".into() }));
    stream.create(Create {
        start: at(-1),
        ..Create::of(KeyRange::HalfOpen { start: "b".into(), end: "b".into() })
    });
    stream.create(Create { start: at(-1), ..single("a") });
    stream.create(single("a"));
    let expected = [
        "-1@1 refused EmptyRange",
        "-1@1 refused NegativeStart",
        "-1@1 refused NegativeStart",
        "0@1 created",
    ];
    assert_eq!(lines(&mut world, &mut stream).await, expected);
}

#[tokio::test(start_paused = true)]
async fn from_zero_a_watch_is_told_what_comes_after_it_was_asked_for() {
    let mut world = world();
    world.write(vec![vec![put("a", "2.0")]]);
    let mut stream = world.open();
    stream.create(single("a"));
    world.write(vec![vec![put("a", "3.0")], vec![put("b", "4.0")], vec![delete("a")]]);
    let expected = ["0@2 created", "0@3 put a=3.0", "0@5 del a"];
    assert_eq!(lines(&mut world, &mut stream).await, expected);
}

#[tokio::test(start_paused = true)]
async fn the_past_comes_in_one_message_with_the_newest_revision_and_the_present_in_one_each() {
    let mut world = world();
    world.write(vec![vec![put("a", "2.0")], vec![put("a", "3.0"), put("ab", "3.1")], vec![put("c", "4.0")]]);
    let mut stream = world.open();
    stream.create(Create { start: at(2), ..prefix() });
    assert_eq!(lines(&mut world, &mut stream).await, ["0@4 created", "0@4 put a=2.0, put a=3.0, put ab=3.1"]);
    world.write(vec![vec![put("a", "5.0"), put("aa", "5.1")], vec![put("a", "6.0")]]);
    assert_eq!(lines(&mut world, &mut stream).await, ["0@5 put a=5.0, put aa=5.1", "0@6 put a=6.0"]);
}

#[tokio::test(start_paused = true)]
async fn at_most_so_many_revisions_of_the_past_come_in_one_message() {
    let mut world = World::new(1, Settings { chunk_revisions_max: 2, ..Settings::default() });
    world.write((2..=6).map(|revision| vec![put("a", &format!("{revision}.0"))]).collect());
    let mut stream = world.open();
    stream.create(Create { start: at(1), ..single("a") });
    let expected = ["0@6 created", "0@6 put a=2.0", "0@6 put a=3.0, put a=4.0", "0@6 put a=5.0, put a=6.0"];
    assert_eq!(lines(&mut world, &mut stream).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_start_in_the_future_waits_for_it() {
    let mut world = world();
    let mut stream = world.open();
    stream.create(Create { start: at(4), ..single("a") });
    stream.ask_progress();
    world.settle().await;
    world.write((2..=5).map(|revision| vec![put("a", &format!("{revision}.0"))]).collect());
    assert_eq!(lines(&mut world, &mut stream).await, ["0@1 created", "0@4 put a=4.0", "0@5 put a=5.0"]);
    stream.ask_progress();
    assert_eq!(lines(&mut world, &mut stream).await, ["-1@5 progress"]);
}

#[tokio::test(start_paused = true)]
async fn a_start_below_the_compacted_revision_is_created_and_then_ended_and_the_revision_itself_is_not() {
    let mut world = world();
    world.write((2..=5).map(|revision| vec![put("a", &format!("{revision}.0"))]).collect());
    world.history.compact(at(4));
    let mut stream = world.open();
    stream.create(Create { start: at(3), ..single("a") });
    stream.create(Create { start: at(4), ..single("a") });
    let expected = ["0@5 created", "0@0 compacted 4", "1@5 created", "1@5 put a=4.0, put a=5.0"];
    assert_eq!(lines(&mut world, &mut stream).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_slow_watcher_that_a_compaction_overtakes_is_told_so() {
    let settings = Settings { window_bytes: 100, ring_bytes_max: 0, ..Settings::default() };
    let mut world = World::new(1, settings);
    let mut stream = world.open();
    stream.create(single("a"));
    world.settle().await;
    let long = "x".repeat(200);
    for revision in 2..=6 {
        world.write(vec![vec![put("a", &format!("{revision}.0{long}"))]]);
        world.settle().await;
    }
    world.history.compact(at(5));
    let told: Vec<String> =
        lines(&mut world, &mut stream).await.iter().map(|line| line.replace(&long, "")).collect();
    assert_eq!(told, ["0@1 created", "0@2 put a=2.0", "0@0 compacted 5"]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_a_compaction_ended_keeps_its_id_until_it_is_cancelled() {
    let mut world = world();
    world.write((2..=5).map(|revision| vec![put("a", &format!("{revision}.0"))]).collect());
    world.history.compact(at(4));
    let mut stream = world.open();
    stream.create(Create { start: at(3), watch_id: Some(1), ..single("a") });
    stream.create(Create { watch_id: Some(1), ..single("b") });
    stream.create(single("b"));
    stream.create(single("b"));
    stream.ask_progress();
    let expected =
        ["1@5 created", "1@0 compacted 4", "-1@5 refused DuplicateId", "0@5 created", "2@5 created"];
    assert_eq!(lines(&mut world, &mut stream).await, expected);
    stream.cancel(1);
    stream.cancel(1);
    stream.ask_progress();
    assert_eq!(lines(&mut world, &mut stream).await, ["1@5 cancelled", "-1@5 progress"]);
    stream.create(Create { watch_id: Some(1), ..single("b") });
    assert_eq!(lines(&mut world, &mut stream).await, ["1@5 created"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_there_before_the_compacted_revision_is_not_shown_even_if_it_was_before() {
    let mut world = world();
    let mut stream = world.open();
    stream.create(Create { with_previous: true, ..single("a") });
    world.settle().await;
    world.write(vec![vec![put("a", "2.0")], vec![put("a", "3.0")], vec![put("a", "4.0")]]);
    let expected = ["0@1 created", "0@2 put a=2.0", "0@3 put a=3.0 was a=2.0", "0@4 put a=4.0 was a=3.0"];
    assert_eq!(lines(&mut world, &mut stream).await, expected);
    world.history.compact(at(3));
    stream.create(Create { with_previous: true, start: at(3), ..single("a") });
    let expected = ["1@4 created", "1@4 put a=3.0, put a=4.0 was a=3.0"];
    assert_eq!(lines(&mut world, &mut stream).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_watch_says_so_once_and_an_unknown_one_nothing() {
    let mut world = world();
    let mut stream = world.open();
    stream.create(single("a"));
    stream.cancel(0);
    stream.cancel(0);
    stream.cancel(77);
    world.write(vec![vec![put("a", "2.0")]]);
    let told = lines(&mut world, &mut stream).await;
    assert_eq!(told[0], "0@1 created");
    assert_eq!(told[1..], ["0@1 cancelled"]);
}

#[tokio::test(start_paused = true)]
async fn filters_leave_out_kinds_and_a_message_that_would_be_empty_is_not_sent() {
    let mut world = world();
    let mut stream = world.open();
    stream.create(Create { without_puts: true, ..single("a") });
    stream.create(Create { without_deletes: true, ..single("a") });
    stream.create(Create { without_deletes: true, without_puts: true, ..single("a") });
    assert_eq!(lines(&mut world, &mut stream).await.len(), 3);
    world.write(vec![vec![put("a", "2.0")], vec![delete("a")]]);
    assert_eq!(lines(&mut world, &mut stream).await, ["1@2 put a=2.0", "0@3 del a"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_there_before_is_shown_to_those_who_want_it() {
    let mut world = world();
    world.write(vec![vec![put("a", "2.0")]]);
    let mut stream = world.open();
    stream.create(Create { with_previous: true, ..single("a") });
    stream.create(single("a"));
    stream.create(Create { with_previous: true, start: at(2), ..single("a") });
    assert_eq!(lines(&mut world, &mut stream).await.len(), 4);
    world.write(vec![vec![put("a", "3.0")], vec![delete("a")], vec![put("a", "5.0")]]);
    let told = lines(&mut world, &mut stream).await;
    let of = |id: &str| told.iter().filter(|line| line.starts_with(id)).cloned().collect::<Vec<_>>();
    assert_eq!(of("0@"), ["0@3 put a=3.0 was a=2.0", "0@4 del a was a=3.0", "0@5 put a=5.0"]);
    assert_eq!(of("1@"), ["1@3 put a=3.0", "1@4 del a", "1@5 put a=5.0"]);
    assert_eq!(of("2@"), ["2@3 put a=3.0 was a=2.0", "2@4 del a was a=3.0", "2@5 put a=5.0"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_was_there_before_a_put_that_follows_a_delete_of_its_own_transaction() {
    let mut world = world();
    world.write(vec![vec![put("a", "2.0")], vec![delete("a"), put("a", "3.1")]]);
    let mut stream = world.open();
    stream.create(Create { with_previous: true, ..single("a") });
    stream.create(Create { with_previous: true, start: at(3), ..single("a") });
    let past = lines(&mut world, &mut stream).await;
    assert_eq!(past.last().map(String::as_str), Some("1@3 del a was a=2.0, put a=3.1"));
    world.write(vec![vec![delete("a"), put("a", "4.1")]]);
    let now = lines(&mut world, &mut stream).await;
    assert_eq!(now, ["0@4 del a was a=3.1, put a=4.1", "1@4 del a was a=3.1, put a=4.1"]);
}

#[tokio::test(start_paused = true)]
async fn a_long_revision_is_split_for_those_who_accept_it_and_only_for_those() {
    let mut world = World::new(1, Settings { fragment_bytes: 100, ..Settings::default() });
    let mut stream = world.open();
    stream.create(Create { in_fragments: true, ..prefix() });
    stream.create(Create { in_fragments: true, ..prefix() });
    stream.create(prefix());
    assert_eq!(lines(&mut world, &mut stream).await.len(), 3);
    world.write(vec![vec![put("a", "2.0"), put("aa", "2.1"), put("ab", "2.2")], vec![put("a", "3.0")]]);
    let told = lines(&mut world, &mut stream).await;
    let pieces = ["@2 put a=2.0, put aa=2.1 …", "@2 put ab=2.2"];
    let mut expected: Vec<String> =
        ["0", "1"].iter().flat_map(|id| pieces.map(|piece| format!("{id}{piece}"))).collect();
    expected.push("2@2 put a=2.0, put aa=2.1, put ab=2.2".into());
    expected.extend(["0@3 put a=3.0", "1@3 put a=3.0", "2@3 put a=3.0"].map(String::from));
    assert_eq!(told, expected);
}

#[tokio::test(start_paused = true)]
async fn progress_is_told_once_all_is_told_that_was_there_when_it_was_asked_for() {
    let mut world = world();
    let mut stream = world.open();
    stream.ask_progress(); // no watch, no answer
    assert!(lines(&mut world, &mut stream).await.is_empty());
    stream.create(single("a"));
    world.write(vec![vec![put("a", "2.0")], vec![put("z", "3.0")]]);
    stream.ask_progress();
    assert_eq!(lines(&mut world, &mut stream).await, ["0@1 created", "0@2 put a=2.0", "-1@3 progress"]);
}

#[tokio::test(start_paused = true)]
async fn progress_is_not_told_to_a_stream_that_is_behind() {
    let mut world = World::new(1, Settings { window_bytes: 100, ..Settings::default() });
    let mut stream = world.open();
    stream.create(single("a"));
    world.settle().await;
    for revision in 2..=4 {
        world.write(vec![vec![put("a", &format!("{revision}.0{}", "x".repeat(100)))]]);
        world.settle().await;
    }
    stream.ask_progress();
    world.settle().await;
    let told = world.told(&mut stream).await;
    assert!(told.iter().all(|message| message.news != News::Progress), "{told:?}");
    stream.ask_progress();
    assert_eq!(lines(&mut world, &mut stream).await, ["-1@4 progress"]);
}

#[tokio::test(start_paused = true)]
async fn a_quiet_watcher_that_asked_for_it_is_told_of_progress_from_time_to_time() {
    let interval = Duration::from_secs(10);
    let mut world = World::new(1, Settings { progress_interval: interval, ..Settings::default() });
    let mut stream = world.open();
    stream.create(Create { with_progress: true, ..single("a") });
    stream.create(Create { with_progress: true, ..single("b") });
    stream.create(single("a"));
    stream.create(Create { with_progress: true, start: at(100), ..single("a") });
    assert_eq!(lines(&mut world, &mut stream).await.len(), 4);
    world.write(vec![vec![put("b", "2.0")]]);
    assert_eq!(lines(&mut world, &mut stream).await, ["1@2 put b=2.0"]);
    let mut heard = Vec::new();
    for seconds in 1..=22 {
        world.clock.advance(Duration::from_secs(1));
        for line in lines(&mut world, &mut stream).await {
            heard.push((seconds, line));
        }
    }
    let (first, second): (Vec<_>, Vec<_>) = heard.into_iter().partition(|(seconds, _)| *seconds <= 11);
    assert_eq!(first.iter().map(|(_, line)| line.as_str()).collect::<Vec<_>>(), ["0@2 progress"]);
    assert!(first[0].0 >= 10, "not before the interval");
    let second: Vec<&str> = second.iter().map(|(_, line)| line.as_str()).collect();
    assert_eq!(second, ["0@2 progress", "1@2 progress"]);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_stream_leaves_nothing_behind_and_the_feed_rests() {
    let mut world = World::new(1, Settings { feed_bytes_max: 1, ..Settings::default() });
    let mut stream = world.open();
    for _ in 0..100 {
        stream.create(Create { start: at(1), ..prefix() });
    }
    assert_eq!(lines(&mut world, &mut stream).await.len(), 100);
    assert!(world.feed.is_watched());
    drop(stream);
    world.settle().await;
    assert!(!world.feed.is_watched());
}

#[tokio::test(start_paused = true)]
async fn what_the_feed_had_no_room_for_is_read_from_the_history() {
    let mut world = World::new(1, Settings { feed_bytes_max: 1, ..Settings::default() });
    let mut stream = world.open();
    stream.create(single("a"));
    world.write(vec![vec![put("a", "2.0")], vec![put("a", "3.0")]]);
    assert_eq!(lines(&mut world, &mut stream).await, ["0@1 created", "0@2 put a=2.0", "0@3 put a=3.0"]);
}

#[tokio::test(start_paused = true)]
async fn a_compaction_of_what_the_feed_had_no_room_for_ends_the_watches_of_the_present() {
    let mut world = World::new(1, Settings { feed_bytes_max: 1, ..Settings::default() });
    let mut stream = world.open();
    stream.create(single("a"));
    stream.create(Create { start: at(4), ..single("a") });
    world.settle().await;
    world.history.publish(&[2, 3, 4, 5].map(|revision| quorate_types::Changes {
        revision: at(revision),
        changes: vec![put("a", &format!("{revision}.0"))],
    }));
    world.history.compact(at(4));
    world.feed.jump(world.history.newest());
    let expected = ["0@1 created", "1@1 created", "0@0 compacted 4", "1@4 put a=4.0", "1@5 put a=5.0"];
    assert_eq!(lines(&mut world, &mut stream).await, expected);
}

#[tokio::test(start_paused = true)]
async fn when_the_state_is_replaced_what_led_there_is_told_from_the_history() {
    let mut world = world();
    let mut stream = world.open();
    stream.create(Create { with_previous: true, ..single("a") });
    stream.create(Create { start: at(4), ..prefix() });
    world.write(vec![vec![put("a", "2.0")]]);
    world.settle().await;
    world.replace(vec![vec![put("a", "3.0")], vec![put("ab", "4.0")], vec![delete("a")]], Some(at(3)));
    world.write(vec![vec![put("a", "6.0")]]);
    stream.ask_progress();
    let expected = [
        "0@1 created",
        "1@1 created",
        "0@2 put a=2.0",
        "0@3 put a=3.0", // what was there before is compacted
        "1@4 put ab=4.0",
        "0@5 del a was a=3.0",
        "1@5 del a",
        "0@6 put a=6.0",
        "1@6 put a=6.0",
        "-1@6 progress",
    ];
    let mut told = lines(&mut world, &mut stream).await;
    told.sort_by_key(|line| line.split(['@', ' ']).nth(1).and_then(|revision| revision.parse::<i64>().ok()));
    assert_eq!(told, expected);
}

#[tokio::test(start_paused = true)]
async fn a_crowd_shares_the_bytes_of_an_event() {
    let mut world = world();
    let mut stream = world.open();
    (0..1500).for_each(|_| stream.create(prefix()));
    assert_eq!(world.told(&mut stream).await.len(), 1500);
    world.write(vec![vec![put("a", "2.0")]]);
    let told = world.told(&mut stream).await;
    assert_eq!(told.len(), 1500);
    let address = |message: &Message| match &message.news {
        News::Events { events, .. } => events[0].as_ptr(),
        other => panic!("{other:?}"),
    };
    assert!(told.iter().all(|message| address(message) == address(&told[0])));
    let mut ids: Vec<i64> = told.iter().map(|message| message.watch_id).collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..1500).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_slow_stream_is_its_window_and_one_revision() {
    let settings = Settings { window_bytes: 10_000, ring_bytes_max: 0, ..Settings::default() };
    let mut world = World::new(1, settings);
    let mut stream = world.open();
    stream.create(single("a"));
    world.settle().await;
    for revision in 2..200 {
        world.write(vec![vec![put("a", &format!("{revision}.0{}", "x".repeat(1000)))]]);
        world.settle().await;
        assert!(stream.waiting_bytes() < 10_000 + 2000, "WA7: {}", stream.waiting_bytes());
    }
    assert!(stream.waiting_bytes() > 10_000);
    let events = |message: &Message| match &message.news {
        News::Events { events, .. } => events.len(),
        _ => 0,
    };
    let told = world.told(&mut stream).await;
    assert_eq!(told.iter().map(events).sum::<usize>(), 198);
    assert_eq!(stream.waiting_bytes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_history_that_fails_ends_the_node() {
    let mut world = World::new(1, Settings { ring_bytes_max: 0, ..Settings::default() });
    world.write(vec![vec![put("a", "2.0")]]);
    let stream = world.open();
    world.history.break_down();
    stream.create(Create { start: at(1), ..single("a") });
    let group = world.group.clone();
    let failure = world.scheduler.drive(group.failed()).await;
    assert_eq!(failure.to_string(), "watch failed");
}
