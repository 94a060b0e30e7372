//! Workloads on clusters of several members, each process on this machine: `bench --cluster`.
//!
//! Each measurement has a fresh cluster, and ends with SIGKILL of all members, a restart, and a check at each of them that what was
//! acknowledged is there. What they must reach is printed beside them as `ok` or `MISSED`.

mod case;
mod gates;
mod members;
mod table;

use std::path::Path;

use anyhow::{Context, anyhow, bail};
use serde_json::{Value, json};

use super::contender::Contender;
use crate::args::{Args, Counts};
use crate::load::{Load, number};

pub(crate) use case::{Case, Variant};
pub(crate) use table::Table;

use case::{Kind, Reached, Sizes, Timeouts, Way};
use members::Members;

/// The cases that were asked for; none if it was not asked for clusters.
pub(crate) fn take(
    args: &mut Args,
    clients: Option<&Counts>,
    ops: Option<u64>,
    is_quick: bool,
) -> anyhow::Result<Vec<Case>> {
    let names: Option<String> = args.take_value("--cluster")?;
    let election: Option<u32> = args.take_value("--election-timeout")?;
    let heartbeat: Option<u32> = args.take_value("--heartbeat-interval")?;
    let timeouts = match (election, heartbeat) {
        (None, None) => None,
        (Some(election_ms), Some(heartbeat_ms)) => Some(Timeouts { election_ms, heartbeat_ms }),
        _ => bail!("--election-timeout and --heartbeat-interval go together"),
    };
    let sizes = Sizes {
        ops,
        tries: args.take_value("--tries")?,
        bytes: args.take_value("--bytes")?.unwrap_or(1 << 30),
        timeouts,
        is_quick,
    };
    if sizes.tries == Some(0) {
        bail!("--tries 0: nothing would be measured");
    }
    let kinds = match names.as_deref() {
        None => Vec::new(),
        Some("all") => Kind::ALL.to_vec(),
        Some(names) => names.split(',').map(str::parse).collect::<anyhow::Result<Vec<Kind>>>()?,
    };
    let clients = clients.map(|clients| clients.0.as_slice());
    Ok(kinds.into_iter().flat_map(|kind| kind.cases(clients, sizes)).collect())
}

/// One contender on one variant, on a fresh cluster.
pub(crate) fn measure(load: &Load, contender: &Contender, variant: &Variant) -> anyhow::Result<Value> {
    let place = tempfile::tempdir()?;
    let mut members = Members::new(&contender.program, place.path(), variant.size, &variant.settings)?;
    members.start_all()?;
    let journal = place.path().join("journal");
    let report = run(load, &mut members, variant, &journal);
    let mut report = report.map_err(|error| anyhow!("{error:#}\n{}", members.final_lines()))?;
    members.kill_all()?;
    match verify(load, &mut members, &journal) {
        Err(error) if contender.is_reference => {
            eprintln!("{}, {}: {}", contender.name, variant.label, super::first_lines(&error));
            report["lost"] = json!(true);
        }
        outcome => outcome?,
    }
    Ok(report)
}

fn run(load: &Load, members: &mut Members, variant: &Variant, journal: &Path) -> anyhow::Result<Value> {
    let journal = ["--journal".to_owned(), journal.display().to_string()];
    let (endpoints, ids) = (members.endpoints(), members.ids());
    let place = |endpoints: &[String]| {
        ["--endpoint".to_owned(), endpoints.join(","), "--server-pid".to_owned(), ids.join(",")]
    };
    match &variant.way {
        Way::Talk(words) => {
            let mut words = [words, &place(&endpoints)[..], &journal[..]].concat();
            if variant.size.joiners > 0 {
                words.extend(["--joiner-peer-url".to_owned(), members.peer_url(variant.size.founders)]);
            }
            load.converse(&words, |wish| members.obey(wish))
        }
        Way::Loop(row, reached) => {
            let leader =
                [&["--workload".to_owned(), "leader".to_owned()], &place(&endpoints)[..], &journal[..]];
            let leader = load.converse(&leader.concat(), |wish| bail!("it wishes {wish:?}"))?;
            let leader = leader["leader"].as_u64().context("nobody leads")?;
            let reached = reached_of(*reached, &endpoints, usize::try_from(leader)?);
            let words = [row.arguments(), place(&reached).to_vec(), journal.to_vec()].concat();
            let mut report = load.measure(&words)?;
            let round_trip = load.round_trip(reached.first().context("somebody is reached")?)?;
            for name in ["tcp_us", "call_us"] {
                report[name] = json!(number(&round_trip, name));
            }
            Ok(report)
        }
    }
}

fn reached_of(reached: Reached, endpoints: &[String], leader: usize) -> Vec<String> {
    match reached {
        Reached::All => endpoints.to_vec(),
        Reached::Leader => vec![endpoints[leader].clone()],
        Reached::Follower => vec![endpoints[(leader + 1) % endpoints.len()].clone()],
    }
}

/// After SIGKILL of all, everything that was acknowledged must be there, at every member, and nothing else.
fn verify(load: &Load, members: &mut Members, journal: &Path) -> anyhow::Result<()> {
    members.start_all().context("start again after SIGKILL of all members")?;
    for endpoint in members.endpoints() {
        load.verify(&endpoint, journal)
            .with_context(|| format!("at {endpoint}, after SIGKILL and a restart"))?;
    }
    members.kill_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(words: &str) -> anyhow::Result<Vec<String>> {
        let mut args = Args::new(words.split_whitespace().map(str::to_owned).collect());
        let cases = take(&mut args, None, None, false)?;
        args.finish()?;
        Ok(cases.iter().map(Case::heading).collect())
    }

    #[test]
    fn workloads_on_clusters_are_chosen_by_name() {
        assert_eq!(taken("").unwrap(), [""; 0]);
        assert_eq!(taken("--cluster election,join").unwrap(), ["election", "join"]);
        assert_eq!(taken("--cluster=follower-read").unwrap().len(), 2);
        assert_eq!(taken("--cluster all --tries 3 --bytes 1000").unwrap().len(), 7);
        for wrong in
            ["--cluster put", "--cluster election --tries 0", "--cluster election --election-timeout 5"]
        {
            assert!(taken(wrong).is_err(), "{wrong}");
        }
        assert!(taken("--cluster election --election-timeout 500 --heartbeat-interval 50").is_ok());
    }

    #[test]
    fn a_follower_is_not_the_leader() {
        let endpoints: Vec<String> = ["a", "b", "c"].map(str::to_owned).to_vec();
        for leader in 0..3 {
            assert_eq!(reached_of(Reached::Leader, &endpoints, leader), [endpoints[leader].clone()]);
            assert_ne!(reached_of(Reached::Follower, &endpoints, leader), [endpoints[leader].clone()]);
        }
        assert_eq!(reached_of(Reached::All, &endpoints, 2), endpoints);
    }
}
