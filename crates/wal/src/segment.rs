//! The file that is being written: its end, and the zeros beyond it.

use crate::Error;
use crate::disk::{Disk, File};
use crate::format::{BATCH_HEADER, SegmentHeader, SegmentId};
use std::path::PathBuf;
use std::sync::Arc;

/// The newest segment. Batches go to `position`; from there to `zeroed` the file is zeros already.
///
/// A synced write into blocks that were written before changes no metadata of the file system, which makes it
/// faster than one into blocks that are new or only reserved.
pub(crate) struct Segment {
    pub(crate) id: SegmentId,
    pub(crate) file: Arc<dyn File>,
    pub(crate) path: PathBuf,
    pub(crate) position: u64,
    pub(crate) zeroed: u64,
}

/// How far the zeros reach, and how a segment ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) segment_bytes: u64,
    pub(crate) zero_bytes: u64,
}

static ZEROS: [u8; 1 << 18] = [0; 1 << 18];

/// Writes zeros over `from..to`.
pub(crate) fn write_zeros(file: &dyn File, from: u64, to: u64) -> std::io::Result<()> {
    let mut at = from;
    while at < to {
        let count = (to - at).min(ZEROS.len() as u64);
        file.write_at(&ZEROS[..count as usize], at)?;
        at += count;
    }
    Ok(())
}

impl Segment {
    /// A new segment, durable with its name, that continues the log where `header` says.
    pub(crate) fn create(disk: &dyn Disk, header: &SegmentHeader, layout: Layout) -> Result<Self, Error> {
        let name = header.id.name();
        let path = disk.path(&name);
        let file = disk.create(&name).map_err(Error::io("create segment", &path))?;
        let bytes = header.encode();
        let position = bytes.len() as u64;
        let mut segment = Self { id: header.id, file, path, position, zeroed: position };
        segment.zero_ahead(layout)?;
        segment.file.write_at(&bytes, 0).map_err(Error::io("write segment header", &segment.path))?;
        segment.sync()?;
        disk.sync_names().map_err(Error::io("sync folder of segment", &segment.path))?;
        Ok(segment)
    }

    /// Whether `batch_bytes` more stay within the segment. A segment without a batch takes any.
    pub(crate) fn has_room(&self, batch_bytes: usize, is_new: bool, layout: Layout) -> bool {
        is_new || self.position.saturating_add(batch_bytes as u64) <= layout.segment_bytes
    }

    /// Writes `batch` behind the last one. Not durable before [`Segment::sync`].
    pub(crate) fn write(&mut self, batch: &[u8]) -> Result<(), Error> {
        assert!(batch.len() > BATCH_HEADER, "a batch has a record");
        self.file.write_at(batch, self.position).map_err(Error::io("write segment", &self.path))?;
        self.position += batch.len() as u64;
        self.zeroed = self.zeroed.max(self.position);
        Ok(())
    }

    pub(crate) fn sync(&self) -> Result<(), Error> {
        self.file.sync().map_err(Error::io("sync segment", &self.path))
    }

    /// Extends the zeros by a chunk when less than half a chunk is left. The next sync carries them.
    pub(crate) fn zero_ahead(&mut self, layout: Layout) -> Result<(), Error> {
        let end = layout.segment_bytes.min(self.position.saturating_add(layout.zero_bytes));
        if self.zeroed - self.position >= layout.zero_bytes / 2 || end <= self.zeroed {
            return Ok(());
        }
        write_zeros(&*self.file, self.zeroed, end).map_err(Error::io("preallocate segment", &self.path))?;
        self.zeroed = end;
        Ok(())
    }
}
