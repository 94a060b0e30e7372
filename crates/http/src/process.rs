//! What the system knows of this process, from `/proc`.

use std::fs;

/// Where a figure cannot be read, it is absent: no scrape fails for it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Process {
    pub(crate) cpu_seconds: Option<f64>,
    pub(crate) resident_bytes: Option<f64>,
    pub(crate) virtual_bytes: Option<f64>,
    pub(crate) started_seconds: Option<f64>,
    pub(crate) threads: Option<f64>,
    pub(crate) open_descriptors: Option<f64>,
    pub(crate) descriptors_max: Option<f64>,
}

impl Process {
    /// The process now. Cost: some files of `/proc`, and one directory entry per open descriptor.
    pub(crate) fn now() -> Self {
        let stat = fs::read_to_string("/proc/self/stat").ok();
        let stat = stat.as_deref().and_then(Stat::parse);
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        let boot = fs::read_to_string("/proc/stat").ok().and_then(|text| boot_seconds(&text));
        let descriptors = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        Self {
            cpu_seconds: stat.map(|stat| stat.cpu_ticks / ticks),
            resident_bytes: stat.map(|stat| stat.resident_pages * rustix::param::page_size() as f64),
            virtual_bytes: stat.map(|stat| stat.virtual_bytes),
            started_seconds: stat.zip(boot).map(|(stat, boot)| boot + stat.started_ticks / ticks),
            threads: stat.map(|stat| stat.threads),
            // Reading the directory takes a descriptor itself.
            open_descriptors: fs::read_dir("/proc/self/fd").ok().map(|entries| entries.count() as f64 - 1.0),
            descriptors_max: descriptors.current.map(|count| count as f64),
        }
    }
}

/// Fields of `/proc/self/stat`, as proc(5) numbers them.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Stat {
    cpu_ticks: f64,
    threads: f64,
    started_ticks: f64,
    virtual_bytes: f64,
    resident_pages: f64,
}

impl Stat {
    /// The name in field 2 may hold spaces and brackets, so the count begins at its end.
    fn parse(text: &str) -> Option<Self> {
        let (_, behind) = text.rsplit_once(") ")?;
        let fields: Vec<&str> = behind.split_ascii_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
        Some(Self {
            cpu_ticks: field(14)? + field(15)?,
            threads: field(20)?,
            started_ticks: field(22)?,
            virtual_bytes: field(23)?,
            resident_pages: field(24)?,
        })
    }
}

fn boot_seconds(stat: &str) -> Option<f64> {
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_behind_any_name() {
        let text = "1 (a) b) S 4 5 6 7 8 9 10 11 12 13 140 15 16 17 18 19 20 21 22 23 24 25";
        let stat = Stat::parse(text).unwrap();
        assert_eq!(stat.cpu_ticks, 155.0, "{stat:?}");
        assert_eq!(stat.resident_pages, 24.0);
        assert_eq!(Stat::parse("12 (a) S 1"), None);
    }

    #[test]
    fn this_process_has_every_figure() {
        let process = Process::now();
        assert!(process.resident_bytes.unwrap() > 1e5, "{process:?}");
        assert!(process.started_seconds.unwrap() > 1e9, "{process:?}");
        assert!(process.open_descriptors.unwrap() >= 3.0, "{process:?}");
        assert!(process.threads.unwrap() >= 1.0 && process.cpu_seconds.is_some(), "{process:?}");
        assert!(process.descriptors_max.unwrap() >= process.open_descriptors.unwrap(), "{process:?}");
    }
}
