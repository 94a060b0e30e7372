//! What a process used so far, from `/proc`.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::Context;
use rustix::time::ClockId;

/// User and system time of all its threads. Counted in ticks of 10 ms: measure long enough.
pub(crate) fn cpu(process: &str) -> anyhow::Result<Duration> {
    let text =
        fs::read_to_string(format!("/proc/{process}/stat")).context("read the CPU time of the server")?;
    let ticks = ticks(&text).context("/proc/PID/stat has another form")?;
    Ok(Duration::from_secs(ticks) / u32::try_from(rustix::param::clock_ticks_per_second())?)
}

/// Of this process, to the nanosecond.
pub(crate) fn own_cpu() -> anyhow::Result<Duration> {
    let time = rustix::time::clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).context("a process used no time below 0")
}

/// By the names of a process's threads; those of one name together, those that ended not at all. The
/// scheduler's own count, to the nanosecond, so that a short run says something about a thread that does little.
pub(crate) fn threads(process: &str) -> anyhow::Result<BTreeMap<String, Duration>> {
    let folder = format!("/proc/{process}/task");
    let mut threads = BTreeMap::new();
    for task in fs::read_dir(&folder).with_context(|| format!("list {folder}"))? {
        // A thread may end between the listing and the reading.
        let path = task?.path();
        let read = |file| fs::read_to_string(path.join(file));
        let (Ok(name), Ok(text)) = (read("comm"), read("schedstat")) else { continue };
        let used = text.split(' ').next().and_then(|used| used.parse().ok());
        let used = used.context("/proc/PID/task/TID/schedstat has another form")?;
        *threads.entry(name.trim_end().to_owned()).or_default() += Duration::from_nanos(used);
    }
    Ok(threads)
}

/// Fields 14 and 15. The name in field 2 may hold spaces and brackets, so count from its end.
fn ticks(stat: &str) -> Option<u64> {
    let behind = stat.rsplit_once(") ")?.1;
    let mut fields = behind.split(' ').skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

/// Memory that is in RAM now, in MiB.
pub(crate) fn rss_mib(process: &str) -> anyhow::Result<f64> {
    memory_mib(process, "VmRSS:")
}

/// The most that was in RAM since the process began, or since [`forget_peak`].
pub(crate) fn peak_mib(process: &str) -> anyhow::Result<f64> {
    memory_mib(process, "VmHWM:")
}

/// From now on the peak is that of what comes.
pub(crate) fn forget_peak(process: &str) -> anyhow::Result<()> {
    fs::write(format!("/proc/{process}/clear_refs"), "5").context("forget the peak of the server's memory")
}

fn memory_mib(process: &str, name: &str) -> anyhow::Result<f64> {
    let text =
        fs::read_to_string(format!("/proc/{process}/status")).context("read the memory of the server")?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("no {name}"))?;
    let kib: u32 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(f64::from(kib) / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_any_name() {
        let stat = "12 (a) b) S 1 2 3 4 5 6 7 8 9 10 150 25 0 0";
        assert_eq!(ticks(stat), Some(175));
        assert_eq!(ticks("12 (a) S 1"), None);
    }

    #[test]
    fn a_peak_is_no_less_than_what_is_there() {
        assert!(peak_mib("self").unwrap() >= 1.0);
        assert!(memory_mib("self", "VmNone:").is_err());
    }

    #[test]
    fn our_own_thread_is_among_our_threads() {
        let name = fs::read_to_string("/proc/thread-self/comm").unwrap();
        assert!(threads("self").unwrap().contains_key(name.trim_end()));
    }
}
