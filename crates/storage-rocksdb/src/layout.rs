//! The database on disk: which column families it has, and the records that say how to read it.

use crate::failure::{failed_to, failed_to_open};
use crate::home::CURRENT;
use crate::place::Place;
use quorate_storage::{Error, Space, SpaceSet, Unusable};
use rocksdb::{
    ColumnFamily, ColumnFamilyDescriptor, DB, IngestExternalFileOptions, WriteBatch, WriteOptions,
};
use std::path::{Path, PathBuf};

/// The column family that no space shows. RocksDB insists on its name.
const OWN: &str = "default";
const FORMAT: &[u8] = b"format";
const SIZE: &[u8] = b"size";
const VERSION: u32 = 1;

/// An open database whose layout was checked. It is closed before its place may go: the fields are dropped in order.
pub(crate) struct Database {
    pub(crate) db: DB,
    pub(crate) spaces: SpaceSet,
    place: Place,
}

impl Database {
    /// Opens or creates the database in `place`; column families that it lacks are created, and durable on return.
    pub(crate) fn open(place: Place) -> Result<Self, Error> {
        let (home, dir) = (place.home().clone(), place.path());
        let (spaces, options) = (home.spaces, &home.options);
        let is_own = |space: &Space| space.name() == OWN;
        assert!(!spaces.as_slice().iter().any(is_own), "the column family `default` is the engine's own");
        let of_database = options.database()?;
        refuse_unknown_spaces(dir, spaces, &of_database)?;
        let of_family = options.column_family(&home.cache);
        let names = spaces.as_slice().iter().map(|space| space.name()).chain([OWN]);
        let families = names.map(|name| ColumnFamilyDescriptor::new(name, of_family.clone()));
        let db = DB::open_cf_descriptors(&of_database, dir, families).map_err(failed_to_open(&home.path))?;
        let database = Self { db, spaces, place };
        database.check_layout()?;
        Ok(database)
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    pub(crate) fn family(&self, space: Space) -> &ColumnFamily {
        self.db.cf_handle(space.name()).expect("every space was opened")
    }

    fn own_family(&self) -> &ColumnFamily {
        self.db.cf_handle(OWN).expect("RocksDB always has it")
    }

    /// Makes all that was written durable, all column families at one point.
    pub(crate) fn flush(&self) -> Result<(), Error> {
        let spaces = self.spaces.as_slice().iter().map(|space| self.family(*space));
        let families: Vec<_> = spaces.chain([self.own_family()]).collect();
        let mut flush = rocksdb::FlushOptions::default();
        flush.set_wait(true);
        self.db.flush_cfs_opt(&families, &flush).map_err(failed_to("flush memtables"))
    }

    pub(crate) fn write(&self, batch: WriteBatch) -> Result<(), Error> {
        let mut options = WriteOptions::default();
        options.disable_wal(true);
        self.db.write_opt(batch, &options).map_err(failed_to("write batch"))
    }

    /// Makes `files`, each of which holds records of a space in order, all that this empty database holds, durably. The files
    /// become its own.
    pub(crate) fn take_in(&self, files: &[(Space, PathBuf)], size: u64) -> Result<(), Error> {
        let mut options = IngestExternalFileOptions::default();
        options.set_move_files(true);
        for space in self.spaces.as_slice() {
            let files = files.iter().filter(|(of, _)| of == space).map(|(_, path)| path);
            let files: Vec<_> = files.collect();
            if !files.is_empty() {
                let taken = self.db.ingest_external_file_cf_opts(self.family(*space), &options, files);
                taken.map_err(failed_to("take in received records"))?;
            }
        }
        let mut batch = WriteBatch::default();
        self.put_size(&mut batch, size);
        self.write(batch)?;
        self.flush()
    }

    /// The size as of the newest batch (law R3).
    pub(crate) fn size(&self) -> Result<u64, Error> {
        let Some(bytes) = self.own(SIZE)? else { return Ok(0) };
        bytes
            .try_into()
            .map(u64::from_le_bytes)
            .map_err(|_| self.corrupt("the record `size` has not 8 bytes"))
    }

    /// Adds the new size to the batch that makes it so.
    pub(crate) fn put_size(&self, batch: &mut WriteBatch, size: u64) {
        batch.put_cf(self.own_family(), SIZE, size.to_le_bytes());
    }

    /// Reads how the database was laid out, and writes down what is new in it.
    fn check_layout(&self) -> Result<(), Error> {
        let mut news = WriteBatch::default();
        self.check_version(&mut news)?;
        for space in self.spaces.as_slice() {
            self.check_counting(*space, &mut news)?;
        }
        if news.is_empty() {
            return Ok(());
        }
        self.write(news)?;
        self.flush()
    }

    fn check_version(&self, news: &mut WriteBatch) -> Result<(), Error> {
        let Some(bytes) = self.own(FORMAT)? else {
            // It was made just now, or its maker died before this record was durable: before any batch.
            news.put_cf(self.own_family(), FORMAT, VERSION.to_le_bytes());
            return self.check_new();
        };
        match bytes.try_into().map(u32::from_le_bytes) {
            Ok(VERSION) => Ok(()),
            Ok(found @ 2..) => Err(self.unusable(Unusable::Newer { found, known: VERSION })),
            _ => Err(self.corrupt("the record `format` holds no version")),
        }
    }

    /// Checks that nobody wrote anything yet: a database without our format is not ours.
    fn check_new(&self) -> Result<(), Error> {
        let mut records = self.db.raw_iterator_cf(self.own_family());
        records.seek_to_first();
        if records.valid() {
            return Err(self.corrupt("it has records, but none that tells the format"));
        }
        records.status().map_err(failed_to("read layout"))
    }

    fn check_counting(&self, space: Space, news: &mut WriteBatch) -> Result<(), Error> {
        let key = format!("counted/{}", space.name());
        let value = [u8::from(space.is_counted())];
        match self.own(key.as_bytes())? {
            None => news.put_cf(self.own_family(), key, value),
            Some(stored) if stored == value => {}
            Some(_) => return Err(self.unusable(Unusable::Counting { name: space.name() })),
        }
        Ok(())
    }

    fn own(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.db.get_cf(self.own_family(), key).map_err(failed_to("read layout"))
    }

    fn corrupt(&self, what: &'static str) -> Error {
        Error::Corrupt { path: self.place.path().to_owned(), offset: 0, what }
    }

    fn unusable(&self, why: Unusable) -> Error {
        Error::Unusable { path: self.place.path().to_owned(), why }
    }
}

/// RocksDB itself would complain of column families that were not named, but not so that one could tell which.
fn refuse_unknown_spaces(dir: &Path, spaces: SpaceSet, options: &rocksdb::Options) -> Result<(), Error> {
    // The file that RocksDB begins to read a database with; without it there is none yet.
    if !dir.join(CURRENT).exists() {
        return Ok(());
    }
    let names = DB::list_cf(options, dir).map_err(failed_to("list column families"))?;
    let is_known = |name: &str| name == OWN || spaces.as_slice().iter().any(|space| space.name() == name);
    match names.into_iter().find(|name| !is_known(name)) {
        None => Ok(()),
        Some(name) => Err(Error::Unusable { path: dir.to_owned(), why: Unusable::UnknownSpace { name } }),
    }
}

#[cfg(test)]
mod tests;
