//! The storage backends a server can be built with.

use std::fmt;
use std::str::FromStr;

use crate::args::Args;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    RocksDb,
    Memory,
}

pub(crate) const BACKENDS: [Backend; 2] = [Backend::RocksDb, Backend::Memory];

impl Backend {
    /// The feature of the package `quorate` that chooses it.
    pub(crate) fn feature(self) -> &'static str {
        match self {
            Backend::RocksDb => "rocksdb",
            Backend::Memory => "memory",
        }
    }

    pub(crate) fn other(self) -> Backend {
        match self {
            Backend::RocksDb => Backend::Memory,
            Backend::Memory => Backend::RocksDb,
        }
    }

    /// `--backend`, or every backend.
    pub(crate) fn take_all(args: &mut Args) -> anyhow::Result<Vec<Backend>> {
        let one: Option<Backend> = args.take_value("--backend")?;
        Ok(one.map_or_else(|| BACKENDS.to_vec(), |backend| vec![backend]))
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.feature())
    }
}

impl FromStr for Backend {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Backend> {
        let found = BACKENDS.into_iter().find(|backend| backend.feature() == text);
        found.ok_or_else(|| anyhow::anyhow!("no such backend; there are rocksdb and memory"))
    }
}
