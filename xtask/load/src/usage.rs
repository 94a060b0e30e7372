//! What a process used so far, from `/proc`.

use std::fs;
use std::time::Duration;

use anyhow::Context;

/// User and system time of all its threads. Counted in ticks of 10 ms: measure long enough.
pub(crate) fn cpu(process: &str) -> anyhow::Result<Duration> {
    let text =
        fs::read_to_string(format!("/proc/{process}/stat")).context("read the CPU time of the server")?;
    let ticks = ticks(&text).context("/proc/PID/stat has another form")?;
    Ok(Duration::from_secs(ticks) / u32::try_from(rustix::param::clock_ticks_per_second())?)
}

/// Fields 14 and 15. The name in field 2 may hold spaces and brackets, so count from its end.
fn ticks(stat: &str) -> Option<u64> {
    let behind = stat.rsplit_once(") ")?.1;
    let mut fields = behind.split(' ').skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
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
    use super::ticks;

    #[test]
    fn times_are_found_behind_any_name() {
        assert_eq!(ticks("12 (a) b) S 1 2 3 4 5 6 7 8 9 10 150 25 0 0"), Some(175));
        assert_eq!(ticks("12 (a) S 1"), None);
    }
}
