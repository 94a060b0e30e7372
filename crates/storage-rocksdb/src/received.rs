//! A state that is being received: files of sorted records, made a database once it is complete.
//!
//! Nothing of it goes through a memtable or is compacted: the records come in order, so that each file is written once
//! where it stays, and RocksDB takes it in as a file of its lowest level.

use crate::engine::Shared;
use crate::failure::failed_to;
use crate::layout::Database;
use crate::place::Place;
use crate::view::Moment;
use quorate_storage::{Error, Progress, Replacement, Space, Successor};
use rocksdb::SstFileWriter;
use std::path::PathBuf;
use std::sync::Arc;

/// Records that are gathered before a file is written: what this holds in memory, and what one sync of the disk has to
/// take. RocksDB's own files are twice as large.
const PIECE_BYTES: usize = 32 << 20;

/// See [`Replacement`].
pub(crate) struct Received {
    shared: Arc<Shared>,
    progress: Progress,
    piece: Piece,
    files: Vec<(Space, PathBuf)>,
    place: Place,
}

/// Records of one space, in order, back to back.
#[derive(Default)]
struct Piece {
    space: Option<Space>,
    bytes: Vec<u8>,
    /// Of each record, where its key and where its value ends.
    ends: Vec<(usize, usize)>,
}

impl Received {
    pub(crate) fn begin(shared: Arc<Shared>) -> Result<Self, Error> {
        let place = shared.home.begin()?;
        let (progress, piece) = (Progress::default(), Piece::default());
        Ok(Self { shared, progress, piece, files: Vec::new(), place })
    }

    /// Writes what was gathered to a file of its own, synced.
    fn end_piece(&mut self) -> Result<(), Error> {
        let Some(space) = self.piece.space.take() else { return Ok(()) };
        let path = self.place.path().join(format!("received-{:08}", self.files.len()));
        let home = &self.shared.home;
        let options = home.options.column_family(&home.cache);
        let mut file = SstFileWriter::create(&options);
        let written = file.open(&path).and_then(|()| {
            self.piece.records().try_for_each(|(key, value)| file.put(key, value))?;
            file.finish()
        });
        written.map_err(failed_to("write received records"))?;
        self.piece.clear();
        self.files.push((space, path));
        Ok(())
    }
}

impl Piece {
    fn push(&mut self, key: &[u8], value: &[u8]) {
        self.bytes.extend_from_slice(key);
        let key_end = self.bytes.len();
        self.bytes.extend_from_slice(value);
        self.ends.push((key_end, self.bytes.len()));
    }

    fn records(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut start = 0;
        self.ends.iter().map(move |&(key_end, end)| {
            let record = (&self.bytes[start..key_end], &self.bytes[key_end..end]);
            start = end;
            record
        })
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}

impl Replacement for Received {
    fn add(&mut self, space: Space, key: &[u8], value: &[u8]) -> Result<(), Error> {
        self.progress.note(space, key, value)?;
        let is_full = self.piece.bytes.len() + key.len() + value.len() > PIECE_BYTES;
        if is_full || self.piece.space.is_some_and(|other| other != space) {
            self.end_piece()?;
        }
        self.piece.space = Some(space);
        self.piece.push(key, value);
        Ok(())
    }

    fn last(&self) -> Option<(Space, &[u8])> {
        self.progress.last()
    }

    fn finish(mut self: Box<Self>) -> Result<Successor, Error> {
        self.end_piece()?;
        let Self { shared, progress, files, place, .. } = *self;
        let database = Arc::new(Database::open(place)?);
        database.take_in(&files, progress.size())?;
        let moment = Arc::new(Moment::new(&database, progress.size()));
        let view = moment.clone();
        Ok(Successor::new(view, move || shared.swap(moment)))
    }
}
