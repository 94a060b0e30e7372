//! Opening a log: what is believed, what is cut, what is refused.

use crate::Error;
use crate::disk::{Disk, File};
use crate::format::{
    BATCH_MAGIC, BadHeader, FORMAT, HEADER_FIXED, Seal, SegmentHeader, SegmentId, header_length,
};
use crate::picture::Placed;
use crate::segment::{Layout, Segment, write_zeros};
use crate::state::{State, Stored};
use crate::writer::Resume;
use scan::{Scan, Window};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

mod scan;

/// What [`open`](crate::open) found. Worth a line in the server's log; a torn tail is worth a warning.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Segments that were read.
    pub segments: usize,
    /// Sync batches that were read.
    pub batches: u64,
    /// Entries that are there.
    pub entries: u64,
    /// Bytes in use in all segments.
    pub disk_bytes: u64,
    /// What a crash left of a last, unfinished batch: cut off.
    pub torn: Option<Torn>,
    /// A segment whose creation a crash cut short: replaced.
    pub unborn: Option<PathBuf>,
}

/// Bytes that were never acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    /// The file.
    pub file: PathBuf,
    /// Where the last batch that verifies ends.
    pub offset: u64,
    /// How many bytes were zeroed from there on.
    pub bytes: u64,
}

/// The number of the first batch of a log.
const FIRST_BATCH: u64 = 1;

/// A log that was read.
pub(crate) struct Recovered {
    pub(crate) nonce: u64,
    pub(crate) stored: Stored,
    pub(crate) segments: VecDeque<Placed>,
    pub(crate) resume: Resume,
    pub(crate) recovery: Recovery,
}

/// A segment file with its header, if that verifies.
struct Found {
    id: SegmentId,
    file: Arc<dyn File>,
    path: PathBuf,
    size: u64,
    /// And the header's length; or what is wrong with it.
    header: Result<(SegmentHeader, u64), &'static str>,
}

/// Reads the log in `disk`, or begins one under `nonce`.
pub(crate) fn recover(disk: &dyn Disk, nonce: u64, layout: Layout) -> Result<Recovered, Error> {
    // What is listed may be in memory only, after a crash of the process alone. From here on it is durable.
    sync_names(disk)?;
    let mut found = list(disk)?;
    let unborn = found.pop_if(|last| last.header.is_err());
    unborn.iter().try_for_each(|last| check_unborn(last, found.is_empty()))?;
    let mut replay = Replay { number: FIRST_BATCH, ..Replay::default() };
    let end = replay.read_all(&found)?;
    if let (Some(last), Some(end), true) = (found.last(), &end, unborn.is_some())
        && end.dirty_end > end.position
    {
        // W2: the next segment is begun only after a sync, so this is no torn tail.
        return Err(corrupt(
            last,
            end.position,
            "a batch is damaged that was synced: the next segment was begun",
        ));
    }
    // Nothing was refused: only now is anything changed.
    if let Some(last) = unborn {
        disk.remove(&last.id.name()).map_err(Error::io("remove segment", &last.path))?;
        sync_names(disk)?;
        replay.recovery.unborn = Some(last.path);
    }
    let Replay { stored, mut segments, number, mut recovery } = replay;
    let nonce =
        found.first().and_then(|first| first.header.as_ref().ok()).map_or(nonce, |(header, _)| header.nonce);
    let (segment, segment_is_new) = match (found.last(), end) {
        (Some(last), Some(end)) => (resume(last, &end, &mut recovery)?, end.batches == 0),
        _ => (begin(disk, nonce, layout, &mut segments)?, true),
    };
    recovery.entries = stored.positions.len() as u64;
    recovery.disk_bytes = segments.iter().map(|segment| segment.used).sum();
    Ok(Recovered { nonce, stored, segments, resume: Resume { segment, segment_is_new, number }, recovery })
}

fn sync_names(disk: &dyn Disk) -> Result<(), Error> {
    disk.sync_names().map_err(Error::io("sync folder", &disk.path("")))
}

/// The first segment of a new log.
fn begin(
    disk: &dyn Disk,
    nonce: u64,
    layout: Layout,
    segments: &mut VecDeque<Placed>,
) -> Result<Segment, Error> {
    let header =
        SegmentHeader { nonce, id: SegmentId::FIRST, first_batch: FIRST_BATCH, state: State::default() };
    let segment = Segment::create(disk, &header, layout)?;
    segments.push_back(Placed::of(&segment, 0));
    Ok(segment)
}

/// All segments, oldest first, none missing between them.
fn list(disk: &dyn Disk) -> Result<Vec<Found>, Error> {
    let names = disk.names().map_err(Error::io("list folder", &disk.path("")))?;
    let mut ids: Vec<_> = names.iter().filter_map(|name| SegmentId::of_name(name)).collect();
    ids.sort_unstable();
    for pair in ids.windows(2) {
        if pair[0].next() != pair[1] {
            return Err(Error::Missing { file: disk.path(&pair[0].next().name()) });
        }
    }
    ids.into_iter().map(|id| find(disk, id)).collect()
}

fn find(disk: &dyn Disk, id: SegmentId) -> Result<Found, Error> {
    let path = disk.path(&id.name());
    let file = disk.open(&id.name()).map_err(Error::io("open segment", &path))?;
    let size = file.size().map_err(Error::io("measure segment", &path))?;
    let header = read_header(&*file, size).map_err(Error::io("read segment", &path))?;
    match header {
        Err(BadHeader::Format(found)) => Err(Error::Version { file: path, found, known: FORMAT }),
        Ok((header, _)) if header.id != id => {
            Err(Error::Corrupt { file: path, offset: 32, what: "the header names another segment" })
        }
        Ok(header) => Ok(Found { id, file, path, size, header: Ok(header) }),
        Err(BadHeader::Damaged(what)) => Ok(Found { id, file, path, size, header: Err(what) }),
    }
}

type Header = Result<(SegmentHeader, u64), BadHeader>;

/// The header of a file of `size` bytes, and its length.
fn read_header(file: &dyn File, size: u64) -> std::io::Result<Header> {
    let mut start = vec![0; HEADER_FIXED];
    if size < start.len() as u64 {
        return Ok(Err(BadHeader::Damaged("the file ends within the header")));
    }
    file.read_at(&mut start, 0)?;
    let length = match header_length(&start) {
        Ok(length) if length as u64 <= size => length,
        Ok(_) => return Ok(Err(BadHeader::Damaged("the file ends within the header"))),
        Err(what) => return Ok(Err(BadHeader::Damaged(what))),
    };
    let mut bytes = vec![0; length];
    file.read_at(&mut bytes, 0)?;
    Ok(SegmentHeader::decode(&bytes).map(|header| (header, length as u64)))
}

/// Whether the newest segment, whose header does not verify, never held a batch.
///
/// A header is synced before the first batch is written and before older segments go, so anything that looks like
/// a batch, or a missing predecessor, proves that the header was sound once.
fn check_unborn(last: &Found, is_alone: bool) -> Result<(), Error> {
    let Err(what) = last.header else { return Ok(()) };
    let looks_used = scan::has_word(&*last.file, last.size, BATCH_MAGIC);
    if looks_used.map_err(Error::io("read segment", &last.path))? || (is_alone && last.id != SegmentId::FIRST)
    {
        return Err(corrupt(last, 0, what));
    }
    Ok(())
}

/// The log so far, while its segments are read in order.
#[derive(Default)]
struct Replay {
    stored: Stored,
    segments: VecDeque<Placed>,
    /// Number of the next batch.
    number: u64,
    recovery: Recovery,
}

impl Replay {
    /// Reads every segment; says how the last one ends.
    fn read_all(&mut self, found: &[Found]) -> Result<Option<Scan>, Error> {
        let mut headers = Vec::new();
        for one in found {
            match &one.header {
                Ok((header, length)) => headers.push((header, *length)),
                Err(what) => return Err(corrupt(one, 0, what)),
            }
        }
        let mut end = None;
        for (position, (one, (header, length))) in found.iter().zip(&headers).enumerate() {
            self.check_header(one, header, headers[0].0)?;
            let until = headers.get(position + 1).map(|(next, _)| next.first_batch);
            end = Some(self.read(one, header, *length, until)?);
        }
        if self.stored.missing() > 0 {
            let first = found.first().map_or_else(PathBuf::new, |first| first.path.clone());
            return Err(Error::Corrupt {
                file: first,
                offset: 0,
                what: "entries before this segment are missing",
            });
        }
        Ok(end)
    }

    /// Whether `header` continues what was read so far.
    fn check_header(
        &mut self,
        one: &Found,
        header: &SegmentHeader,
        first: &SegmentHeader,
    ) -> Result<(), Error> {
        if self.segments.is_empty() {
            self.stored.state = header.state.clone();
            self.number = header.first_batch;
        }
        if header.nonce != first.nonce {
            return Err(corrupt(one, 24, "the segment is of another log"));
        }
        if header.first_batch != self.number {
            return Err(corrupt(one, 40, "the segment does not continue the one before"));
        }
        if header.state != self.stored.state {
            return Err(corrupt(one, 48, "the header's state is not that of the log before it"));
        }
        Ok(())
    }

    /// Takes all batches of one segment into account, up to the one with which the next segment begins.
    fn read(
        &mut self,
        one: &Found,
        header: &SegmentHeader,
        length: u64,
        until: Option<u64>,
    ) -> Result<Scan, Error> {
        let base = self.segments.back().map_or(0, |last| last.base + last.used);
        let log = Seal::of_log(header.nonce);
        let mut scan = Scan::new(Seal::of_segment(header.nonce, one.id), one.id, length, self.number);
        let mut window = Window::new(&*one.file, one.size);
        while until != Some(scan.number) {
            let batch = scan.next(&mut window).map_err(Error::io("read segment", &one.path))?;
            let Some(batch) = batch else { break };
            scan::replay(&batch, log, base, &mut self.stored)
                .map_err(|(offset, what)| corrupt(one, offset, what))?;
        }
        let is_cut_short = until.is_some_and(|until| until != scan.number);
        let is_last = until.is_none();
        let is_followed =
            is_last && scan.later_batch(&mut window).map_err(Error::io("read segment", &one.path))?;
        if is_cut_short || is_followed {
            return Err(corrupt(one, scan.position, "a batch is damaged that was synced: later ones exist"));
        }
        self.number = scan.number;
        self.recovery.segments += 1;
        self.recovery.batches += scan.batches;
        let (file, path) = (one.file.clone(), one.path.clone());
        self.segments.push_back(Placed { base, used: scan.position, id: one.id, file, path });
        Ok(scan)
    }
}

fn corrupt(one: &Found, offset: u64, what: &'static str) -> Error {
    Error::Corrupt { file: one.path.clone(), offset, what }
}

/// Makes the newest segment ready for the next batch: what was read is durable, and zeros follow it.
///
/// The last piece, a batch or the header, is written again: if its sync failed in an earlier process, the page cache
/// may show it although the disk does not have it, and another sync alone would not bring it there.
fn resume(last: &Found, end: &Scan, recovery: &mut Recovery) -> Result<Segment, Error> {
    let Scan { position, last_piece, dirty_end, .. } = end;
    let path = &last.path;
    if dirty_end > position {
        let sectors_end = dirty_end.next_multiple_of(512).min(last.size);
        write_zeros(&*last.file, *position, sectors_end).map_err(Error::io("cut torn tail", path))?;
        let bytes = dirty_end - position;
        recovery.torn = Some(Torn { file: path.clone(), offset: *position, bytes });
    }
    let mut piece = vec![0; usize::try_from(position - last_piece).expect("a batch fits memory")];
    last.file.read_at(&mut piece, *last_piece).map_err(Error::io("read segment", path))?;
    last.file.write_at(&piece, *last_piece).map_err(Error::io("write segment", path))?;
    last.file.sync().map_err(Error::io("sync segment", path))?;
    let (file, path, position) = (last.file.clone(), path.clone(), *position);
    Ok(Segment { id: last.id, file, path, position, zeroed: last.size.max(position) })
}
