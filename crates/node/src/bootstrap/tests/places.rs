//! When two lists of URLs are the same places.

use super::super::Outside;
use super::super::places::{LookUp, compare, settle};
use crate::url::Url;
use futures::future::BoxFuture;
use quorate_tasks::testing::ManualClock;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

fn urls(list: &str) -> Vec<Url> {
    let (urls, wrong) = Url::parse_all(&list.split(' ').map(str::to_owned).collect::<Vec<_>>());
    assert!(wrong.is_empty(), "{wrong:?}");
    urls
}

/// etcd's example of a world.
fn world(url: &Url) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
    let found = match url.host() {
        "example.com" => Ok(vec![[10, 0, 10, 1].into()]),
        "first.com" => Ok(vec![[10, 0, 11, 1].into(), [10, 0, 11, 9].into()]),
        "second.com" => Ok(vec![[10, 0, 11, 2].into()]),
        _ => Err(io::Error::new(io::ErrorKind::NotFound, "no such host")),
    };
    Box::pin(std::future::ready(found))
}

/// "same", or why not.
async fn told(left: &str, right: &str, look_up: &LookUp) -> String {
    let outside = Outside { clock: &ManualClock::default(), look_up, nameservers: &Vec::new };
    let outcome = settle(&urls(left), &urls(right), &outside).await;
    outcome.map_or_else(|why| why.to_string(), |()| "same".to_owned())
}

#[tokio::test]
async fn names_are_where_they_lead() {
    for (left, right, expected) in [
        ("http://example.com:2379", "http://10.0.10.1:2379", "same"),
        (
            "http://example.com:2380",
            "http://10.0.10.1:2379",
            r#"resolved urls: "http://10.0.10.1:2380" != "http://10.0.10.1:2379""#,
        ),
        (
            "http://example.com:2379 http://127.0.0.1:2380",
            "http://10.0.0.1:2379 http://127.0.0.1:2380",
            r#"resolved urls: "http://10.0.10.1:2379" != "http://10.0.0.1:2379""#,
        ),
        (
            "http://second.com:2380 http://first.com:2379",
            "http://10.0.11.1:2379 http://10.0.11.2:2380",
            "same",
        ),
    ] {
        assert_eq!(told(left, right, &world).await, expected, "{left} {right}");
    }
}

#[tokio::test]
async fn nothing_is_looked_up_where_texts_or_addresses_tell() {
    let nobody: &LookUp = &|url| panic!("nobody should ask where {url} is");
    for (left, right, expected) in [
        ("http://a:1 http://b:2", "http://b:2 http://a:1", "same"),
        ("http://[0:0::1]:1", "http://[::1]:1", "same"),
        (
            "http://10.0.0.1:2379",
            "http://10.0.0.1:2379 http://127.0.0.1:2380",
            r#"len(["http://10.0.0.1:2379"]) != len(["http://10.0.0.1:2379" "http://127.0.0.1:2380"])"#,
        ),
        (
            "http://127.0.0.1:2379",
            "http://10.0.0.1:2379",
            r#"resolved urls: "http://127.0.0.1:2379" != "http://10.0.0.1:2379""#,
        ),
        // As for etcd, a name that everybody has is no place.
        (
            "http://localhost:1",
            "http://127.0.0.1:1",
            r#"resolved urls: "http://localhost:1" != "http://127.0.0.1:1""#,
        ),
    ] {
        assert!(compare(&urls(left), &urls(right)).is_some(), "{left} {right}");
        assert_eq!(told(left, right, nobody).await, expected, "{left} {right}");
    }
    assert!(compare(&urls("http://a:1"), &urls("http://10.0.0.1:1")).is_none(), "that is for a name to tell");
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_asked_for_again_for_half_a_minute() {
    let (clock, asked) = (ManualClock::default(), AtomicUsize::new(0));
    let asked_times = |times: &'static AtomicUsize, found_at: usize| {
        move |_: &Url| -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
            let found = match times.fetch_add(1, Ordering::Relaxed) {
                at if at == found_at => Ok(vec![[10, 0, 0, 1].into()]),
                _ => Err(io::Error::new(io::ErrorKind::NotFound, "no such host")),
            };
            Box::pin(std::future::ready(found))
        }
    };
    let asked: &'static AtomicUsize = Box::leak(Box::new(asked));
    let waiting = async |look_up: &LookUp| {
        let outside = Outside { clock: &clock, look_up, nameservers: &Vec::new };
        let (left, right) = (urls("http://late:1"), urls("http://10.0.0.1:1"));
        let mut work = Box::pin(settle(&left, &right, &outside));
        let mut seconds = 0;
        loop {
            match futures::poll!(&mut work) {
                std::task::Poll::Ready(outcome) => return (outcome.map_err(|why| why.to_string()), seconds),
                std::task::Poll::Pending => clock.advance(Duration::from_secs(1)),
            }
            seconds += 1;
        }
    };
    assert_eq!(waiting(&asked_times(asked, 20)).await, (Ok(()), 20));
    asked.store(0, Ordering::Relaxed);
    let (outcome, seconds) = waiting(&asked_times(asked, usize::MAX)).await;
    assert_eq!(outcome, Err("lookup late: no such host".to_owned()));
    assert!((28..=30).contains(&seconds), "{seconds}");
    let never: &LookUp = &|_| Box::pin(std::future::pending());
    let (outcome, seconds) = waiting(never).await;
    assert_eq!((outcome, seconds), (Err("lookup late: deadline exceeded".to_owned()), 30));
}
