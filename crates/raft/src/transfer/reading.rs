//! The sender's side.

use super::{PART_BYTES, Sum};
use crate::codec;
use crate::machine::SnapshotView;
use crate::types::{TypeConfig, Vote};
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};
use openraft::alias::SnapshotOf;
use quorate_proto::peer::snapshot_part::Part;
use quorate_proto::peer::{Record, ResumeReply, SnapshotHead, SnapshotPart, SnapshotRecords};
use quorate_state_machine::{StateMachine, spaces};
use quorate_storage::{Error, Order, Range, View};
use quorate_tasks::inbox::Sender;
use quorate_tasks::{Failure, Step};
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;
use tokio::sync::oneshot;

/// How far a view has been read.
pub(crate) struct Cursor {
    view: Arc<dyn View>,
    /// Position of the space among all of them.
    space: usize,
    /// The last key read of it.
    after: Option<Bytes>,
    sum: Sum,
}

/// How far the receiver has come before, by what it says; from the beginning, if it has nothing or says nothing that makes sense.
fn resumed(view: Arc<dyn View>, reply: Option<ResumeReply>) -> Cursor {
    let beginning = Cursor { view, space: 0, after: None, sum: Sum::default() };
    let Some(reply) = reply.filter(|reply| reply.records > 0) else { return beginning };
    match spaces::ALL.as_slice().iter().position(|space| space.name() == reply.space) {
        Some(space) => {
            let sum = Sum { sha256: reply.sha256, records: reply.records };
            Cursor { space, after: Some(reply.key), sum, ..beginning }
        }
        None => beginning,
    }
}

/// A request for the next part. The cursor comes back with it.
pub(crate) type ReadPart = (Cursor, oneshot::Sender<Result<(Option<SnapshotRecords>, Cursor), Error>>);

/// The step that reads.
pub(crate) struct Reading;

impl Step for Reading {
    type Input = ReadPart;

    fn turn(&mut self, batch: &mut Vec<ReadPart>) -> Result<(), Failure> {
        for (cursor, done) in batch.drain(..) {
            drop(done.send(cursor.read())); // whoever asked may have gone away
        }
        Ok(())
    }
}

impl Cursor {
    /// The next part, of one space; none at the end.
    fn read(mut self) -> Result<(Option<SnapshotRecords>, Self), Error> {
        let view = self.view.clone();
        while let Some(&space) = spaces::ALL.as_slice().get(self.space) {
            let (mut records, mut bytes) = (Vec::new(), 0);
            let start = self.after.as_ref().map_or(Bound::Unbounded, |key| Bound::Excluded(key.as_ref()));
            let range = Range { start, end: Bound::Unbounded };
            view.scan(space, range, Order::Ascending, &mut |key, value| {
                bytes += key.len() + value.len();
                let (key, value) = (Bytes::copy_from_slice(key), Bytes::copy_from_slice(value));
                records.push(Record { key, value });
                if bytes < PART_BYTES { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })?;
            if let Some(last) = records.last() {
                self.after = Some(last.key.clone());
                let mut part =
                    SnapshotRecords { space: space.name().to_owned(), records, ..SnapshotRecords::default() };
                self.sum = self.sum.with(&part);
                part.sha256 = self.sum.sha256.clone();
                return Ok((Some(part), self));
            }
            (self.space, self.after) = (self.space + 1, None);
        }
        Ok((None, self))
    }
}

enum Next {
    Head(SnapshotHead, Cursor),
    Records(Cursor),
    Nothing,
}

/// All parts of `snapshot` that the receiver does not have by what it says in `reply`, read as they are taken. The stream breaks off,
/// without an end, if it cannot be read or the replica stops.
pub(crate) fn parts(
    vote: &Vote,
    snapshot: &SnapshotOf<TypeConfig, SnapshotView>,
    reply: Option<ResumeReply>,
    reading: Sender<ReadPart>,
) -> BoxStream<'static, SnapshotPart> {
    let view = snapshot.snapshot.view().clone();
    let cursor = resumed(view.clone(), reply);
    let head = SnapshotHead {
        vote: Some(codec::vote_message(vote)),
        last: snapshot.meta.last_log_id.as_ref().map(codec::encode_log_id),
        membership: StateMachine::position(view.as_ref()).ok().map(|(_, membership)| membership),
        state: snapshot.snapshot.name(),
        skipped: cursor.sum.records,
    };
    let first = Next::Head(head, cursor);
    futures::stream::unfold((first, reading), async |(next, reading)| {
        let (part, next) = match next {
            Next::Head(head, cursor) => (Part::Head(head), Next::Records(cursor)),
            Next::Records(cursor) => match read(cursor, &reading).await? {
                (Some(records), cursor) => (Part::Records(records), Next::Records(cursor)),
                (None, cursor) => (Part::End(cursor.sum.end()), Next::Nothing),
            },
            Next::Nothing => return None,
        };
        Some((SnapshotPart { part: Some(part) }, (next, reading)))
    })
    .boxed()
}

async fn read(cursor: Cursor, reading: &Sender<ReadPart>) -> Option<(Option<SnapshotRecords>, Cursor)> {
    let (done, part) = oneshot::channel();
    reading.push((cursor, done)).ok()?;
    let part = part.await.ok()?;
    part.inspect_err(|error| tracing::error!(%error, "the state cannot be read for another member")).ok()
}
