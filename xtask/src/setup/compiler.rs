//! The C and C++ compiler: looked for, never installed. Whoever has none is told how to get one.

use anyhow::bail;

use crate::command;

pub(crate) fn require() -> anyhow::Result<()> {
    let named = std::env::var_os("CXX").is_some();
    if named || ["c++", "g++", "clang++"].into_iter().any(command::exists) {
        return Ok(());
    }
    bail!(
        "no C++ compiler found, and RocksDB, zstd and the linker need one\n\
         Debian, Ubuntu: apt-get install g++    Fedora: dnf install gcc-c++    Alpine: apk add g++\n\
         or name one in the variable CXX"
    );
}
