//! One of the two servers: what it has said of itself, and what came from it on streams.

use std::collections::{BTreeMap, VecDeque};

use crate::differ::Op;
use crate::differ::compare::Answer;
use crate::differ::schema::{Form, GRANT_RESPONSE, KEEP_ALIVE_RESPONSE, Kind, WATCH_RESPONSE};
use crate::differ::tree::{Symbol, Tree, Value};
use crate::differ::watched::Watched;
use crate::grpc::What;

/// Stands for a lease that was never granted.
const UNKNOWN_LEASE: i64 = 777;
/// What every field that says who the server is becomes, as long as it is always the same.
const SAME: i64 = 1;

#[derive(Debug, Default)]
pub(crate) struct Side {
    /// The fields that say who it is, as they came first.
    identity: BTreeMap<&'static str, i64>,
    /// The ids of leases that it chose itself, oldest first.
    granted: Vec<i64>,
    pub(crate) watched: Watched,
    pub(crate) renewals: VecDeque<Answer>,
}

impl Side {
    /// The lease that it chose an id for so many grants ago.
    pub(crate) fn granted(&self, back: u32) -> i64 {
        self.granted
            .iter()
            .rev()
            .nth(usize::try_from(back).unwrap_or(usize::MAX))
            .copied()
            .unwrap_or(UNKNOWN_LEASE)
    }

    pub(crate) fn answer(&mut self, op: &Op, what: What) -> Answer {
        let message = match what {
            What::Reply(message) | What::Message(message) => message,
            What::End(refused) => return Answer::Refused(refused),
        };
        let chose = op.call.response.name == GRANT_RESPONSE.name && op.request.get("ID").is_none();
        match self.read(op.call.response, message.bytes(), chose) {
            Ok(tree) => Answer::Reply(tree),
            Err(why) => Answer::Broken(why),
        }
    }

    pub(crate) fn watched(&mut self, message: &[u8]) {
        match self.read(&WATCH_RESPONSE, message, false) {
            Ok(tree) => self.watched.take(tree),
            Err(why) => self.watched.broken.push(why),
        }
    }

    pub(crate) fn renewed(&mut self, what: What) {
        let answer = match what {
            What::Reply(message) | What::Message(message) => self
                .read(&KEEP_ALIVE_RESPONSE, message.bytes(), false)
                .map_or_else(Answer::Broken, Answer::Reply),
            What::End(refused) => Answer::Refused(refused),
        };
        self.renewals.push_back(answer);
    }

    /// A message in terms that both servers share.
    fn read(&mut self, kind: &'static Kind, message: &[u8], chose_lease: bool) -> Result<Tree, String> {
        let mut tree = Tree::decode(kind, message).map_err(|error| format!("{error:#}"))?;
        if chose_lease {
            self.granted.push(tree.number("ID"));
        }
        tree.map(&mut |field, number| match field.form {
            Form::Identity => match *self.identity.entry(field.name).or_insert(number) == number {
                true => Value::Number(SAME),
                false => Value::Number(number),
            },
            Form::Lease => {
                let chosen = self.granted.iter().position(|&id| id == number);
                let ordinal = chosen.and_then(|at| u32::try_from(at).ok());
                ordinal.map_or(Value::Number(number), |ordinal| Value::Symbol(Symbol::Granted(ordinal)))
            }
            _ => Value::Number(number),
        });
        Ok(tree)
    }
}
