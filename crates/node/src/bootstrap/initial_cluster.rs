//! `--initial-cluster`: who is in the cluster, and what can be wrong with that without asking anybody.

use super::places::{self, Difference};
use crate::config::ClusterState;
use crate::url::{Url, UrlError};
use std::collections::BTreeMap;
use std::fmt;

/// The members by name, each with its peer URLs in the order of their texts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InitialCluster {
    members: BTreeMap<String, Vec<Url>>,
}

/// Why a part of it names no member.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PairError {
    /// It is no pair.
    #[error("`{0}`: expected name=url pairs, separated by commas")]
    Form(String),
    /// It is one, but not of a URL.
    #[error(transparent)]
    Url(#[from] UrlError),
}

/// Why a member cannot begin with it, in etcd's words.
#[derive(Debug, thiserror::Error)]
pub enum Mistake {
    /// Its own name is not in it.
    #[error("couldn't find local name {0:?} in the initial cluster configuration")]
    NoSuchName(String),
    /// It is there, but elsewhere.
    #[error(transparent)]
    Unlike(Box<Unlike>),
    /// Two members are at one place, or one is twice.
    #[error("initial cluster {0} has duplicate url")]
    Duplicate(InitialCluster),
    /// A cluster is to be joined, and nobody of it is named, or answers.
    #[error(
        "cannot fetch cluster info from peer urls: could not retrieve cluster information from the given URLs"
    )]
    NobodyAnswers,
}

/// A member's URLs in `--initial-cluster` are not those it advertises.
#[derive(Debug, thiserror::Error)]
pub struct Unlike {
    name: String,
    listed: Vec<Url>,
    advertised: Vec<Url>,
    why: Difference,
}

impl InitialCluster {
    /// A cluster of `name`, and nobody else.
    pub(crate) fn alone(name: &str, urls: &[Url]) -> Self {
        let mut cluster = Self::default();
        urls.iter().for_each(|url| cluster.add(name, url.clone()));
        cluster
    }

    /// Reads `name=url` pairs with commas between them; a member may have several. Also tells what is wrong with the
    /// others.
    pub(crate) fn parse(text: &str) -> (Self, Vec<PairError>) {
        let (mut cluster, mut wrong) = (Self::default(), Vec::new());
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let pair = part.split_once('=').ok_or_else(|| PairError::Form(part.to_owned()));
            match pair.and_then(|(name, url)| Ok((name, Url::parse(url.trim())?))) {
                Ok((name, url)) => cluster.add(name, url),
                Err(error) => wrong.push(error),
            }
        }
        (cluster, wrong)
    }

    /// One more URL of the member `name`.
    pub(crate) fn add(&mut self, name: &str, url: Url) {
        let urls = self.members.entry(name.to_owned()).or_default();
        urls.push(url);
        urls.sort_by_cached_key(Url::to_string);
    }

    /// The members by name.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, &[Url])> {
        self.members.iter().map(|(name, urls)| (name.as_str(), urls.as_slice()))
    }

    /// All members but `name`.
    pub(crate) fn others(&self, name: &str) -> impl Iterator<Item = (&str, &[Url])> {
        self.members().filter(move |(other, _)| *other != name)
    }

    /// Where the member `name` is.
    pub(crate) fn urls(&self, name: &str) -> Option<&[Url]> {
        self.members.get(name).map(Vec::as_slice)
    }

    /// Everything that is wrong with it for the member `name`, as far as that shows without a network: names may have to
    /// be resolved before it is known whether the advertised URLs are the listed ones ([`super::open`]).
    pub(crate) fn mistakes(&self, name: &str, advertised: &[Url], state: ClusterState) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        match self.urls(name) {
            None => mistakes.push(Mistake::NoSuchName(name.to_owned())),
            // Who joins has told the cluster where it is when it was added.
            Some(listed) if state == ClusterState::New => {
                if let Some(Err(why)) = places::compare(advertised, listed) {
                    mistakes.push(Mistake::unlike(name, listed, advertised, why));
                }
            }
            Some(_) if self.members.len() == 1 => mistakes.push(Mistake::NobodyAnswers),
            Some(_) => {}
        }
        if self.has_duplicate() {
            mistakes.push(Mistake::Duplicate(self.clone()));
        }
        mistakes
    }

    pub(crate) fn has_duplicate(&self) -> bool {
        let mut all: Vec<&Url> = self.members.values().flatten().collect();
        all.sort_unstable();
        all.windows(2).any(|pair| pair[0] == pair[1])
    }
}

/// As etcd writes it: `name=url` pairs, sorted.
impl fmt::Display for InitialCluster {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs =
            self.members().flat_map(|(name, urls)| urls.iter().map(move |url| format!("{name}={url}")));
        let mut pairs: Vec<String> = pairs.collect();
        pairs.sort_unstable();
        formatter.write_str(&pairs.join(","))
    }
}

impl Mistake {
    pub(crate) fn unlike(name: &str, listed: &[Url], advertised: &[Url], why: Difference) -> Self {
        let (listed, advertised) = (listed.to_vec(), advertised.to_vec());
        Self::Unlike(Box::new(Unlike { name: name.to_owned(), listed, advertised, why }))
    }
}

/// etcd: `config.go`, `advertiseMatchesCluster`; unlike it, what `--initial-cluster` says is told, not what it should say.
impl fmt::Display for Unlike {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let without = |urls: &[Url], others: &[Url]| -> Vec<Url> {
            urls.iter().filter(|url| !others.contains(url)).cloned().collect()
        };
        let pairs = |urls: &[Url]| InitialCluster::alone(&self.name, urls).to_string();
        let (advertised, why) = (places::joined(&self.advertised), &self.why);
        let (missing, more) =
            (without(&self.listed, &self.advertised), without(&self.advertised, &self.listed));
        if !missing.is_empty() {
            let missing = pairs(&missing);
            write!(
                formatter,
                "--initial-cluster has {missing} but missing from --initial-advertise-peer-urls={advertised} ({why})"
            )
        } else if !more.is_empty() {
            let (more, listed) = (places::joined(&more), pairs(&self.listed));
            write!(
                formatter,
                "--initial-advertise-peer-urls has {more} but missing from --initial-cluster={listed}"
            )
        } else {
            let listed = pairs(&self.listed);
            write!(formatter, "failed to resolve {advertised} to match --initial-cluster={listed} ({why})")
        }
    }
}
