//! A history as text: one operation a line, the call's word and then its request.
//!
//! ```text
//! put key="a" value="x"*3
//! txn compare{target=3 key="a" value="xxx"} success{request_range{key="a" revision=newest-1}}
//! ```
//! Names and numbers of enums are those of the wire. Bytes are escaped as in Rust; `*N` repeats them. A number may be
//! `newest`, `compacted` or `granted#N`, with `+N` or `-N` behind the first two. Empty lines and lines that begin with `#`
//! say nothing.

use std::fmt;

use anyhow::{Context, bail, ensure};

use super::Op;
use super::schema::{CALLS, Form, Kind};
use super::tree::{Symbol, Tree, Value};

/// Values of one byte that are longer are written as a repetition.
const SPELLED_MAX: usize = 8;

pub(crate) fn parse(text: &str) -> anyhow::Result<Vec<Op>> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines.map(|(at, line)| op(line).with_context(|| format!("line {}", at + 1))).collect()
}

fn op(line: &str) -> anyhow::Result<Op> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let call = CALLS.iter().find(|call| call.word == word);
    let call = call.with_context(|| format!("no call is called {word:?}"))?;
    let mut reader = Reader { rest };
    let request = reader.tree(call.request)?;
    ensure!(reader.rest.is_empty(), "{:?} is left over", reader.rest);
    Ok(Op { call, request })
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    /// Up to the end, or to a closing brace, which is left.
    fn tree(&mut self, kind: &'static Kind) -> anyhow::Result<Tree> {
        let mut tree = Tree::of(kind);
        loop {
            self.rest = self.rest.trim_start();
            if self.rest.is_empty() || self.rest.starts_with('}') {
                return Ok(tree);
            }
            let name = self.until(|letter| !letter.is_alphanumeric() && letter != '_');
            let field = kind.named(name).with_context(|| format!("{} has no {name:?}", kind.name))?;
            let value = match field.form {
                Form::Message(within) => {
                    self.expect('{')?;
                    let tree = self.tree(within)?;
                    self.expect('}')?;
                    Value::Tree(tree)
                }
                Form::Bytes => {
                    self.expect('=')?;
                    Value::Bytes(self.bytes()?)
                }
                Form::Number | Form::Seconds | Form::Lease | Form::Identity => {
                    self.expect('=')?;
                    number(self.until(|letter| letter == ' ' || letter == '}'))?
                }
            };
            tree.fields.push((field, value));
        }
    }

    fn until(&mut self, ends: impl Fn(char) -> bool) -> &str {
        let (taken, rest) = self.rest.split_at(self.rest.find(ends).unwrap_or(self.rest.len()));
        self.rest = rest;
        taken
    }

    fn expect(&mut self, letter: char) -> anyhow::Result<()> {
        let rest = self.rest.strip_prefix(letter);
        self.rest = rest.with_context(|| format!("{letter:?} is missing before {:?}", self.rest))?;
        Ok(())
    }

    fn bytes(&mut self) -> anyhow::Result<Vec<u8>> {
        self.expect('"')?;
        let mut bytes = Vec::new();
        loop {
            let letter = self.letter()?;
            match letter {
                '"' => break,
                '\\' => bytes.push(self.escaped()?),
                letter => bytes.push(u8::try_from(letter).context("only ASCII stands for itself")?),
            }
        }
        match self.rest.strip_prefix('*') {
            Some(rest) => {
                self.rest = rest;
                Ok(bytes.repeat(self.until(|letter| !letter.is_ascii_digit()).parse()?))
            }
            None => Ok(bytes),
        }
    }

    fn letter(&mut self) -> anyhow::Result<char> {
        let mut letters = self.rest.chars();
        let letter = letters.next().context("the line is cut")?;
        self.rest = letters.as_str();
        Ok(letter)
    }

    fn escaped(&mut self) -> anyhow::Result<u8> {
        Ok(match self.letter()? {
            't' => b'\t',
            'r' => b'\r',
            'n' => b'\n',
            'x' => {
                let (digits, rest) = self.rest.split_at_checked(2).context("the line is cut")?;
                self.rest = rest;
                u8::from_str_radix(digits, 16)?
            }
            letter @ ('"' | '\'' | '\\') => u8::try_from(letter)?,
            letter => bail!("\\{letter} means nothing"),
        })
    }
}

fn number(text: &str) -> anyhow::Result<Value> {
    let offset = |text: &str| if text.is_empty() { Ok(0) } else { text.parse() };
    let symbol = if let Some(rest) = text.strip_prefix("newest") {
        Symbol::Newest(offset(rest)?)
    } else if let Some(rest) = text.strip_prefix("compacted") {
        Symbol::Compacted(offset(rest)?)
    } else if let Some(rest) = text.strip_prefix("granted#") {
        Symbol::Granted(rest.parse()?)
    } else {
        return Ok(Value::Number(text.parse().with_context(|| format!("{text:?} is no number"))?));
    };
    Ok(Value::Symbol(symbol))
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.call.word)?;
        if !self.request.fields.is_empty() {
            write!(f, " {}", self.request)?;
        }
        Ok(())
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (field, value)) in self.fields.iter().enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            match value {
                Value::Tree(tree) => write!(f, "{}{{{tree}}}", field.name)?,
                value => write!(f, "{}={value}", field.name)?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Number(number) => write!(f, "{number}"),
            Value::Tree(tree) => write!(f, "{{{tree}}}"),
            Value::Symbol(symbol) => write!(f, "{symbol}"),
            Value::Bytes(bytes) => match bytes.as_slice() {
                [first, rest @ ..] if rest.len() >= SPELLED_MAX && rest.iter().all(|byte| byte == first) => {
                    write!(f, "\"{}\"*{}", first.escape_ascii(), bytes.len())
                }
                bytes => write!(f, "\"{}\"", bytes.escape_ascii()),
            },
        }
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Symbol::Newest(0) => f.write_str("newest"),
            Symbol::Compacted(0) => f.write_str("compacted"),
            Symbol::Newest(offset) => write!(f, "newest{offset:+}"),
            Symbol::Compacted(offset) => write!(f, "compacted{offset:+}"),
            Symbol::Granted(number) => write!(f, "granted#{number}"),
        }
    }
}

#[cfg(test)]
mod tests;
