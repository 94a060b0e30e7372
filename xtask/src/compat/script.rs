//! A script of etcdctl commands with what they print: read, run, compared.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail};

use crate::command;
use crate::steps::Tally;

/// The scripts that every pair of server and etcdctl runs.
pub(crate) const ALL: [&str; 2] = [include_str!("etcdctl.txt"), include_str!("maintenance.txt")];

/// A real etcdctl and the server it talks to.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) program: PathBuf,
    pub(crate) version: String,
    pub(crate) endpoint: String,
}

/// What `<new NAME>` stood for, by name: ids that the server chooses.
type Names = BTreeMap<String, String>;

/// One command and everything it must print.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Case {
    words: Vec<String>,
    mark: Mark,
    /// It goes on until it is interrupted, which is done when it has printed all that is expected.
    is_endless: bool,
    /// What it reads.
    stdin: String,
    expected: Vec<String>,
}

/// Which pairs of etcdctl and server a command is for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Mark {
    Everybody,
    /// The oldest version of etcdctl that knows it.
    Since(String),
    /// Ours does not know it yet and must say so.
    Ahead,
}

/// Which server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Reference,
    Ours,
}

/// What a server of ours says of everything that is still to come: of a call, and of a whole service.
const AHEAD: [&str; 2] = ["not implemented", "code = Unimplemented"];

impl Client {
    /// stdout, then stderr without log lines, then `exit N` if that is not 0.
    pub(crate) fn lines(&self, words: &[String]) -> anyhow::Result<Vec<String>> {
        self.lines_after(words, "")
    }

    /// As [`Client::lines`], with `stdin` to read.
    fn lines_after(&self, words: &[String], stdin: &str) -> anyhow::Result<Vec<String>> {
        let output = command::output_with(&mut self.command(words), stdin)?;
        let (stdout, stderr) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let said = stderr.lines().filter(|line| !line.starts_with('{'));
        let mut lines: Vec<String> = stdout.lines().chain(said).map(str::to_owned).collect();
        match output.status.code() {
            Some(0) => (),
            Some(code) => lines.push(format!("exit {code}")),
            None => bail!("etcdctl {}: {}", words.join(" "), output.status),
        }
        Ok(lines)
    }

    fn command(&self, words: &[String]) -> Command {
        let mut etcdctl = Command::new(&self.program);
        etcdctl.env_clear().env("ETCDCTL_API", "3").env("ETCDCTL_ENDPOINTS", self.address()).args(words);
        etcdctl
    }

    /// As people write it: etcdctl prints endpoints as they were given.
    fn address(&self) -> &str {
        self.endpoint.trim_start_matches("http://")
    }
}

/// Runs every case that this etcdctl knows; prints what differs.
pub(crate) fn run(script: &str, (client, side): (&Client, Side), tally: &mut Tally) -> anyhow::Result<()> {
    let mut names = Names::new();
    for case in parse(&for_version(script, &client.version)?)? {
        let case = case.named(&names);
        if matches!(&case.mark, Mark::Since(since) if older(&client.version, since)) {
            continue;
        }
        if case.mark == Mark::Ahead && side == Side::Ours && case.lacks_a_name() {
            continue;
        }
        let lines = match case.is_endless {
            true => command::lines_until(&mut client.command(&case.words), case.expected.len())?,
            false => client.lines_after(&case.words, &case.stdin)?,
        };
        names.extend(case.new_names(&lines));
        let wrong = case.wrong(side, &lines);
        tally.count(wrong.is_none());
        if let Some(text) = wrong {
            println!("{text}");
        }
    }
    Ok(())
}

impl Case {
    /// With what the names stand for in its words and its expected lines.
    fn named(&self, names: &Names) -> Case {
        let replace = |text: &String| {
            names.iter().fold(text.clone(), |text, (name, value)| text.replace(&format!("<{name}>"), value))
        };
        Case {
            words: self.words.iter().map(replace).collect(),
            mark: self.mark.clone(),
            is_endless: self.is_endless,
            stdin: self.stdin.clone(),
            expected: self.expected.iter().map(replace).collect(),
        }
    }

    /// Whether a command before it would have had to give a name that this one needs.
    fn lacks_a_name(&self) -> bool {
        self.words.iter().any(|word| word.contains('<'))
    }

    /// What stands where its expected lines say `<new NAME>`.
    fn new_names(&self, lines: &[String]) -> Names {
        let capture = |(pattern, line): (&String, &String)| {
            let (head, rest) = pattern.split_once("<new ")?;
            let (name, tail) = rest.split_once('>')?;
            let value = line.strip_prefix(head)?.strip_suffix(tail)?;
            Some((name.to_owned(), value.to_owned()))
        };
        self.expected.iter().zip(lines).filter_map(capture).collect()
    }

    /// What to say about these lines if they are not what they must be.
    fn wrong(&self, side: Side, lines: &[String]) -> Option<String> {
        let holds = matches_all(&self.expected, lines);
        if self.mark == Mark::Ahead && side == Side::Ours {
            let refused = lines.iter().any(|line| AHEAD.iter().any(|words| line.contains(words)));
            return match (holds, refused) {
                (true, _) => Some(format!(
                    "etcdctl {}: works now; take the mark from etcdctl.txt",
                    self.words.join(" ")
                )),
                (false, true) => None,
                (false, false) => Some(difference(self, lines)),
            };
        }
        (!holds).then(|| difference(self, lines))
    }
}

/// The script as it is for this version of etcdctl: with what stands in `<since V:TEXT>`, or without. A line that has nothing
/// else goes too.
fn for_version(script: &str, version: &str) -> anyhow::Result<String> {
    let mut text = String::new();
    for line in script.lines() {
        let mut rest = line;
        let mut kept = String::new();
        while let Some((before, since, within, after)) = newer(rest)? {
            kept.push_str(before);
            if !older(version, since) {
                kept.push_str(within);
            }
            rest = after;
        }
        kept.push_str(rest);
        if !kept.is_empty() || line.is_empty() {
            text += &kept;
            text.push('\n');
        }
    }
    Ok(text)
}

/// What stands before the first `<since V:TEXT>` of the line, its version, its text, and what comes after it.
fn newer(line: &str) -> anyhow::Result<Option<(&str, &str, &str, &str)>> {
    let Some((before, rest)) = line.split_once("<since ") else { return Ok(None) };
    let (version, rest) = rest.split_once(':').with_context(|| format!("{line:?}: since when?"))?;
    let mut depth = 1;
    for (at, letter) in rest.char_indices() {
        match letter {
            '<' => depth += 1,
            '>' => depth -= 1,
            _ => (),
        }
        if depth == 0 {
            return Ok(Some((before, version, &rest[..at], &rest[at + 1..])));
        }
    }
    bail!("{line:?}: where does it end?")
}

pub(crate) fn parse(script: &str) -> anyhow::Result<Vec<Case>> {
    let mut cases: Vec<Case> = Vec::new();
    for line in script.lines().filter(|line| !line.starts_with('#')) {
        if let Some(rest) = line.strip_prefix('$') {
            let (mark, words) = rest.split_once(' ').context("a command has a space behind its $")?;
            let mark = match mark {
                "" | "until" => Mark::Everybody,
                "ahead" => Mark::Ahead,
                version => Mark::Since(version.to_owned()),
            };
            let (words, is_endless) = (split(words), rest.starts_with("until "));
            cases.push(Case { words, mark, is_endless, stdin: String::new(), expected: Vec::new() });
        } else if let Some((case, rest)) = cases.last_mut().zip(line.strip_prefix("<<")) {
            case.stdin.push_str(rest.strip_prefix(' ').unwrap_or(rest));
            case.stdin.push('\n');
        } else if let Some(case) = cases.last_mut() {
            case.expected.push(line.to_owned());
        } else if !line.is_empty() {
            bail!("{line:?} stands before the first command");
        }
    }
    for case in &mut cases {
        // The empty line between two commands is not output.
        case.expected.pop_if(|line| line.is_empty());
    }
    Ok(cases)
}

/// Words between spaces; `""` is the empty one.
fn split(words: &str) -> Vec<String> {
    words.split_whitespace().map(|word| word.trim_matches('"').to_owned()).collect()
}

/// Whether `version` (3.4.23) comes before `since` (3.5).
fn older(version: &str, since: &str) -> bool {
    let numbers = |text: &str| -> Vec<u32> { text.split('.').filter_map(|part| part.parse().ok()).collect() };
    numbers(version) < numbers(since)
}

fn matches_all(expected: &[String], lines: &[String]) -> bool {
    expected.len() == lines.len() && expected.iter().zip(lines).all(|(pattern, line)| matches(pattern, line))
}

/// `<any>` stands for at least one character, and so does `<new NAME>`.
pub(crate) fn matches(pattern: &str, line: &str) -> bool {
    let hole = ["<any>", "<new "].iter().filter_map(|hole| pattern.find(hole)).min();
    let Some((head, rest)) = hole.and_then(|at| Some((&pattern[..at], pattern[at..].split_once('>')?.1)))
    else {
        return pattern == line;
    };
    let Some(mut left) = line.strip_prefix(head) else { return false };
    while let Some(next) = left.chars().next() {
        left = &left[next.len_utf8()..];
        if matches(rest, left) {
            return true;
        }
    }
    false
}

fn difference(case: &Case, lines: &[String]) -> String {
    let mut text = format!("etcdctl {}\n", case.words.join(" "));
    for line in &case.expected {
        let _ = writeln!(text, "  expected  {line}");
    }
    for line in lines {
        let _ = writeln!(text, "  got       {line}");
    }
    text
}

#[cfg(test)]
mod tests;
