//! The words of one line, taken one by one.

use super::Who;
use std::iter::Peekable;
use std::str::{FromStr, SplitWhitespace};
use std::time::Duration;

pub(super) struct Words<'a> {
    rest: Peekable<SplitWhitespace<'a>>,
}

impl<'a> Words<'a> {
    /// Those of `line` before its comment.
    pub(super) fn of(line: &'a str) -> Self {
        let code = line.split('#').next().unwrap_or_default();
        Self { rest: code.split_whitespace().peekable() }
    }

    pub(super) fn is_empty(&mut self) -> bool {
        self.rest.peek().is_none()
    }

    pub(super) fn finish(mut self) -> Result<(), String> {
        self.rest.next().map_or(Ok(()), |word| Err(format!("`{word}` has no place here")))
    }

    pub(super) fn next(&mut self) -> Result<&'a str, String> {
        self.rest.next().ok_or_else(|| "the line ends too early".into())
    }

    /// This very word.
    pub(super) fn word(&mut self, expected: &str) -> Result<(), String> {
        let word = self.next()?;
        if word == expected { Ok(()) } else { Err(format!("`{expected}`, not `{word}`")) }
    }

    /// Whether the next word is `expected`; then it is taken.
    pub(super) fn is(&mut self, expected: &str) -> bool {
        self.rest.next_if_eq(&expected).is_some()
    }

    /// Whether the next word is the first of two.
    pub(super) fn either(&mut self, first: &str, second: &str) -> Result<bool, String> {
        match self.next()? {
            word if word == first => Ok(true),
            word if word == second => Ok(false),
            word => Err(format!("`{first}` or `{second}`, not `{word}`")),
        }
    }

    pub(super) fn number<T: FromStr>(&mut self) -> Result<T, String> {
        let word = self.next()?;
        word.parse().map_err(|_| format!("a number, not `{word}`"))
    }

    pub(super) fn text(&mut self) -> Result<String, String> {
        self.next().map(str::to_owned)
    }

    /// A name that a script gives: it begins with a letter.
    pub(super) fn name(&mut self) -> Result<String, String> {
        let word = self.next()?;
        let is_taken = matches!(word, "leader" | "follower");
        let is_name = word.starts_with(|first: char| first.is_ascii_alphabetic()) && !is_taken;
        if is_name { Ok(word.to_owned()) } else { Err(format!("`{word}` is no name")) }
    }

    pub(super) fn who(&mut self) -> Result<Who, String> {
        Ok(match self.next()? {
            "leader" => Who::Leader,
            "follower" => Who::Follower,
            word => Who::Named(word.to_owned()),
        })
    }

    /// `at MEMBER`.
    pub(super) fn at(&mut self) -> Result<Who, String> {
        self.word("at")?;
        self.who()
    }

    /// `300ms` or `2s`.
    pub(super) fn span(&mut self) -> Result<Duration, String> {
        let word = self.next()?;
        let millis = word.strip_suffix("ms").and_then(|count| count.parse().ok()).map(Duration::from_millis);
        let seconds = || word.strip_suffix('s').and_then(|count| count.parse().ok()).map(Duration::from_secs);
        millis.or_else(seconds).ok_or_else(|| format!("a span like 300ms or 2s, not `{word}`"))
    }
}
