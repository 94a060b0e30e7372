//! The receiver's side.

use super::{NotReceived, Sum};
use crate::codec::peer::Malformed;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};
use quorate_proto::peer::{ResumeReply, SnapshotEnd, SnapshotPart, SnapshotRecords, snapshot_part};
use quorate_state_machine::{Prepared, spaces};
use quorate_storage::{Engine, Replacement, Space};
use quorate_tasks::inbox::Sender;
use quorate_tasks::{Failure, Step};
use quorate_types::MemberId;
use std::sync::Arc;
use tokio::sync::oneshot;

/// A state that comes from another member: whose, and which of its states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Incoming {
    pub(crate) from: MemberId,
    pub(crate) state: u64,
}

/// Something for the step that writes. What belongs to a try that is not the last one begun is refused.
pub(crate) enum Part {
    /// How much there is of this state.
    Resume(Incoming, oneshot::Sender<ResumeReply>),
    /// It comes now, behind so many records of it. What was received of another one is given up. Answered with the number of the try.
    Begin(Incoming, u64, oneshot::Sender<Result<u64, NotReceived>>),
    Records(u64, SnapshotRecords, oneshot::Sender<Result<(), NotReceived>>),
    End(u64, SnapshotEnd, oneshot::Sender<Result<Prepared, NotReceived>>),
    /// If this is still the last try, nobody will go on with it.
    GiveUp(u64),
}

/// The step that writes.
pub(crate) struct Writing {
    engine: Arc<dyn Engine>,
    tries: u64,
    receiving: Option<Receiving>,
}

/// What there is of a state.
struct Receiving {
    incoming: Incoming,
    replacement: Box<dyn Replacement>,
    sum: Sum,
}

impl Step for Writing {
    type Input = Part;

    /// What does not go well concerns the sender alone: the member goes on with the state it has.
    fn turn(&mut self, batch: &mut Vec<Part>) -> Result<(), Failure> {
        for part in batch.drain(..) {
            match part {
                Part::Resume(incoming, done) => drop(done.send(self.progress(incoming))),
                Part::Begin(incoming, skipped, done) => drop(done.send(self.begin(incoming, skipped))),
                Part::Records(number, records, done) => drop(done.send(self.add(number, &records))),
                Part::End(number, end, done) => drop(done.send(self.end(number, &end))),
                Part::GiveUp(number) if number == self.tries => self.receiving = None,
                Part::GiveUp(_) => {}
            }
        }
        Ok(())
    }
}

impl Writing {
    pub(crate) fn new(engine: Arc<dyn Engine>) -> Self {
        Self { engine, tries: 0, receiving: None }
    }

    fn progress(&self, incoming: Incoming) -> ResumeReply {
        let of_it = self.receiving.as_ref().filter(|receiving| receiving.incoming == incoming);
        let reply = of_it.and_then(|Receiving { replacement, sum, .. }| {
            let (space, key) = replacement.last()?;
            Some(ResumeReply {
                records: sum.records,
                space: space.name().to_owned(),
                key: Bytes::copy_from_slice(key),
                sha256: sum.sha256.clone(),
            })
        });
        reply.unwrap_or_default()
    }

    fn begin(&mut self, incoming: Incoming, skipped: u64) -> Result<u64, NotReceived> {
        let goes_on =
            |receiving: &Receiving| receiving.incoming == incoming && receiving.sum.records == skipped;
        if skipped == 0 {
            self.receiving = None; // its place is to be free
            let replacement = self.engine.begin_replacement()?;
            self.receiving = Some(Receiving { incoming, replacement, sum: Sum::default() });
        } else if !self.receiving.as_ref().is_some_and(goes_on) {
            return Err(Malformed("it goes on where nothing has arrived").into());
        }
        self.tries += 1;
        Ok(self.tries)
    }

    /// A part is added whole, or everything is given up: what has arrived is always what one sum stands for.
    fn add(&mut self, number: u64, part: &SnapshotRecords) -> Result<(), NotReceived> {
        let space = space(&part.space)?;
        let Receiving { replacement, sum, .. } = self.receiving(number)?;
        let with_part = sum.with(part);
        if with_part.sha256 != part.sha256 {
            return Err(Malformed("the sum of a part is another one").into());
        }
        let added =
            part.records.iter().try_for_each(|record| replacement.add(space, &record.key, &record.value));
        match added {
            Ok(()) => *sum = with_part,
            Err(error) => {
                self.receiving = None;
                return Err(error.into());
            }
        }
        Ok(())
    }

    fn end(&mut self, number: u64, end: &SnapshotEnd) -> Result<Prepared, NotReceived> {
        self.receiving(number)?;
        let Receiving { replacement, sum, .. } = self.receiving.take().ok_or(NotReceived::GivenUp)?;
        if sum.end() != *end {
            return Err(Malformed("its sum is another one").into());
        }
        Ok(Prepared::open(replacement.finish()?)?)
    }

    fn receiving(&mut self, number: u64) -> Result<&mut Receiving, NotReceived> {
        self.receiving.as_mut().filter(|_| number == self.tries).ok_or(NotReceived::GivenUp)
    }
}

fn space(name: &str) -> Result<Space, Malformed> {
    let known = spaces::ALL.as_slice().iter().find(|space| space.name() == name);
    known.copied().ok_or(Malformed("it has records of an unknown kind"))
}

/// Takes all parts of try `number` after the head; the state, once it is complete, right, durable and read.
pub(crate) async fn receive(
    number: u64,
    parts: &mut BoxStream<'static, SnapshotPart>,
    writing: &Sender<Part>,
) -> Result<Prepared, NotReceived> {
    while let Some(part) = parts.next().await {
        match part.part {
            Some(snapshot_part::Part::Records(records)) => {
                tell(writing, |done| Part::Records(number, records, done)).await?;
            }
            Some(snapshot_part::Part::End(end)) => {
                return tell(writing, |done| Part::End(number, end, done)).await;
            }
            Some(snapshot_part::Part::Head(_)) | None => {
                return Err(Malformed("a part of it is out of place").into());
            }
        }
    }
    Err(Malformed("it broke off").into())
}

/// Begins to take a state behind `skipped` records of it; the number of the try.
pub(crate) async fn begin(
    incoming: Incoming,
    skipped: u64,
    writing: &Sender<Part>,
) -> Result<u64, NotReceived> {
    tell(writing, |done| Part::Begin(incoming, skipped, done)).await
}

/// How much there is of a state; nothing, if this member is stopping.
pub(crate) async fn progress(incoming: Incoming, writing: &Sender<Part>) -> ResumeReply {
    let (done, reply) = oneshot::channel();
    let asked = writing.push(Part::Resume(incoming, done));
    if asked.is_err() { ResumeReply::default() } else { reply.await.unwrap_or_default() }
}

async fn tell<T>(
    writing: &Sender<Part>,
    part: impl FnOnce(oneshot::Sender<Result<T, NotReceived>>) -> Part,
) -> Result<T, NotReceived> {
    let (done, outcome) = oneshot::channel();
    writing.push(part(done)).map_err(|_| NotReceived::GivenUp)?;
    outcome.await.map_err(|_| NotReceived::GivenUp)?
}

#[cfg(test)]
mod tests;
