//! What an operator can set, and what it means to RocksDB.

use crate::failure::failed_to;
use quorate_storage::Error;
use rocksdb::{BlockBasedOptions, Cache, DBCompressionType, InfoLogger, LogLevel};

/// Everything that can be set about a [`RocksEngine`](crate::RocksEngine).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Memory for blocks that were read from disk, indexes included, over all spaces. Default 256 MiB. More
    /// when the records in use do not fit and reads wait for the disk.
    pub cache_bytes: usize,
    /// Memory for records that are not flushed yet, over all spaces. Default 128 MiB. More makes fewer and larger
    /// files, a longer `persist`, and more for the log to replay after a crash.
    pub memtable_bytes: usize,
    /// Threads that flush and compact. Default 2. More when writes wait for compaction and cores are idle.
    pub background_jobs: u8,
}

/// A block of 16 KiB: a quarter of the index entries of RocksDB's default, and it compresses better.
const BLOCK_BYTES: usize = 16 << 10;
/// While a file is written it is handed to the disk in pieces of this size: a log on the same disk does not
/// wait behind a whole file when it syncs.
const SYNC_BYTES: u64 = 1 << 20;
/// RocksDB's list of files is begun anew at this length; by default at 1 GiB, and it is read to open.
const MANIFEST_BYTES_MAX: usize = 16 << 20;

impl Default for Options {
    fn default() -> Self {
        Self { cache_bytes: 256 << 20, memtable_bytes: 128 << 20, background_jobs: 2 }
    }
}

impl Options {
    /// What holds for the whole database.
    pub(crate) fn database(&self) -> Result<rocksdb::Options, Error> {
        // Closing must not flush: nobody would learn that it failed. RocksDB's wrapper has no method for this one.
        let mut database = rocksdb::Options::default()
            .get_options_from_string("avoid_flush_during_shutdown=true")
            .map_err(failed_to("set database options"))?;
        database.create_if_missing(true);
        database.create_missing_column_families(true);
        database.set_atomic_flush(true);
        database.set_db_write_buffer_size(self.memtable_bytes);
        database.set_max_background_jobs(i32::from(self.background_jobs));
        database.set_bytes_per_sync(SYNC_BYTES);
        database.set_max_manifest_file_size(MANIFEST_BYTES_MAX);
        // A reader that ends must not delete files: that is left to the background threads.
        database.set_avoid_unnecessary_blocking_io(true);
        database.set_stats_dump_period_sec(0);
        database.set_stats_persist_period_sec(0);
        database.set_info_logger(InfoLogger::new_callback_logger(LogLevel::Warn, log));
        Ok(database)
    }

    /// What holds for a column family; `cache` is shared by all of them.
    pub(crate) fn column_family(&self, cache: &Cache) -> rocksdb::Options {
        let mut table = BlockBasedOptions::default();
        table.set_block_cache(cache);
        table.set_block_size(BLOCK_BYTES);
        // Indexes count in the cache's bound, but are not driven out by a long scan.
        table.set_cache_index_and_filter_blocks(true);
        table.set_cache_index_and_filter_blocks_with_high_priority(true);
        table.set_pin_l0_filter_and_index_blocks_in_cache(true);
        let mut family = rocksdb::Options::default();
        family.set_block_based_table_factory(&table);
        // One memtable takes writes while one is flushed: the two of the busiest space stay within the bound.
        family.set_write_buffer_size(self.memtable_bytes / 2);
        family.set_compression_type(DBCompressionType::Lz4);
        family.set_bottommost_compression_type(DBCompressionType::Zstd);
        family
    }

    /// The cache for blocks.
    pub(crate) fn cache(&self) -> Cache {
        Cache::new_lru_cache(self.cache_bytes)
    }
}

/// RocksDB's own words go to our log; it writes no `LOG` files.
fn log(level: LogLevel, text: &str) {
    match level {
        LogLevel::Error | LogLevel::Fatal => tracing::error!(target: "rocksdb", "{text}"),
        LogLevel::Warn => tracing::warn!(target: "rocksdb", "{text}"),
        LogLevel::Debug | LogLevel::Info | LogLevel::Header => tracing::debug!(target: "rocksdb", "{text}"),
    }
}
