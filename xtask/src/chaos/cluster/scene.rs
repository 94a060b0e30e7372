//! The members, the network between them, and their clients; and what each fault does to them.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, ensure};
use rustix::process::Signal;

use super::clients::{self, Clients, Resumed, Status};
use super::clock::Clocks;
use super::disk::Disk;
use super::fault::Fault;
use super::network::{Network, Way};
use crate::chaos::full_disk::is_clear;
use crate::cluster::{Address, Cluster, Member};
use crate::random::Random;
use crate::server::Server;

/// How long a fault lasts: some shorter than an election, some much longer.
const LASTS_MS: std::ops::Range<u64> = 200..6000;
/// From a member's end to its next start.
const AWAY_MS: std::ops::Range<u64> = 0..3000;
/// After a disk has space again: the server looks at it once a second.
const LOOKED_AT: Duration = Duration::from_millis(1500);
const ENDED_WITHIN: Duration = Duration::from_secs(10);
const DAY_S: u64 = 86_400;
/// A member that was removed ends by itself, or is ended.
const REMOVED_WITHIN: Duration = Duration::from_secs(3);
const CLIENT_PORT: u16 = 2379;
const PEER_PORT: u16 = 2380;

#[derive(Debug)]
pub(super) struct Scene {
    pub(super) cluster: Cluster,
    pub(super) clients: Clients,
    network: Network,
    disk: Disk,
    clocks: Option<Clocks>,
}

/// What to start, and where.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) server: PathBuf,
    pub(super) load: PathBuf,
    pub(super) place: PathBuf,
    pub(super) nodes: usize,
    pub(super) seed: u64,
}

impl Stage {
    pub(super) fn history(&self) -> PathBuf {
        self.place.join("history.jsonl")
    }
}

impl Scene {
    /// All members serve, and their clients have begun. Also gives what cannot be done here, with the reason.
    pub(super) fn start(stage: &Stage, network: Network) -> anyhow::Result<(Scene, Vec<(Fault, String)>)> {
        let mut skipped = Vec::new();
        if network.slowness.is_none() {
            skipped.push((Fault::Slow, "this kernel has neither netem nor tbf".to_owned()));
        }
        let clocks = match Clocks::prepare(&stage.place) {
            Ok(clocks) => Some(clocks),
            Err(error) => {
                skipped.push((Fault::Clock, format!("{error:#}")));
                None
            }
        };
        let addresses = (1..=stage.nodes).map(|number| Address {
            host: Network::address(number),
            client_port: CLIENT_PORT,
            peer_port: PEER_PORT,
        });
        let mut cluster = Cluster::new(&stage.server, &stage.place, addresses.collect());
        let disk = Disk::mount(stage.place.join("disk"))?;
        for member in &mut cluster.members {
            member.surroundings.words = Network::words(&member.name);
            if let Some(clocks) = &clocks {
                member.surroundings.variables = clocks.variables(&member.name)?;
            }
        }
        cluster.members.last_mut().context("a member")?.surroundings.disk = Some(disk.folder().to_owned());
        cluster.start()?;
        let urls: Vec<String> = cluster.members.iter().map(|member| member.address.client_url()).collect();
        let clients = Clients::start(&stage.load, &urls.join(","), (&stage.history(), stage.seed))?;
        Ok((Scene { cluster, clients, network, disk, clocks }, skipped))
    }

    /// Does it, waits, and makes it good again; says what was done.
    pub(super) fn strike(&mut self, fault: Fault, random: &mut Random) -> anyhow::Result<String> {
        match fault {
            Fault::Kill => self.kill(random),
            Fault::KillAll => self.kill_all(random),
            Fault::Stop => self.stop(random),
            Fault::Term => self.terminate(random),
            Fault::Cut => self.cut(random),
            Fault::OneWay => self.one_way(random),
            Fault::Slow => self.slow(random),
            Fault::DiskFull => self.disk_full(random),
            Fault::Clock => self.clock(random),
            Fault::Member => self.member(random),
        }
    }

    /// Everybody must be there, and writes go on through everybody.
    pub(super) fn resumed(&mut self, within: Duration) -> anyhow::Result<Resumed> {
        self.all_run()?;
        let resumed = self.clients.resumed(within)?;
        self.all_run()?;
        Ok(resumed)
    }

    /// What would go with the namespace.
    pub(super) fn keep(&self, place: &Path) -> anyhow::Result<()> {
        self.disk.keep(&place.join("disk-of-the-last-member"))
    }

    fn all_run(&mut self) -> anyhow::Result<()> {
        for member in &mut self.cluster.members {
            let is_running = member.is_running()?;
            ensure!(is_running, "{} has ended by itself; it said:\n{}", member.name, member.final_lines());
        }
        Ok(())
    }

    fn kill(&mut self, random: &mut Random) -> anyhow::Result<String> {
        let (at, who) = self.victim(random)?;
        let away = pause(random, AWAY_MS);
        let member = &mut self.cluster.members[at];
        member.kill()?;
        thread::sleep(away);
        member.start()?;
        Ok(format!("{who}, away for {} ms", away.as_millis()))
    }

    fn kill_all(&mut self, random: &mut Random) -> anyhow::Result<String> {
        let away = pause(random, AWAY_MS);
        self.cluster.members.iter_mut().try_for_each(Member::kill)?;
        thread::sleep(away);
        self.cluster.start()?;
        Ok(format!("all, away for {} ms", away.as_millis()))
    }

    fn stop(&mut self, random: &mut Random) -> anyhow::Result<String> {
        let (at, who) = self.victim(random)?;
        let lasts = pause(random, LASTS_MS);
        let server = self.cluster.members[at].server()?;
        server.signal(Signal::STOP)?;
        thread::sleep(lasts);
        server.signal(Signal::CONT)?;
        Ok(format!("{who}, for {} ms", lasts.as_millis()))
    }

    fn terminate(&mut self, random: &mut Random) -> anyhow::Result<String> {
        let (at, who) = self.victim(random)?;
        let away = pause(random, AWAY_MS);
        let member = &mut self.cluster.members[at];
        member.stop()?;
        thread::sleep(away);
        member.start()?;
        Ok(format!("{who}, away for {} ms", away.as_millis()))
    }

    fn cut(&mut self, random: &mut Random) -> anyhow::Result<String> {
        let (at, who) = self.victim(random)?;
        let lasts = pause(random, LASTS_MS);
        let others: Vec<usize> = (0..self.cluster.members.len()).filter(|other| *other != at).collect();
        let told = |what: &str| format!("{what}, for {} ms", lasts.as_millis());
        let apart = match random.within(0, 4) {
            0 => {
                self.network.set_cable(at, "down")?;
                thread::sleep(lasts);
                self.network.set_cable(at, "up")?;
                return Ok(told(&format!("cable of {who}")));
            }
            // One link only: both ends still reach the rest.
            1 => vec![others[pick(random, others.len())]],
            _ => others,
        };
        let ways =
            apart.iter().flat_map(|other| [Way { from: at, to: *other }, Way { from: *other, to: at }]);
        self.without(&ways.collect::<Vec<Way>>(), lasts)?;
        Ok(told(&format!("{who} from {}", self.names(&apart))))
    }

    fn one_way(&mut self, random: &mut Random) -> anyhow::Result<String> {
        let (at, who) = self.victim(random)?;
        let lasts = pause(random, LASTS_MS);
        let mut others: Vec<usize> = (0..self.cluster.members.len()).filter(|other| *other != at).collect();
        if random.within(0, 2) == 0 {
            others = vec![others[pick(random, others.len())]];
        }
        let names = self.names(&others);
        let (ways, what): (Vec<Way>, String) = match random.within(0, 2) {
            0 => (others.iter().map(|to| Way { from: at, to: *to }).collect(), format!("{who} to {names}")),
            _ => {
                (others.iter().map(|from| Way { from: *from, to: at }).collect(), format!("{names} to {who}"))
            }
        };
        self.without(&ways, lasts)?;
        Ok(format!("{what}, for {} ms", lasts.as_millis()))
    }

    fn slow(&mut self, random: &mut Random) -> anyhow::Result<String> {
        let (at, who) = self.victim(random)?;
        let lasts = pause(random, LASTS_MS);
        let kbit = random.within(100, 2000);
        let how = self.network.slowness.context("links cannot be slowed down")?;
        self.network.slow(at, kbit)?;
        thread::sleep(lasts);
        self.network.quicken(at)?;
        Ok(format!("{who} ({how:?}, {kbit} kbit/s), for {} ms", lasts.as_millis()))
    }

    fn disk_full(&mut self, random: &mut Random) -> anyhow::Result<String> {
        let lasts = pause(random, LASTS_MS);
        self.disk.fill()?;
        thread::sleep(lasts);
        self.disk.clear()?;
        let member = self.cluster.members.last_mut().context("a member")?;
        let ended = has_ended(member)?;
        if ended {
            let said = member.final_lines();
            ensure!(said.lines().any(is_clear), "its final words name no lack of space:\n{said}");
            member.bury();
            member.start()?;
        }
        let what = format!("of {}, for {} ms, which {} it", member.name, lasts.as_millis(), ending(ended));
        self.clients.command("disarm")?;
        Ok(what)
    }

    fn clock(&mut self, random: &mut Random) -> anyhow::Result<String> {
        let (at, who) = self.victim(random)?;
        let lasts = pause(random, LASTS_MS);
        let ahead = random.within(0, 2 * DAY_S).cast_signed() - DAY_S.cast_signed();
        let clocks = self.clocks.as_ref().context("clocks cannot be moved")?;
        let name = &self.cluster.members[at].name;
        clocks.set(name, ahead)?;
        thread::sleep(lasts);
        clocks.set(name, 0)?;
        Ok(format!("{who} by {ahead} s, and back after {} ms", lasts.as_millis()))
    }

    fn member(&mut self, random: &mut Random) -> anyhow::Result<String> {
        let statuses = self.clients.statuses()?;
        let (at, who) = self.choose(&statuses, random);
        let id = statuses[at].as_ref().with_context(|| format!("{who} says nothing of itself"))?.member;
        self.clients.command(&format!("remove {id}"))?;
        let member = &mut self.cluster.members[at];
        let ended = member.server()?.wait_exit(REMOVED_WITHIN).is_ok();
        if ended {
            member.bury();
        } else {
            member.kill()?;
        }
        let away = pause(random, AWAY_MS);
        thread::sleep(away);
        member.renew();
        let url = member.address.peer_url();
        self.clients.command(&format!("add {url}"))?;
        self.cluster.members[at].start()?;
        let how = if ended { "by itself" } else { "by SIGKILL" };
        Ok(format!("{who} removed (ended {how}), added again after {} ms", away.as_millis()))
    }

    /// While nothing goes these ways.
    fn without(&self, ways: &[Way], lasts: Duration) -> anyhow::Result<()> {
        ways.iter().try_for_each(|way| self.network.cut(*way))?;
        thread::sleep(lasts);
        ways.iter().try_for_each(|way| self.network.mend(*way))
    }

    /// The leader more often than not.
    fn victim(&mut self, random: &mut Random) -> anyhow::Result<(usize, String)> {
        let statuses = self.clients.statuses()?;
        Ok(self.choose(&statuses, random))
    }

    fn choose(&self, statuses: &[Option<Status>], random: &mut Random) -> (usize, String) {
        let anyone = pick(random, self.cluster.members.len());
        let leader = clients::leader(statuses);
        let at = leader.filter(|_| random.within(0, 5) < 3).unwrap_or(anyone);
        let role = if leader == Some(at) { "leader" } else { "follower" };
        (at, format!("{role} {}", self.cluster.members[at].name))
    }

    fn names(&self, members: &[usize]) -> String {
        let names: Vec<&str> = members.iter().map(|at| self.cluster.members[*at].name.as_str()).collect();
        names.join(" and ")
    }
}

/// Whether it ends because of a full disk; if it has said so, it takes its time to close connections.
fn has_ended(member: &mut Member) -> anyhow::Result<bool> {
    let server = member.server()?;
    let is_ending = |server: &Server| server.final_lines().lines().any(is_clear);
    Ok(server.wait_exit(LOOKED_AT).is_ok() || is_ending(server) && server.wait_exit(ENDED_WITHIN).is_ok())
}

fn pick(random: &mut Random, count: usize) -> usize {
    usize::try_from(random.within(0, count as u64)).expect("it is below a usize")
}

fn pause(random: &mut Random, ms: std::ops::Range<u64>) -> Duration {
    Duration::from_millis(random.within(ms.start, ms.end))
}

fn ending(ended: bool) -> &'static str {
    if ended { "ended" } else { "did not end" }
}
