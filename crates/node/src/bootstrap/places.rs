//! Whether two lists of URLs are the same places: by their texts, and where names are in the way, by their addresses.

use super::Outside;
use crate::url::{Url, UrlError};
use futures::future::BoxFuture;
use quorate_tasks::{Clock, Moment};
use std::io;
use std::net::IpAddr;
use std::time::Duration;

/// How long names may take to resolve, all of one comparison together. etcd's.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long it rests before it asks for a name again. etcd's.
const PAUSE: Duration = Duration::from_secs(1);

/// Finds the addresses of a name: at least one, or an error.
pub(crate) type LookUp = dyn Fn(&Url) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync;

/// Why they are not, in etcd's words.
#[derive(Debug, thiserror::Error)]
pub enum Difference {
    /// There are more of one kind.
    #[error("len({}) != len({})", quoted(.0), quoted(.1))]
    Count(Vec<Url>, Vec<Url>),
    /// The first that differ.
    #[error("resolved urls: \"{0}\" != \"{1}\"")]
    Place(Url, Url),
    /// A name has no address.
    #[error("lookup {}: {source}", url.host())]
    Unresolved {
        /// Where the name stands.
        url: Url,
        /// What the system said last.
        source: io::Error,
    },
    /// One is no URL that could be compared.
    #[error(transparent)]
    Unreadable(#[from] UrlError),
}

/// The addresses of a name, as the system finds them.
pub(crate) fn look_up(url: &Url) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
    let (host, port) = (url.host().to_owned(), url.port());
    Box::pin(async move {
        let found: Vec<IpAddr> =
            tokio::net::lookup_host((host, port)).await?.map(|address| address.ip()).collect();
        if found.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "no such host"));
        }
        Ok(found)
    })
}

/// The first address of a name: as for etcd, that is where it leads.
async fn first(url: &Url, outside: &Outside<'_>) -> io::Result<IpAddr> {
    let found = (outside.look_up)(url).await?;
    found.first().copied().ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// Whether `left` and `right` are the same, as far as that shows without resolving names; none if it does not.
pub(crate) fn compare(left: &[Url], right: &[Url]) -> Option<Result<(), Difference>> {
    if left.len() != right.len() {
        return Some(Err(Difference::Count(left.to_vec(), right.to_vec())));
    }
    if sorted(left) == sorted(right) {
        return Some(Ok(()));
    }
    let placed = |urls: &[Url]| -> Option<Vec<Url>> { urls.iter().map(fixed).collect() };
    Some(match_up(&placed(left)?, &placed(right)?))
}

/// Whether `left` and `right` are the same places. Names that do not resolve are asked for again until half a minute has
/// passed.
pub(crate) async fn settle(left: &[Url], right: &[Url], outside: &Outside<'_>) -> Result<(), Difference> {
    if let Some(settled) = compare(left, right) {
        return settled;
    }
    let deadline = outside.clock.now() + PATIENCE;
    let (left, right) = (resolved(left, deadline, outside).await?, resolved(right, deadline, outside).await?);
    match_up(&left, &right)
}

async fn resolved(urls: &[Url], deadline: Moment, outside: &Outside<'_>) -> Result<Vec<Url>, Difference> {
    let mut places = Vec::new();
    for url in urls {
        places.push(match fixed(url) {
            Some(place) => place,
            None => place(url, deadline, outside).await?,
        });
    }
    Ok(places)
}

async fn place(url: &Url, deadline: Moment, outside: &Outside<'_>) -> Result<Url, Difference> {
    let clock: &dyn Clock = outside.clock;
    loop {
        let found = quorate_tasks::timeout(clock, deadline, first(url, outside)).await;
        let error = match found {
            Ok(Ok(ip)) => {
                tracing::info!(%url, %ip, "resolved URL Host");
                return Ok(url.at(ip));
            }
            Ok(Err(error)) => error,
            Err(elapsed) => io::Error::new(io::ErrorKind::TimedOut, elapsed),
        };
        if clock.now() + PAUSE >= deadline {
            return Err(Difference::Unresolved { url: url.clone(), source: error });
        }
        tracing::warn!(%url, %error, "failed to resolve URL Host; it is asked for again");
        clock.sleep_until(clock.now() + PAUSE).await;
    }
}

/// The place of a URL, if its name resolves when it is asked for once.
pub(crate) async fn at_once(url: &Url, outside: &Outside<'_>) -> Option<Url> {
    if let Some(place) = fixed(url) {
        return Some(place);
    }
    let (clock, found) = (outside.clock, first(url, outside));
    let found = quorate_tasks::timeout(clock, clock.now() + PATIENCE, found).await;
    found.ok()?.ok().map(|ip| url.at(ip))
}

/// The place of a URL that needs no resolving. As for etcd, `localhost` is only itself.
fn fixed(url: &Url) -> Option<Url> {
    if url.host() == "localhost" { Some(url.clone()) } else { url.ip().map(|ip| url.at(ip)) }
}

fn match_up(left: &[Url], right: &[Url]) -> Result<(), Difference> {
    let pairs = sorted(left).into_iter().zip(sorted(right));
    match pairs.into_iter().find(|(left, right)| left != right) {
        Some((left, right)) => Err(Difference::Place(left, right)),
        None => Ok(()),
    }
}

/// In the order of their texts, as etcd sorts them.
fn sorted(urls: &[Url]) -> Vec<Url> {
    let mut urls = urls.to_vec();
    urls.sort_by_cached_key(Url::to_string);
    urls
}

/// With commas between them, sorted.
pub(crate) fn joined(urls: &[Url]) -> String {
    let texts: Vec<String> = sorted(urls).iter().map(Url::to_string).collect();
    texts.join(",")
}

/// As Go's `%q` writes a list.
fn quoted(urls: &[Url]) -> String {
    let texts: Vec<String> = urls.iter().map(|url| format!("\"{url}\"")).collect();
    format!("[{}]", texts.join(" "))
}
