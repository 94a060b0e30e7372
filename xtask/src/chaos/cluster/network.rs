//! A network of a member each, and one host for the clients, on one bridge; and what can be broken in it.
//!
//! All of it is in the network namespace that this process was started in, and goes with it. Who sends to whom is decided by
//! tables of neighbours without any address resolution: a link is cut by giving the sender a hardware address for the other
//! that nobody has. So packets vanish without a word, in one direction, also those of connections that exist, and no
//! filter and no special kernel is needed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::command;

/// `ip netns` keeps its names there.
const NAMES: &str = "/var/run";
const NOBODY: &str = "02:00:00:00:ff:ff";
pub(super) const CLIENTS: &str = "load";

/// A place in the network: members are 1 to n, as their names say; the clients come after them.
#[derive(Debug, Clone)]
struct Host {
    name: String,
    number: usize,
}

#[derive(Debug)]
pub(super) struct Network {
    hosts: Vec<Host>,
    pub(super) slowness: Option<Slowness>,
}

/// How this kernel can slow a link down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slowness {
    /// Delay, jitter and loss.
    Netem,
    /// A narrow pipe with a long queue.
    TokenBucket,
}

/// Packets from one member to another, by their places in the list of members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) from: usize,
    pub(super) to: usize,
}

impl Network {
    /// Makes it.
    pub(super) fn new(members: usize) -> anyhow::Result<Network> {
        let names = fs::canonicalize(NAMES).with_context(|| format!("find {NAMES}"))?;
        command::run(Command::new("mount").args(["-t", "tmpfs", "tmpfs"]).arg(&names))?;
        let members = (1..=members).map(|number| Host { name: format!("n{number}"), number });
        let mut hosts: Vec<Host> = members.collect();
        hosts.push(Host { name: CLIENTS.to_owned(), number: hosts.len() + 1 });
        ip("link set lo up")?;
        ip("link add hub type bridge")?;
        ip("link set hub up")?;
        for host in &hosts {
            plug(host).with_context(|| format!("connect {}", host.name))?;
        }
        let network = Network { hosts, slowness: None };
        for (from, to) in network.pairs() {
            network.aim(from, to, &hardware(to))?;
        }
        let slowness = network.find_slowness();
        Ok(Network { slowness, ..network })
    }

    pub(super) fn address(number: usize) -> String {
        format!("10.99.0.{number}")
    }

    /// What starts a program on this host, before its name.
    pub(super) fn words(host: &str) -> Vec<String> {
        let file: PathBuf = Path::new(NAMES).join("netns").join(host);
        vec!["nsenter".to_owned(), format!("--net={}", file.display())]
    }

    /// From now on nothing goes this way.
    pub(super) fn cut(&self, way: Way) -> anyhow::Result<()> {
        self.aim(&self.hosts[way.from], &self.hosts[way.to], NOBODY)
    }

    /// From now on everything goes this way again.
    pub(super) fn mend(&self, way: Way) -> anyhow::Result<()> {
        let to = &self.hosts[way.to];
        self.aim(&self.hosts[way.from], to, &hardware(to))
    }

    /// Takes a member's cable out, or puts it in again: nobody reaches it, clients included.
    pub(super) fn set_cable(&self, member: usize, state: &str) -> anyhow::Result<()> {
        ip(&format!("link set {} {state}", cable(&self.hosts[member])))
    }

    /// Whatever a member sends is slow.
    pub(super) fn slow(&self, member: usize, kbit: u64) -> anyhow::Result<()> {
        let how = match self.slowness.context("links cannot be slowed down")? {
            Slowness::Netem => "netem delay 80ms 40ms loss 2%".to_owned(),
            Slowness::TokenBucket => format!("tbf rate {kbit}kbit burst 4kb latency 2s"),
        };
        tc(&self.hosts[member], &format!("add dev eth0 root {how}"))
    }

    pub(super) fn quicken(&self, member: usize) -> anyhow::Result<()> {
        tc(&self.hosts[member], "del dev eth0 root")
    }

    fn find_slowness(&self) -> Option<Slowness> {
        let host = self.hosts.last()?;
        let works = |how: &str| {
            tc(host, &format!("add dev eth0 root {how}")).is_ok() && tc(host, "del dev eth0 root").is_ok()
        };
        if works("netem delay 1ms") {
            return Some(Slowness::Netem);
        }
        works("tbf rate 1mbit burst 4kb latency 1s").then_some(Slowness::TokenBucket)
    }

    fn pairs(&self) -> impl Iterator<Item = (&Host, &Host)> {
        let pairs = self.hosts.iter().flat_map(|from| self.hosts.iter().map(move |to| (from, to)));
        pairs.filter(|(from, to)| from.number != to.number)
    }

    /// Frames for `to` go to this hardware address.
    fn aim(&self, from: &Host, to: &Host, hardware: &str) -> anyhow::Result<()> {
        let address = Network::address(to.number);
        ip(&format!("-n {} neigh replace {address} lladdr {hardware} nud permanent dev eth0", from.name))
    }
}

fn plug(host: &Host) -> anyhow::Result<()> {
    let Host { name, number } = host;
    let (cable, hardware, address) = (cable(host), hardware(host), Network::address(*number));
    ip(&format!("netns add {name}"))?;
    ip(&format!("link add {cable} type veth peer name eth0 address {hardware} netns {name}"))?;
    ip(&format!("link set {cable} master hub"))?;
    ip(&format!("link set {cable} up"))?;
    ip(&format!("-n {name} link set lo up"))?;
    ip(&format!("-n {name} address add {address}/24 dev eth0"))?;
    ip(&format!("-n {name} link set eth0 up"))
}

/// The end of its cable at the bridge.
fn cable(host: &Host) -> String {
    format!("cable{}", host.number)
}

fn hardware(host: &Host) -> String {
    format!("02:00:00:00:00:{:02x}", host.number)
}

fn ip(words: &str) -> anyhow::Result<()> {
    command::text(Command::new("ip").args(words.split(' '))).map(drop)
}

fn tc(host: &Host, words: &str) -> anyhow::Result<()> {
    command::text(Command::new("tc").args(["-n", &host.name, "qdisc"]).args(words.split(' '))).map(drop)
}
