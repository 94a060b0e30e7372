//! Whoever started us has the servers: we ask for two fresh ones by a line on stdout, and are told where on stdin.

use std::io::{self, Write};

use anyhow::Context;

use super::Etcd;
use super::pair::Pair;

const WISH: &str = "fresh";

/// Two servers that nobody has written to, the first of them an etcd of that version. Those before are gone.
pub(crate) fn fresh(etcd: Etcd) -> anyhow::Result<Pair> {
    println!("{WISH}");
    io::stdout().flush()?;
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    let endpoints = line.trim_end().split_once(' ').context("no two servers were given to us")?;
    Pair::open(etcd, endpoints)
}
