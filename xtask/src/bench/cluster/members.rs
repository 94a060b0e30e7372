//! The members of a cluster as processes: started together, and killed, stopped and started again one by one.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use rustix::time::ClockId;

use crate::server::{Plan, Server};

/// A leader that is told to stop hands over first.
const STOP_WITHIN: Duration = Duration::from_secs(20);

/// How many found the cluster, and how many may join it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) founders: usize,
    pub(crate) joiners: usize,
}

#[derive(Debug)]
pub(crate) struct Members {
    seats: Vec<Seat>,
    founders: usize,
    /// Flags that all of them get.
    settings: Vec<String>,
}

#[derive(Debug)]
struct Seat {
    plan: Plan,
    server: Option<Server>,
    /// It has been started before.
    is_taken: bool,
}

impl Members {
    /// Nobody runs yet. All is below `place`.
    pub(crate) fn new(
        program: &Path,
        place: &Path,
        size: Size,
        settings: &[String],
    ) -> anyhow::Result<Members> {
        let mut seats = Vec::new();
        for at in 0..size.founders + size.joiners {
            let folder = place.join(name(at));
            fs::create_dir(&folder)?;
            let plan = Plan::new(program, &folder)?;
            seats.push(Seat { plan, server: None, is_taken: false });
        }
        Ok(Members { seats, founders: size.founders, settings: settings.to_vec() })
    }

    /// Starts the founders, or all that were ever started, and waits until they serve.
    pub(crate) fn start_all(&mut self) -> anyhow::Result<()> {
        let begin = |at: &usize| *at < self.founders || self.seats[*at].is_taken;
        let all: Vec<usize> = (0..self.seats.len()).filter(begin).collect();
        for &at in &all {
            self.start(at)?;
        }
        for &at in &all {
            let server = self.seats[at].server.as_mut().context("it was just started")?;
            server.wait_ready().with_context(|| format!("member {}", name(at)))?;
        }
        Ok(())
    }

    /// Starts one, once the process that it was has ended. Gives the new process.
    pub(crate) fn start(&mut self, at: usize) -> anyhow::Result<u32> {
        if let Some(mut before) = self.seat(at)?.server.take() {
            before.wait_exit(STOP_WITHIN).with_context(|| format!("member {}", name(at)))?;
        }
        let command = self.command(at);
        let seat = self.seat(at)?;
        let server = Server::spawn(command, &seat.plan.log())?;
        let id = server.id();
        (seat.server, seat.is_taken) = (Some(server), true);
        Ok(id)
    }

    /// SIGKILL; gives the moment before, and returns once it is gone.
    pub(crate) fn kill(&mut self, at: usize) -> anyhow::Result<u64> {
        let server = self.seat(at)?.server.take().context("it does not run")?;
        let before = now_ns()?;
        server.kill()?;
        Ok(before)
    }

    /// SIGTERM; gives the moment before.
    pub(crate) fn stop(&mut self, at: usize) -> anyhow::Result<u64> {
        let server = self.seat(at)?.server.as_mut().context("it does not run")?;
        let before = now_ns()?;
        server.terminate()?;
        Ok(before)
    }

    /// SIGKILL for all at once, as a power cut would end them.
    pub(crate) fn kill_all(&mut self) -> anyhow::Result<()> {
        let servers: Vec<Server> = self.seats.iter_mut().filter_map(|seat| seat.server.take()).collect();
        ensure!(!servers.is_empty(), "nobody runs");
        servers.into_iter().try_for_each(Server::kill)
    }

    /// Does what the program that measures asks for; see `xtask/load/src/cluster/landlord.rs`.
    pub(crate) fn obey(&mut self, wish: &str) -> anyhow::Result<String> {
        let (what, at) = wish.split_once(' ').with_context(|| format!("it wishes {wish:?}"))?;
        let at: usize = at.parse()?;
        match what {
            "kill" => Ok(self.kill(at)?.to_string()),
            "stop" => Ok(self.stop(at)?.to_string()),
            "start" => Ok(self.start(at)?.to_string()),
            _ => anyhow::bail!("nobody knows how to {wish:?}"),
        }
    }

    /// Where clients are served, founders first.
    pub(crate) fn endpoints(&self) -> Vec<String> {
        self.seats.iter().map(|seat| seat.plan.endpoint()).collect()
    }

    /// The processes of those that run.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.seats.iter().filter_map(|seat| Some(seat.server.as_ref()?.id().to_string())).collect()
    }

    pub(crate) fn peer_url(&self, at: usize) -> String {
        self.seats.get(at).map(|seat| seat.plan.peer_url()).unwrap_or_default()
    }

    /// What each of them said last.
    pub(crate) fn final_lines(&self) -> String {
        let of = |(at, seat): (usize, &Seat)| {
            Some(format!("{} said:\n{}", name(at), seat.server.as_ref()?.final_lines()))
        };
        self.seats.iter().enumerate().filter_map(of).collect::<Vec<_>>().join("\n")
    }

    fn seat(&mut self, at: usize) -> anyhow::Result<&mut Seat> {
        self.seats.get_mut(at).with_context(|| format!("there is no member {at}"))
    }

    /// The command line; the environment holds nothing but what the program needs to be found.
    fn command(&self, at: usize) -> Command {
        let plan = &self.seats[at].plan;
        let joins = at >= self.founders;
        let known = if joins { at + 1 } else { self.founders };
        let pairs = self.seats[..known].iter().enumerate();
        let pairs: Vec<String> =
            pairs.map(|(at, seat)| format!("{}={}", name(at), seat.plan.peer_url())).collect();
        let mut command = Command::new(&plan.program);
        command.env_clear().arg("--data-dir").arg(plan.data_dir());
        command.args([
            format!("--name={}", name(at)),
            format!("--listen-client-urls={}", plan.endpoint()),
            format!("--advertise-client-urls={}", plan.endpoint()),
            format!("--listen-peer-urls={}", plan.peer_url()),
            format!("--initial-advertise-peer-urls={}", plan.peer_url()),
            format!("--initial-cluster={}", pairs.join(",")),
            format!("--initial-cluster-state={}", if joins { "existing" } else { "new" }),
        ]);
        command.args(&self.settings);
        command
    }
}

fn name(at: usize) -> String {
    format!("n{}", at + 1)
}

/// On the clock that `quorate-load` reads too.
fn now_ns() -> anyhow::Result<u64> {
    let now = Duration::try_from(rustix::time::clock_gettime(ClockId::Monotonic))?;
    Ok(u64::try_from(now.as_nanos())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn founders_know_each_other_and_who_joins_knows_all() {
        let place = tempfile::tempdir().unwrap();
        let size = Size { founders: 3, joiners: 1 };
        let settings = ["--quota-backend-bytes=5".to_owned()];
        let mut members = Members::new(Path::new("/server"), place.path(), size, &settings).unwrap();
        let words = |at| crate::command::line(&members.command(at));
        let members_of = |line: &str| line.matches("=http://127.0.0.1:").count() - 4;
        for at in 0..3 {
            assert_eq!(members_of(&words(at)), 3, "{}", words(at));
            assert!(words(at).contains("--initial-cluster-state=new") && words(at).contains(&settings[0]));
            assert!(words(at).contains(&format!("--name=n{}", at + 1)));
        }
        assert_eq!(members_of(&words(3)), 4, "{}", words(3));
        assert!(words(3).contains("--initial-cluster-state=existing"));
        assert_eq!(members.endpoints().len(), 4);
        assert!(
            members.obey("kill 0").is_err()
                && members.obey("eat 0").is_err()
                && members.obey("kill").is_err()
        );
    }
}
