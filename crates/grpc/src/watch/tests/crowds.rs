//! Many watches, and one that nobody reads.

use super::*;
use quorate_coordinator::watch::{Create, News, Settings};
use quorate_types::{KeyRange, Revision};

/// Asks for watches of `keys` and waits until all of them are there.
async fn create_all(
    scene: &Scene,
    sender: &Sender<WatchRequest>,
    replies: &mut Streaming<WatchResponse>,
    keys: impl ExactSizeIterator<Item = String>,
) {
    let count = keys.len();
    for key in keys {
        create(sender, WatchCreateRequest { key: key.into(), ..Default::default() });
    }
    for _ in 0..count {
        assert!(next(scene, replies).await.created);
    }
}

#[tokio::test]
async fn ten_thousand_watchers_of_a_key_are_told_of_each_change_once() {
    let scene = Scene::new();
    let mut streams = Vec::new();
    for _ in 0..10 {
        let (sender, mut replies) = watch_with_room(&scene, 1000).await;
        create_all(&scene, &sender, &mut replies, (0..1000).map(|_| "a".to_owned())).await;
        streams.push((sender, replies));
    }
    for revision in [2, 3] {
        put(&scene, "a", "1").await;
        for (_, replies) in &mut streams {
            let mut told = [false; 1000];
            for _ in 0..1000 {
                let message = next(&scene, replies).await;
                assert_eq!(message.header, header(revision));
                assert_eq!(message.events.len(), 1);
                let is_told = &mut told[usize::try_from(message.watch_id).unwrap()];
                assert!(!std::mem::replace(is_told, true), "{} was told twice", message.watch_id);
            }
        }
    }
}

#[tokio::test]
async fn a_stream_with_a_hundred_thousand_watches_tells_only_whom_it_concerns() {
    let count = 100_000;
    let scene = Scene::new();
    let (sender, mut replies) = watch_with_room(&scene, count).await;
    create_all(&scene, &sender, &mut replies, (0..count).map(|number| format!("k{number}"))).await;
    for (revision, key, watch_id) in [(2, "k0", 0), (3, "k99999", 99_999), (4, "k5", 5)] {
        put(&scene, key, "1").await;
        let message = next(&scene, &mut replies).await;
        assert_eq!((message.header, message.watch_id), (header(revision), watch_id));
    }
    put(&scene, "nobody's", "1").await;
    say(&sender, RequestUnion::ProgressRequest(WatchProgressRequest {}));
    assert_eq!(next(&scene, &mut replies).await, response(5, -1));
}

#[tokio::test]
async fn a_watcher_that_never_reads_costs_a_window_and_holds_up_nobody() {
    let (puts, value) = (400, "v".repeat(64 << 10));
    let scene = Scene::new();
    let mut idle = scene.door.watch().unwrap();
    idle.create(Create {
        watch_id: None,
        range: KeyRange::Single("a".into()),
        start: Revision(0),
        with_previous: false,
        without_puts: false,
        without_deletes: false,
        in_fragments: false,
        with_progress: false,
    });
    let (sender, mut replies) = watch(&scene).await;
    create(&sender, WatchCreateRequest { key: "a".into(), ..Default::default() });
    assert!(next(&scene, &mut replies).await.created);
    let value: &'static str = value.leak();
    let mut most = 0;
    for revision in 2..2 + puts {
        put(&scene, "a", value).await;
        assert_eq!(next(&scene, &mut replies).await.header, header(revision));
        most = most.max(idle.waiting_bytes());
    }
    let window = Settings::default().window_bytes;
    assert!(most < window + (1 << 20), "{most} bytes wait for it, of {} written", value.len() * 400);
    // It is told everything all the same, once it reads.
    let mut told = 1;
    while told < 1 + puts {
        let message = scene.run(std::future::poll_fn(|context| idle.poll_next(context))).await;
        match message.news {
            News::Events { events, .. } => {
                assert!(!events.is_empty());
                told += i64::try_from(events.len()).unwrap();
                assert!(message.revision.0 >= told);
            }
            News::Created => assert_eq!(told, 1),
            news => panic!("{news:?}"),
        }
    }
}
