//! `failover`: what happens to clients while members of a cluster come and go. Prints one line of JSON.
//!
//! Whoever started us has the members ([`landlord`]) and kills, stops and starts them when we ask for it. Meanwhile puts go on
//! at a steady rate ([`steady`]), whatever becomes of them; all that was sent is in the journal when we end.

mod election;
mod hand_over;
mod join;
mod landlord;
mod members;
mod moment;
mod spans;
mod steady;

use std::path::Path;

use anyhow::bail;
use serde_json::{Map, Value as Json};

use crate::bench::listed;
use crate::journal::{Event, Journal};
use crate::options::Options;

use members::Members;
use steady::{Put, Rate};

/// What all of them are told.
#[derive(Debug)]
struct Task {
    members: Members,
    /// Of the members, as they were started; those that are started later are told.
    processes: Vec<String>,
    tries: u32,
    rate: Rate,
    seed: u64,
    journal: Journal,
    /// Puts so far: each is a worker of its own in the journal.
    puts: u32,
}

pub(crate) async fn run(mut options: Options) -> anyhow::Result<()> {
    let workload: String = options.require("--workload")?;
    let mut task = Task {
        members: Members::new(&listed(&options.require::<String>("--endpoint")?))?,
        processes: listed(&options.require::<String>("--server-pid")?),
        tries: options.take("--tries", 1)?,
        rate: Rate {
            puts_per_second: options.take("--rate", 200)?,
            value_bytes: options.take("--value-bytes", 256)?,
        },
        seed: options.take("--seed", 1)?,
        journal: Journal::append(Path::new(&options.require::<String>("--journal")?))?,
        puts: 0,
    };
    let report = match workload.as_str() {
        "leader" => task.leader(options).await?,
        "election" => election::run(&mut task, options).await?,
        "hand-over" => hand_over::run(&mut task, options).await?,
        "join" => join::run(&mut task, options).await?,
        other => bail!("no workload is called {other}"),
    };
    task.journal.finish()?;
    println!("{}", Json::Object(report));
    Ok(())
}

impl Task {
    /// Only says who leads.
    async fn leader(&mut self, options: Options) -> anyhow::Result<Map<String, Json>> {
        options.finish()?;
        let leader = self.members.leader(&self.members.all()).await?;
        Ok(Map::from_iter([("leader".to_owned(), leader.into())]))
    }

    /// What was sent goes into the journal, with what became of it.
    fn note(&mut self, puts: &[Put]) -> anyhow::Result<()> {
        for (put, worker) in puts.iter().zip(self.puts..) {
            put.events(worker, self.rate.value_bytes)
                .iter()
                .try_for_each(|event| self.journal.write(event))?;
        }
        self.puts += u32::try_from(puts.len())?;
        Ok(())
    }

    /// The store has writes that are no worker's.
    fn note_others(&mut self, writes: i64) -> anyhow::Result<()> {
        self.journal.write(&Event::Others { writes })
    }
}
