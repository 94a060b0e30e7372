//! Reports of all rounds, and the table of their medians.

use std::collections::BTreeMap;

use serde_json::Value;

use super::workload::Column;

/// Of one row: the reports of each contender. The first is what the others are compared with.
#[derive(Debug)]
pub(crate) struct Table {
    names: Vec<String>,
    reports: Vec<Vec<Value>>,
}

/// The widest name of a contender.
const NAME: usize = 16;

impl Table {
    pub(crate) fn new(names: impl Iterator<Item = String>) -> Table {
        let names: Vec<String> = names.collect();
        Table { reports: vec![Vec::new(); names.len()], names }
    }

    pub(crate) fn add(&mut self, contender: usize, report: Value) {
        self.reports[contender].push(report);
    }

    pub(crate) fn text(&self, columns: &[Column]) -> String {
        let mut text = " ".repeat(NAME);
        for (heading, _) in columns {
            text += &format!("{heading:>18}");
        }
        for (name, reports) in self.names.iter().zip(&self.reports) {
            text += &format!("\n{name:<NAME$}");
            if let Some(why) = reports.iter().find_map(missing) {
                text += &format!("  {why}");
                continue;
            }
            for (_, column) in columns {
                let first = self.reports.first().filter(|first| !std::ptr::eq(*first, reports));
                let first = first.and_then(|reports| median_of(reports, column));
                let value = median_of(reports, column);
                text += &format!("{:>18}", value.map_or("-".to_owned(), |value| cell(value, first)));
            }
            let lost = reports.iter().filter(|report| report.get("lost").is_some()).count();
            if lost > 0 {
                text += &format!("\n{:NAME$}  lost acknowledged writes after SIGKILL in {lost} rounds", "");
            }
        }
        text
    }

    /// Median CPU per operation by the name of a thread, the busiest first.
    pub(crate) fn threads(&self) -> String {
        let mut text = String::new();
        for (name, reports) in self.names.iter().zip(&self.reports) {
            text += &format!("\n{name:<NAME$}  CPU us/op by thread: {}", threads(reports));
        }
        text.trim_start().to_owned()
    }
}

/// Why a report has no numbers.
pub(crate) fn missing(report: &Value) -> Option<String> {
    let why = |name| report.get(name).and_then(Value::as_str);
    let failed = why("failed").map(|why| format!("FAILED ({why})"));
    failed.or_else(|| Some(format!("n/a ({})", why("unimplemented")?)))
}

/// The median of a column over the rounds that have it.
pub(crate) fn median_of(reports: &[Value], column: &str) -> Option<f64> {
    median(reports.iter().filter_map(|report| report.get(column)?.as_f64()).collect())
}

/// The medians of what each thread used, the busiest first; nothing below 0.05.
pub(crate) fn threads(reports: &[Value]) -> String {
    let each = reports.iter().filter_map(|report| report.get("threads")?.as_object());
    let mut rounds: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for (name, used) in each.flatten() {
        rounds.entry(name.clone()).or_default().extend(used.as_f64());
    }
    let medians = rounds.into_iter().filter_map(|(name, used)| Some((name, median(used)?)));
    let mut threads: Vec<(String, f64)> = medians.filter(|(_, used)| *used >= 0.05).collect();
    threads.sort_by(|a, b| f64::total_cmp(&b.1, &a.1));
    let shown: Vec<String> = threads.iter().map(|(thread, used)| format!("{thread} {used:.1}")).collect();
    shown.join("  ")
}

/// A value, and its ratio to the first contender's if there is one to compare with.
pub(crate) fn cell(value: f64, first: Option<f64>) -> String {
    let digits = if value < 100.0 { 2 } else { usize::from(value < 1000.0) };
    match first.filter(|&first| first > 0.0) {
        Some(first) => format!("{value:.digits$} ({:.2})", value / first),
        None => format!("{value:.digits$}"),
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        length if length % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_median_is_the_middle_or_between_the_two_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(vec![]), None);
    }

    #[test]
    fn small_numbers_keep_digits_and_ratios_need_something_to_compare_with() {
        assert_eq!(cell(12.345, Some(24.69)), "12.35 (0.50)");
        assert_eq!(cell(123.45, Some(123.45)), "123.5 (1.00)");
        assert_eq!(cell(12345.6, None), "12346");
        assert_eq!(cell(1.0, Some(0.0)), "1.00");
    }

    #[test]
    fn a_table_shows_medians_ratios_and_what_is_not_there() {
        let mut table = Table::new(["etcd", "ours", "other"].map(str::to_owned).into_iter());
        for rate in [100, 300, 200] {
            table.add(0, json!({ "rate": rate, "threads": { "a": 1.0 } }));
            table.add(1, json!({ "rate": rate * 2, "threads": { "front": rate, "raft": 1000, "x": 0.01 } }));
            table.add(2, json!({ "unimplemented": "no Watch here" }));
        }
        let text = table.text(&[("ops/s", "rate"), ("p99", "p99_us")]);
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[0], ["ops/s", "p99"]);
        assert_eq!(lines[1], ["etcd", "200.0", "-"]);
        assert_eq!(lines[2], ["ours", "400.0", "(2.00)", "-"]);
        assert_eq!(lines[3], ["other", "n/a", "(no", "Watch", "here)"]);
        table.add(0, json!({ "lost": true }));
        assert!(table.text(&[]).contains("lost acknowledged writes after SIGKILL in 1 rounds"));
        assert!(table.threads().contains("raft 1000.0  front 200.0\n"), "{}", table.threads());
    }
}
