//! What two servers said to the same request, held against each other, field by field.
//!
//! Two things are put in order first, since etcd leaves them open: keys that tie in a sort, and the keys of a lease. The
//! seconds that a lease has left may be one more or less: the servers are asked one after the other.
//! Everything else that is not the same is a difference; `accepted` knows which of those have a reason.

use super::Op;
use super::schema::{Field, Form, Kind};
use super::tree::{Tree, Value};
use crate::grpc::Refused;

/// What one server said.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    Reply(Tree),
    Refused(Refused),
    /// A message that is none of its kind, and why.
    Broken(String),
}

/// One field that is not the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    /// The call's word, and the way to the field: `txn responses[0].response_range.kvs[2].lease`.
    pub(crate) path: String,
    pub(crate) etcd: String,
    pub(crate) ours: String,
}

/// A value for each of the two servers.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Both<T> {
    pub(crate) etcd: T,
    pub(crate) ours: T,
}

/// What is shown of a long value.
const SHOWN_BYTES: usize = 300;

impl Difference {
    pub(crate) fn new(path: impl Into<String>, (etcd, ours): (String, String)) -> Difference {
        let cut = |mut text: String| {
            if text.len() > SHOWN_BYTES {
                text.truncate((0..=SHOWN_BYTES).rfind(|&at| text.is_char_boundary(at)).unwrap_or(0));
                text.push_str("...");
            }
            text
        };
        Difference { path: path.into(), etcd: cut(etcd), ours: cut(ours) }
    }

    /// The path without the numbers in it: two differences of one kind have the same.
    pub(crate) fn class(&self) -> String {
        self.path.chars().filter(|letter| !letter.is_ascii_digit()).collect()
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: etcd {}, ours {}", self.path, self.etcd, self.ours)
    }
}

impl Answer {
    fn shown(&self) -> String {
        match self {
            Answer::Reply(tree) => format!("answers {tree}"),
            Answer::Refused(refused) => format!("refuses, code {}: {}", refused.code, refused.text),
            Answer::Broken(why) => format!("sends no message of the kind: {why}"),
        }
    }
}

/// What differs in the answers to `op`.
pub(crate) fn answers(op: &Op, both: &mut Both<Answer>) -> Vec<Difference> {
    let word = op.call.word;
    let Both { etcd: Answer::Reply(etcd), ours: Answer::Reply(ours) } = both else {
        // A message that nobody can read is no answer, even if both send it.
        if both.etcd == both.ours && !matches!(both.etcd, Answer::Broken(_)) {
            return Vec::new();
        }
        let shown = (both.etcd.shown(), both.ours.shown());
        return vec![Difference::new(format!("{word} answer"), shown)];
    };
    put_in_order(&op.request, etcd, ours);
    trees(word, etcd, ours)
}

/// What differs in two messages of one kind.
pub(crate) fn trees(path: &str, etcd: &Tree, ours: &Tree) -> Vec<Difference> {
    let mut found = Vec::new();
    walk(path, " ", (etcd, ours), &mut found);
    found
}

fn walk(path: &str, joint: &str, (etcd, ours): (&Tree, &Tree), found: &mut Vec<Difference>) {
    if etcd == ours {
        return;
    }
    for field in etcd.kind.fields {
        let values = |tree: &Tree| tree.all(field.name).cloned().collect::<Vec<Value>>();
        let (theirs, own) = (values(etcd), values(ours));
        let path = format!("{path}{joint}{}", field.name);
        if field.is_repeated && theirs.len() != own.len() {
            let counted = (format!("{} of them", theirs.len()), format!("{} of them", own.len()));
            found.push(Difference::new(path.clone(), counted));
        }
        for at in 0..theirs.len().max(own.len()) {
            let path = if field.is_repeated { format!("{path}[{at}]") } else { path.clone() };
            match (theirs.get(at), own.get(at)) {
                (Some(Value::Tree(theirs)), Some(Value::Tree(own))) => walk(&path, ".", (theirs, own), found),
                (Some(Value::Number(theirs)), Some(Value::Number(own)))
                    if is_the_same_moment(field, (*theirs, *own)) => {}
                (theirs, own) if theirs != own => {
                    let shown = |value: Option<&Value>| value.map_or("none".to_owned(), Value::to_string);
                    found.push(Difference::new(path, (shown(theirs), shown(own))));
                }
                _ => (),
            }
        }
    }
}

/// Whether both may be what is left of one time. What is not there, or over, is not.
fn is_the_same_moment(field: &Field, (etcd, ours): (i64, i64)) -> bool {
    matches!(field.form, Form::Seconds) && etcd > 0 && ours > 0 && etcd.abs_diff(ours) <= 1
}

/// Puts in order what etcd leaves open, in the answers to this request and to those within it.
fn put_in_order(request: &Tree, etcd: &mut Tree, ours: &mut Tree) {
    match request.kind.name {
        "RANGE_REQUEST" => {
            break_ties(request, etcd);
            break_ties(request, ours);
        }
        "TIME_TO_LIVE_REQUEST" => {
            sort_keys(etcd);
            sort_keys(ours);
        }
        "TXN_REQUEST" if etcd.number("succeeded") == ours.number("succeeded") => {
            let branch = if etcd.number("succeeded") == 1 { "success" } else { "failure" };
            let answers = etcd.trees_mut("responses").zip(ours.trees_mut("responses"));
            for (op, (etcd, ours)) in request.trees(branch).zip(answers) {
                put_in_order_within(op, etcd, ours);
            }
        }
        _ => (),
    }
}

/// The request of an operation and the two answers: each the only field of its message.
fn put_in_order_within(op: &Tree, etcd: &mut Tree, ours: &mut Tree) {
    fn only<'a>(tree: &'a mut Tree, wanted: &'static Kind) -> Option<&'a mut Tree> {
        match tree.fields.as_mut_slice() {
            [(_, Value::Tree(within))] if std::ptr::eq(within.kind, wanted) => Some(within),
            _ => None,
        }
    }
    let [(field, Value::Tree(request))] = op.fields.as_slice() else { return };
    let answer = etcd.kind.numbered(field.number).map(|field| field.form);
    let Some(Form::Message(kind)) = answer else { return };
    if let (Some(etcd), Some(ours)) = (only(etcd, kind), only(ours, kind)) {
        put_in_order(request, etcd, ours);
    }
}

fn sort_keys(answer: &mut Tree) {
    let mut keys = answer.take("keys");
    keys.sort_by_key(Value::to_string);
    keys.into_iter().for_each(|key| answer.add("keys", key));
}

/// Keys that tie in the sort come in the order of keys. Of the last tie that a limit cuts only what it has in common is
/// kept: which of its keys are shown is open.
fn break_ties(request: &Tree, answer: &mut Tree) {
    let ties = ["", "version", "create_revision", "mod_revision", "value"];
    let target = usize::try_from(request.number("sort_target")).unwrap_or(0);
    let Some(&tie) = ties.get(target).filter(|tie| !tie.is_empty()) else { return };
    let filters = ["min_mod_revision", "max_mod_revision", "min_create_revision", "max_create_revision"];
    let sorts_all =
        request.number("sort_order") != 0 || filters.iter().any(|name| request.get(name).is_some());
    let cut = sorts_all && answer.number("more") == 1;
    // Sorted by values that are not shown, everything may be a tie.
    let hidden = tie == "value" && request.number("keys_only") == 1;
    let mut pairs: Vec<Tree> = answer.take("kvs").into_iter().filter_map(tree_of).collect();
    let group = |pair: &Tree| if hidden { None } else { pair.get(tie).cloned() };
    let count = pairs.len();
    let mut from = 0;
    for tied in pairs.chunk_by_mut(|a, b| group(a) == group(b)) {
        from += tied.len();
        tied.sort_by(|a, b| a.bytes("key").cmp(b.bytes("key")));
        if cut && from == count {
            tied.iter_mut().for_each(|pair| pair.fields.retain(|(field, _)| !hidden && field.name == tie));
        }
    }
    pairs.into_iter().for_each(|pair| answer.add("kvs", pair));
}

fn tree_of(value: Value) -> Option<Tree> {
    match value {
        Value::Tree(tree) => Some(tree),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
