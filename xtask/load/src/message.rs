//! Replies, read only as far as somebody asks: a range of 10,000 keys is counted, not decoded.

use anyhow::{Context, bail};

/// The value of a field of a protobuf message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message in the order they stand: number and value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

/// A reply to Range.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RangeReply {
    pub(crate) revision: i64,
    pub(crate) returned: u64,
    pub(crate) count: i64,
    /// Of the last key.
    pub(crate) mod_revision: i64,
}

/// A reply to Txn.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TxnReply {
    pub(crate) revision: i64,
    pub(crate) succeeded: bool,
    /// Of the key that the first answer, a range, showed; 0 if it showed none.
    pub(crate) mod_revision: i64,
}

/// A message on a stream of watchers.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct WatchReply {
    pub(crate) watch_id: i64,
    pub(crate) created: bool,
    pub(crate) canceled: bool,
    /// `mod_revision` of each event.
    pub(crate) events: Vec<i64>,
}

impl<'a> Fields<'a> {
    pub(crate) fn of(message: &'a [u8]) -> Fields<'a> {
        Fields { rest: message }
    }

    /// The next field; nothing at the end.
    pub(crate) fn next(&mut self) -> anyhow::Result<Option<(u64, Field<'a>)>> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let key = self.number()?;
        let value = match key & 7 {
            0 => Field::Number(self.number()?),
            1 => Field::Bytes(self.take(8)?),
            2 => {
                let length = self.number()?;
                Field::Bytes(self.take(usize::try_from(length)?)?)
            }
            5 => Field::Bytes(self.take(4)?),
            form => bail!("a field of form {form}"),
        };
        Ok(Some((key >> 3, value)))
    }

    fn number(&mut self) -> anyhow::Result<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.rest.split_first().context("a number is cut")?;
            self.rest = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        bail!("a number of more than ten bytes")
    }

    fn take(&mut self, length: usize) -> anyhow::Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length).context("a field is cut")?;
        self.rest = rest;
        Ok(taken)
    }
}

impl Field<'_> {
    fn signed(self) -> i64 {
        match self {
            Field::Number(number) => number.cast_signed(),
            Field::Bytes(_) => 0,
        }
    }
}

/// A numeric field of a message; 0 if it is not there.
fn number(message: &[u8], wanted: u64) -> anyhow::Result<i64> {
    let mut fields = Fields::of(message);
    while let Some((name, value)) = fields.next()? {
        if name == wanted {
            return Ok(value.signed());
        }
    }
    Ok(0)
}

/// The revision in the header, which every reply has as its first field.
pub(crate) fn revision(reply: &[u8]) -> anyhow::Result<i64> {
    match Fields::of(reply).next()? {
        Some((1, Field::Bytes(header))) => number(header, 3),
        _ => bail!("a reply without a header"),
    }
}

impl RangeReply {
    pub(crate) fn read(reply: &[u8]) -> anyhow::Result<RangeReply> {
        let mut found = RangeReply { revision: revision(reply)?, ..RangeReply::default() };
        let mut fields = Fields::of(reply);
        let mut last = None;
        while let Some(field) = fields.next()? {
            match field {
                (2, Field::Bytes(pair)) => {
                    found.returned += 1;
                    last = Some(pair);
                }
                (4, count) => found.count = count.signed(),
                _ => (),
            }
        }
        found.mod_revision = last.map_or(Ok(0), |pair| number(pair, 3))?;
        Ok(found)
    }
}

impl TxnReply {
    pub(crate) fn read(reply: &[u8]) -> anyhow::Result<TxnReply> {
        let mut found = TxnReply { revision: revision(reply)?, ..TxnReply::default() };
        let mut fields = Fields::of(reply);
        while let Some(field) = fields.next()? {
            match field {
                (2, succeeded) => found.succeeded = succeeded.signed() != 0,
                (3, Field::Bytes(answer)) => {
                    if let Some((1, Field::Bytes(range))) = Fields::of(answer).next()? {
                        found.mod_revision = RangeReply::read_inner(range)?;
                    }
                }
                _ => (),
            }
        }
        Ok(found)
    }
}

impl RangeReply {
    /// Inside a transaction a range has a header too, but nobody promises what is in it.
    fn read_inner(range: &[u8]) -> anyhow::Result<i64> {
        let mut fields = Fields::of(range);
        while let Some(field) = fields.next()? {
            if let (2, Field::Bytes(pair)) = field {
                return number(pair, 3);
            }
        }
        Ok(0)
    }
}

impl WatchReply {
    pub(crate) fn read(reply: &[u8]) -> anyhow::Result<WatchReply> {
        let mut found = WatchReply::default();
        let mut fields = Fields::of(reply);
        while let Some(field) = fields.next()? {
            match field {
                (2, id) => found.watch_id = id.signed(),
                (3, created) => found.created = created.signed() != 0,
                (4, canceled) => found.canceled = canceled.signed() != 0,
                (11, Field::Bytes(event)) => found.events.push(event_revision(event)?),
                _ => (),
            }
        }
        Ok(found)
    }
}

fn event_revision(event: &[u8]) -> anyhow::Result<i64> {
    let mut fields = Fields::of(event);
    while let Some(field) = fields.next()? {
        if let (2, Field::Bytes(pair)) = field {
            return number(pair, 3);
        }
    }
    bail!("an event without its key")
}

#[cfg(test)]
mod tests;
