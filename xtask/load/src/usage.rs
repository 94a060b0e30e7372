//! What a process used so far, from `/proc`.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::Context;

/// User and system time of all its threads. Counted in ticks of 10 ms: measure long enough.
pub(crate) fn cpu(process: &str) -> anyhow::Result<Duration> {
    let text =
        fs::read_to_string(format!("/proc/{process}/stat")).context("read the CPU time of the server")?;
    let (_, ticks) = name_and_ticks(&text).context("/proc/PID/stat has another form")?;
    time(ticks)
}

/// The same by the names of its threads; those of one name together, those that ended not at all.
pub(crate) fn threads(process: &str) -> anyhow::Result<BTreeMap<String, Duration>> {
    let folder = format!("/proc/{process}/task");
    let mut threads = BTreeMap::new();
    for task in fs::read_dir(&folder).with_context(|| format!("list {folder}"))? {
        // A thread may end between the listing and the reading.
        let Ok(text) = fs::read_to_string(task?.path().join("stat")) else { continue };
        let (name, ticks) = name_and_ticks(&text).context("/proc/PID/task/TID/stat has another form")?;
        *threads.entry(name.to_owned()).or_default() += time(ticks)?;
    }
    Ok(threads)
}

fn time(ticks: u64) -> anyhow::Result<Duration> {
    Ok(Duration::from_secs(ticks) / u32::try_from(rustix::param::clock_ticks_per_second())?)
}

/// Field 2 without its brackets; fields 14 and 15 together. The name may hold spaces and brackets, so count
/// from its end.
fn name_and_ticks(stat: &str) -> Option<(&str, u64)> {
    let (before, behind) = stat.rsplit_once(") ")?;
    let name = before.split_once('(')?.1;
    let mut fields = behind.split(' ').skip(11);
    Some((name, fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?))
}

/// Memory that is in RAM now, in MiB.
pub(crate) fn rss_mib(process: &str) -> anyhow::Result<f64> {
    let text =
        fs::read_to_string(format!("/proc/{process}/status")).context("read the memory of the server")?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: u32 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(f64::from(kib) / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_any_name() {
        let stat = "12 (a) b) S 1 2 3 4 5 6 7 8 9 10 150 25 0 0";
        assert_eq!(name_and_ticks(stat), Some(("a) b", 175)));
        assert_eq!(name_and_ticks("12 (a) S 1"), None);
    }

    #[test]
    fn our_own_thread_is_among_our_threads() {
        let name = fs::read_to_string("/proc/thread-self/comm").unwrap();
        assert!(threads("self").unwrap().contains_key(name.trim_end()));
    }
}
