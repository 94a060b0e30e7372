//! The clients, `quorate-load cluster`, on a host of their own: a command a line, and its answer.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;

use super::network::{CLIENTS, Network};

/// They are killed when this is dropped.
#[derive(Debug)]
pub(super) struct Clients {
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// What a member says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) member: u64,
    pub(super) leader: u64,
    pub(super) term: u64,
}

/// How writes went on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Resumed {
    /// The longest time without an acknowledged write since the last time, the fault included.
    pub(super) pause: Duration,
    /// From now until one was acknowledged through every member.
    pub(super) all: Duration,
}

impl Clients {
    pub(super) fn start(
        load: &Path,
        endpoints: &str,
        (history, seed): (&Path, u64),
    ) -> anyhow::Result<Clients> {
        let words = Network::words(CLIENTS);
        let (first, rest) = words.split_first().context("a program")?;
        let mut command = Command::new(first);
        command.args(rest).arg(load).args(["cluster", "--endpoints", endpoints, "--seed", &seed.to_string()]);
        command.arg("--history").arg(history).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("start the clients")?;
        let commands = child.stdin.take().context("their stdin")?;
        let answers = BufReader::new(child.stdout.take().context("their stdout")?);
        Ok(Clients { child, commands, answers })
    }

    /// One entry a member, in their order; nothing of those that do not answer.
    pub(super) fn statuses(&mut self) -> anyhow::Result<Vec<Option<Status>>> {
        let said = self.command("status")?;
        let all = said["members"].as_array().context("a list of members")?;
        let status = |one: &Value| {
            let number = |name: &str| one[name].as_u64();
            let (member, leader, term) = (number("member")?, number("leader")?, number("term")?);
            Some(Status { member, leader, term })
        };
        Ok(all.iter().map(status).collect())
    }

    /// Waits until writes go on through every member.
    pub(super) fn resumed(&mut self, within: Duration) -> anyhow::Result<Resumed> {
        let said = self.command(&format!("await {}", within.as_millis()))?;
        let took = |name: &str| said[name].as_u64().map(Duration::from_millis);
        let (pause, all) = (took("pause_ms"), took("all_ms"));
        Ok(Resumed { pause: pause.context("pause_ms")?, all: all.context("all_ms")? })
    }

    /// Anything else; an error if it did not succeed.
    pub(super) fn command(&mut self, line: &str) -> anyhow::Result<Value> {
        writeln!(self.commands, "{line}").context("the clients have ended; their reason stands above")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        let answer: Value = serde_json::from_str(&answer)
            .with_context(|| format!("the clients have ended at `{line}`; their reason stands above"))?;
        match answer["error"].as_str() {
            Some(error) => bail!("{line}: {error}"),
            None => Ok(answer),
        }
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        // They may have ended by themselves; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The place of the member that leads: of several that say so, the one of the newest term.
pub(super) fn leader(statuses: &[Option<Status>]) -> Option<usize> {
    let all = statuses.iter().enumerate().filter_map(|(at, status)| Some((at, status.as_ref()?)));
    let leaders = all.filter(|(_, status)| status.member == status.leader);
    leaders.max_by_key(|(_, status)| status.term).map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_that_lead_the_newer_counts() {
        let status = |member, leader, term| Some(Status { member, leader, term });
        assert_eq!(leader(&[status(1, 1, 4), None, status(3, 3, 5)]), Some(2));
        assert_eq!(leader(&[status(1, 3, 5), None, status(3, 3, 5)]), Some(2));
        assert_eq!(leader(&[status(1, 3, 5), None]), None);
    }
}
