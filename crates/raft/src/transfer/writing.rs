//! The receiver's side.

use super::{NotReceived, Sum};
use crate::codec::peer::Malformed;
use futures::stream::{BoxStream, StreamExt};
use quorate_proto::peer::{SnapshotEnd, SnapshotPart, SnapshotRecords, snapshot_part};
use quorate_state_machine::{Prepared, spaces};
use quorate_storage::{Engine, Replacement, Space};
use quorate_tasks::inbox::Sender;
use quorate_tasks::{Failure, Step};
use std::sync::Arc;
use tokio::sync::oneshot;

/// Something for the step that writes. What belongs to a transfer that is not the last one begun is refused.
pub(crate) enum Part {
    /// Another state comes: what was received before is given up.
    Begin(oneshot::Sender<Result<u64, NotReceived>>),
    Records(u64, SnapshotRecords, oneshot::Sender<Result<(), NotReceived>>),
    End(u64, SnapshotEnd, oneshot::Sender<Result<Prepared, NotReceived>>),
}

/// The step that writes.
pub(crate) struct Writing {
    engine: Arc<dyn Engine>,
    transfers: u64,
    receiving: Option<(Box<dyn Replacement>, Sum)>,
}

impl Step for Writing {
    type Input = Part;

    /// What does not go well concerns the sender alone: the member goes on with the state it has.
    fn turn(&mut self, batch: &mut Vec<Part>) -> Result<(), Failure> {
        for part in batch.drain(..) {
            match part {
                Part::Begin(done) => drop(done.send(self.begin())),
                Part::Records(transfer, records, done) => drop(done.send(self.add(transfer, &records))),
                Part::End(transfer, end, done) => drop(done.send(self.end(transfer, &end))),
            }
        }
        Ok(())
    }
}

impl Writing {
    pub(crate) fn new(engine: Arc<dyn Engine>) -> Self {
        Self { engine, transfers: 0, receiving: None }
    }

    fn begin(&mut self) -> Result<u64, NotReceived> {
        self.receiving = None; // its place is to be free
        self.receiving = Some((self.engine.begin_replacement()?, Sum::default()));
        self.transfers += 1;
        Ok(self.transfers)
    }

    fn add(&mut self, transfer: u64, part: &SnapshotRecords) -> Result<(), NotReceived> {
        let space = space(&part.space)?;
        let (state, sum) = self.receiving(transfer)?;
        for record in &part.records {
            state.add(space, &record.key, &record.value)?;
            sum.add(space.name(), &record.key, &record.value);
        }
        Ok(())
    }

    fn end(&mut self, transfer: u64, end: &SnapshotEnd) -> Result<Prepared, NotReceived> {
        self.receiving(transfer)?;
        let (state, sum) = self.receiving.take().ok_or(NotReceived::GivenUp)?;
        if sum.end() != *end {
            return Err(Malformed("its sum is another one").into());
        }
        Ok(Prepared::open(state.finish()?)?)
    }

    fn receiving(&mut self, transfer: u64) -> Result<&mut (Box<dyn Replacement>, Sum), NotReceived> {
        self.receiving.as_mut().filter(|_| transfer == self.transfers).ok_or(NotReceived::GivenUp)
    }
}

fn space(name: &str) -> Result<Space, Malformed> {
    let known = spaces::ALL.as_slice().iter().find(|space| space.name() == name);
    known.copied().ok_or(Malformed("it has records of an unknown kind"))
}

/// Takes all parts after the head; the state, once it is complete, right, durable and read.
pub(crate) async fn receive(
    parts: &mut BoxStream<'static, SnapshotPart>,
    writing: &Sender<Part>,
) -> Result<Prepared, NotReceived> {
    let transfer = tell(writing, Part::Begin).await?;
    while let Some(part) = parts.next().await {
        match part.part {
            Some(snapshot_part::Part::Records(records)) => {
                tell(writing, |done| Part::Records(transfer, records, done)).await?;
            }
            Some(snapshot_part::Part::End(end)) => {
                return tell(writing, |done| Part::End(transfer, end, done)).await;
            }
            Some(snapshot_part::Part::Head(_)) | None => {
                return Err(Malformed("a part of it is out of place").into());
            }
        }
    }
    Err(Malformed("it broke off").into())
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
