//! A message as a tree of its fields: what is generated, sent, received, compared and shrunk.

use anyhow::{Context, bail};

use super::schema::{Field, Form, Kind};
use crate::message::{Field as Raw, Fields};

#[derive(Debug, Clone)]
pub(crate) struct Tree {
    pub(crate) kind: &'static Kind,
    /// In any order; a repeated field several times.
    pub(crate) fields: Vec<(&'static Field, Value)>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Number(i64),
    Bytes(Vec<u8>),
    Tree(Tree),
    /// A number that is known when it is sent.
    Symbol(Symbol),
}

/// Numbers that follow from what happened before, so that a history keeps its sense when parts of it are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Symbol {
    /// The revision of the store when this is sent, and so much more.
    Newest(i64),
    /// What was compacted last.
    Compacted(i64),
    /// The lease of the grant without an id that came so many before it.
    Granted(u32),
}

impl PartialEq for Tree {
    fn eq(&self, other: &Tree) -> bool {
        let same = |(a, b): (&(&'static Field, Value), &(&'static Field, Value))| {
            a.0.number == b.0.number && a.1 == b.1
        };
        self.kind.name == other.kind.name
            && self.fields.len() == other.fields.len()
            && self.fields.iter().zip(&other.fields).all(same)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Number(number)
    }
}

impl From<bool> for Value {
    fn from(is: bool) -> Value {
        Value::Number(i64::from(is))
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Value {
        Value::Bytes(bytes.to_vec())
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Value {
        Value::Bytes(bytes)
    }
}

impl From<Tree> for Value {
    fn from(tree: Tree) -> Value {
        Value::Tree(tree)
    }
}

impl From<Symbol> for Value {
    fn from(symbol: Symbol) -> Value {
        Value::Symbol(symbol)
    }
}

impl Value {
    /// What proto3 leaves out.
    fn is_default(&self) -> bool {
        match self {
            Value::Number(number) => *number == 0,
            Value::Bytes(bytes) => bytes.is_empty(),
            Value::Tree(_) | Value::Symbol(_) => false,
        }
    }
}

impl Tree {
    pub(crate) fn of(kind: &'static Kind) -> Tree {
        Tree { kind, fields: Vec::new() }
    }

    /// With this field too; what proto3 leaves out is left out.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Tree {
        self.add(name, value);
        self
    }

    pub(crate) fn add(&mut self, name: &str, value: impl Into<Value>) {
        let field = self.kind.named(name).expect("names in this program are those of the schema");
        let value = value.into();
        if field.is_repeated || !value.is_default() {
            self.fields.push((field, value));
        }
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Value> {
        self.fields.iter().filter(move |(field, _)| field.name == name).map(|(_, value)| value)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.fields.iter().find(|(field, _)| field.name == name).map(|(_, value)| value)
    }

    /// 0 if it is not there.
    pub(crate) fn number(&self, name: &str) -> i64 {
        match self.get(name) {
            Some(Value::Number(number)) => *number,
            _ => 0,
        }
    }

    pub(crate) fn bytes(&self, name: &str) -> &[u8] {
        match self.get(name) {
            Some(Value::Bytes(bytes)) => bytes,
            _ => &[],
        }
    }

    pub(crate) fn tree(&self, name: &str) -> Option<&Tree> {
        match self.get(name) {
            Some(Value::Tree(tree)) => Some(tree),
            _ => None,
        }
    }

    pub(crate) fn trees<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Tree> {
        self.all(name).filter_map(|value| match value {
            Value::Tree(tree) => Some(tree),
            _ => None,
        })
    }

    pub(crate) fn trees_mut<'a>(&'a mut self, name: &'a str) -> impl Iterator<Item = &'a mut Tree> {
        let fields = self.fields.iter_mut().filter(move |(field, _)| field.name == name);
        fields.filter_map(|(_, value)| match value {
            Value::Tree(tree) => Some(tree),
            _ => None,
        })
    }

    /// Takes the values of a repeated field out.
    pub(crate) fn take(&mut self, name: &str) -> Vec<Value> {
        let of_name = |(field, _): &(&'static Field, Value)| field.name == name;
        let (taken, kept) = std::mem::take(&mut self.fields).into_iter().partition(of_name);
        self.fields = kept;
        taken.into_iter().map(|(_, value)| value).collect()
    }

    /// The revision in its header.
    pub(crate) fn revision(&self) -> i64 {
        self.tree("header").map_or(0, |header| header.number("revision"))
    }

    /// Gives every number its new value.
    pub(crate) fn map(&mut self, new: &mut impl FnMut(&Field, i64) -> Value) {
        for (field, value) in &mut self.fields {
            match value {
                Value::Number(number) => *value = new(field, *number),
                Value::Tree(tree) => tree.map(new),
                Value::Bytes(_) | Value::Symbol(_) => (),
            }
        }
    }

    /// On the wire; each symbol is the number that `number_of` says.
    pub(crate) fn encode(&self, number_of: &impl Fn(Symbol) -> i64, out: &mut Vec<u8>) {
        for (field, value) in &self.fields {
            match value {
                Value::Number(number) => write_number(out, field, *number),
                Value::Symbol(symbol) => write_number(out, field, number_of(*symbol)),
                Value::Bytes(bytes) => write_bytes(out, field, bytes),
                Value::Tree(tree) => {
                    let mut within = Vec::new();
                    tree.encode(number_of, &mut within);
                    write_bytes(out, field, &within);
                }
            }
        }
    }

    /// From the wire. What the schema does not know is an error, and what proto3 leaves out is left out.
    pub(crate) fn decode(kind: &'static Kind, bytes: &[u8]) -> anyhow::Result<Tree> {
        let mut tree = Tree::of(kind);
        let mut fields = Fields::of(bytes);
        while let Some((number, raw)) = fields.next()? {
            let field = kind.numbered(number);
            let field = field.with_context(|| format!("{} has no field {number}", kind.name))?;
            let value = match (raw, field.form) {
                (Raw::Number(number), Form::Number | Form::Seconds | Form::Lease | Form::Identity) => {
                    Value::Number(number.cast_signed())
                }
                (Raw::Bytes(bytes), Form::Bytes) => Value::Bytes(bytes.to_vec()),
                (Raw::Bytes(bytes), Form::Message(within)) => Value::Tree(Tree::decode(within, bytes)?),
                _ => bail!("{}.{} has another form", kind.name, field.name),
            };
            if field.is_repeated || !value.is_default() {
                tree.fields.push((field, value));
            }
        }
        Ok(tree)
    }
}

fn write_number(out: &mut Vec<u8>, field: &Field, number: i64) {
    write_varint(out, field.number << 3);
    write_varint(out, number.cast_unsigned());
}

fn write_bytes(out: &mut Vec<u8>, field: &Field, bytes: &[u8]) {
    write_varint(out, field.number << 3 | 2);
    write_varint(out, u64::try_from(bytes.len()).expect("a length has at most 64 bits"));
    out.extend_from_slice(bytes);
}

fn write_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

#[cfg(test)]
mod tests;
