//! Scenarios as plain text: a line a step.
//!
//! A script is read strictly: whatever is not understood is an error with its line. Words are separated by blanks; `#` begins a
//! comment; empty lines mean nothing. The first step is `start`. When the last one is done all heals, everybody must come to the
//! same, and what clients were told is judged, as at the end of a storm.
//!
//! ```text
//! start N                            N members found the cluster and run; the members are 1, 2, ...
//! name X MEMBER                      X is another name for that member from here on
//! wait SPAN                          300ms, 2s
//! wait leader [but MEMBER]           until somebody leads, with a quorum [who is not that member]
//! wait equal                         until all that run have applied the same
//!
//! put KEY VALUE at MEMBER [lease L]  must be acknowledged
//! delete KEY at MEMBER               must be acknowledged
//! try put KEY VALUE at MEMBER        whatever comes of it
//! send put KEY VALUE at MEMBER       as `try`, but the script goes on at once
//! compact at MEMBER                  forgets all but the newest revision
//! load N | calm                      N clients do what they like at any member, until `calm`
//!
//! grant L SECONDS at MEMBER          must be granted; L is a number
//! keep L at MEMBER                   must be kept alive
//! revoke L at MEMBER                 must be acknowledged
//!
//! crash MEMBER [after N]             now, or with the N-th further operation on its log's disk
//! restart MEMBER                     on what the crash left
//! stop MEMBER | continue MEMBER      the process
//! hang MEMBER | release MEMBER       its log's disk
//! cut MEMBER -> MEMBER               nothing comes through, that way
//! cut MEMBER <-> MEMBER              both ways
//! isolate MEMBER                     both ways, from everybody
//! heal                               all cuts
//!
//! add voter|learner X at MEMBER      a new member with an empty disk, which runs at once
//! promote MEMBER at MEMBER
//! remove MEMBER at MEMBER            its process goes on: it has yet to hear of it
//! transfer MEMBER                    the leader hands over to it
//!
//! expect KEY = VALUE at MEMBER       a linearizable read
//! expect KEY gone at MEMBER          likewise
//! expect leader MEMBER               it leads, with a quorum
//! expect no leader at MEMBER         it knows of none
//! expect unanswered put KEY VALUE at MEMBER
//! expect lease L lives|gone at MEMBER
//! expect states N                    at least N whole states were taken over so far
//! ```
//!
//! MEMBER is a number, a name, `leader` (who leads now) or `follower` (the first that runs and does not lead).

mod words;

use std::time::Duration;
use words::Words;

/// A script that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    pub(crate) members: u64,
    pub(crate) lines: Vec<Line>,
}

/// Why a text is no script.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct NoScript {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

/// A step and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) number: usize,
    pub(crate) step: Step,
}

/// A member, as a script names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Who {
    Leader,
    Follower,
    Named(String),
}

/// A write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Put {
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) lease: i64,
    pub(crate) at: Who,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Name(String, Who),
    Wait(Duration),
    WaitLeader { but: Option<Who> },
    WaitEqual,
    Put(Put),
    TryPut(Put),
    SendPut(Put),
    Delete { key: String, at: Who },
    Compact { at: Who },
    Load(u32),
    Calm,
    Grant { lease: i64, ttl: i64, at: Who },
    Keep { lease: i64, at: Who },
    Revoke { lease: i64, at: Who },
    Crash { who: Who, after: Option<u64> },
    Restart(Who),
    Stop(Who),
    Continue(Who),
    Hang(Who),
    Release(Who),
    Cut { from: Who, to: Who, both: bool },
    Isolate(Who),
    Heal,
    Add { name: String, is_learner: bool, at: Who },
    Promote { who: Who, at: Who },
    Remove { who: Who, at: Who },
    Transfer(Who),
    ExpectValue { key: String, value: Option<String>, at: Who },
    ExpectLeader(Who),
    ExpectNoLeader(Who),
    ExpectUnanswered(Put),
    ExpectLease { lease: i64, lives: bool, at: Who },
    ExpectStates(u64),
}

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    /// The first line that is not understood, or that has no place there.
    pub fn parse(text: &str) -> Result<Self, NoScript> {
        let mut members = None;
        let mut lines = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let number = at + 1;
            let mut words = Words::of(line);
            if words.is_empty() {
                continue;
            }
            let wrong = |what: String| NoScript { line: number, what };
            match members {
                None => members = Some(start(&mut words).map_err(wrong)?),
                Some(_) => lines.push(Line { number, step: step(&mut words).map_err(wrong)? }),
            }
            words.finish().map_err(wrong)?;
        }
        let nothing = || NoScript { line: 1, what: "a script begins with `start N`".into() };
        Ok(Self { members: members.ok_or_else(nothing)?, lines })
    }
}

fn start(words: &mut Words<'_>) -> Result<u64, String> {
    words.word("start")?;
    let members = words.number()?;
    if (1..=9).contains(&members) { Ok(members) } else { Err("1 to 9 members".into()) }
}

fn step(words: &mut Words<'_>) -> Result<Step, String> {
    Ok(match words.next()? {
        "name" => Step::Name(words.name()?, words.who()?),
        "wait" => return wait(words),
        "put" => Step::Put(put(words)?),
        "try" => {
            words.word("put")?;
            Step::TryPut(put(words)?)
        }
        "send" => {
            words.word("put")?;
            Step::SendPut(put(words)?)
        }
        "delete" => Step::Delete { key: words.text()?, at: words.at()? },
        "compact" => Step::Compact { at: words.at()? },
        "load" => Step::Load(words.number()?),
        "calm" => Step::Calm,
        "grant" => Step::Grant { lease: words.number()?, ttl: words.number()?, at: words.at()? },
        "keep" => Step::Keep { lease: words.number()?, at: words.at()? },
        "revoke" => Step::Revoke { lease: words.number()?, at: words.at()? },
        "crash" => {
            let who = words.who()?;
            let after = if words.is("after") { Some(words.number()?) } else { None };
            Step::Crash { who, after }
        }
        "restart" => Step::Restart(words.who()?),
        "stop" => Step::Stop(words.who()?),
        "continue" => Step::Continue(words.who()?),
        "hang" => Step::Hang(words.who()?),
        "release" => Step::Release(words.who()?),
        "cut" => {
            let from = words.who()?;
            let both = match words.next()? {
                "->" => false,
                "<->" => true,
                other => return Err(format!("`->` or `<->`, not `{other}`")),
            };
            Step::Cut { from, to: words.who()?, both }
        }
        "isolate" => Step::Isolate(words.who()?),
        "heal" => Step::Heal,
        "add" => {
            let is_learner = words.either("learner", "voter")?;
            Step::Add { is_learner, name: words.name()?, at: words.at()? }
        }
        "promote" => Step::Promote { who: words.who()?, at: words.at()? },
        "remove" => Step::Remove { who: words.who()?, at: words.at()? },
        "transfer" => Step::Transfer(words.who()?),
        "expect" => return expect(words),
        other => return Err(format!("no step is called `{other}`")),
    })
}

fn wait(words: &mut Words<'_>) -> Result<Step, String> {
    if words.is("leader") {
        let but = if words.is("but") { Some(words.who()?) } else { None };
        return Ok(Step::WaitLeader { but });
    }
    if words.is("equal") {
        return Ok(Step::WaitEqual);
    }
    words.span().map(Step::Wait)
}

fn put(words: &mut Words<'_>) -> Result<Put, String> {
    let (key, value, at) = (words.text()?, words.text()?, words.at()?);
    let lease = if words.is("lease") { words.number()? } else { 0 };
    Ok(Put { key, value, lease, at })
}

fn expect(words: &mut Words<'_>) -> Result<Step, String> {
    Ok(match words.next()? {
        "leader" => Step::ExpectLeader(words.who()?),
        "no" => {
            words.word("leader")?;
            Step::ExpectNoLeader(words.at()?)
        }
        "unanswered" => {
            words.word("put")?;
            Step::ExpectUnanswered(put(words)?)
        }
        "lease" => {
            let lease = words.number()?;
            Step::ExpectLease { lease, lives: words.either("lives", "gone")?, at: words.at()? }
        }
        "states" => Step::ExpectStates(words.number()?),
        key => {
            let key = key.to_owned();
            let value = if words.is("gone") {
                None
            } else {
                words.word("=")?;
                Some(words.text()?)
            };
            Step::ExpectValue { key, value, at: words.at()? }
        }
    })
}

#[cfg(test)]
mod tests;
