//! Reports of all rounds of a case, and the table of their medians, with a line for each contender and variant.

use serde_json::Value;

use super::case::{Case, Variant};
use super::gates::{Numbers, verdicts};
use crate::bench::table::{cell, median_of, missing, threads};

#[derive(Debug)]
pub(crate) struct Table {
    names: Vec<String>,
    variants: Vec<Variant>,
    /// By contender and variant.
    reports: Vec<Vec<Vec<Value>>>,
}

const NAME: usize = 14;
const LABEL: usize = 20;
const CELL: usize = 18;

impl Table {
    pub(crate) fn new(names: impl Iterator<Item = String>, case: &Case) -> Table {
        let (names, variants): (Vec<String>, _) = (names.collect(), case.variants());
        Table { reports: vec![vec![Vec::new(); variants.len()]; names.len()], names, variants }
    }

    pub(crate) fn add(&mut self, contender: usize, variant: usize, report: Value) {
        self.reports[contender][variant].push(report);
    }

    pub(crate) fn text(&self, case: &Case) -> String {
        let mut text = " ".repeat(NAME + LABEL);
        for (heading, _) in case.kind.columns() {
            text += &format!("{heading:>CELL$}");
        }
        let first = self.numbers(case, 0);
        for (at, name) in self.names.iter().enumerate() {
            let all = self.numbers(case, at);
            for (variant, numbers) in self.variants.iter().zip(&all) {
                let reports = &self.reports[at][position(&self.variants, variant)];
                text += &format!("\n{name:<NAME$}{:<LABEL$}", variant.label);
                if let Some(why) = reports.iter().find_map(missing) {
                    text += &format!("  {why}");
                    continue;
                }
                let beside = (at > 0).then(|| &first[position(&self.variants, variant)]);
                for (_, column) in case.kind.columns() {
                    let beside = beside.and_then(|beside| beside.get(*column).copied());
                    let value = numbers.get(*column).map(|&value| cell(value, beside));
                    text += &format!("{:>CELL$}", value.unwrap_or_else(|| "-".to_owned()));
                }
                text += &format!("  {}", verdicts(&variant.gates, numbers));
                let lost = reports.iter().filter(|report| report.get("lost").is_some()).count();
                if lost > 0 {
                    text += &format!(" lost acknowledged writes after SIGKILL in {lost} rounds");
                }
            }
        }
        text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
    }

    /// Median CPU per operation by the name of a thread, over all members, the busiest first.
    pub(crate) fn threads(&self) -> String {
        let mut lines = Vec::new();
        for (name, variants) in self.names.iter().zip(&self.reports) {
            for (variant, reports) in self.variants.iter().zip(variants) {
                let used = threads(reports);
                if !used.is_empty() {
                    lines.push(format!("{name:<NAME$}{:<LABEL$} CPU us/op by thread: {used}", variant.label));
                }
            }
        }
        lines.join("\n")
    }

    /// Medians of one contender, by variant.
    fn numbers(&self, case: &Case, contender: usize) -> Vec<Numbers> {
        let columns = case.kind.columns();
        let medians = |reports: &Vec<Value>| -> Numbers {
            let named =
                columns.iter().filter_map(|(_, name)| Some(((*name).to_owned(), median_of(reports, name)?)));
            named.collect()
        };
        let mut all: Vec<Numbers> = self.reports.get(contender).into_iter().flatten().map(medians).collect();
        case.derive(&mut all);
        all
    }
}

fn position(variants: &[Variant], variant: &Variant) -> usize {
    variants.iter().position(|other| other.label == variant.label).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::take;
    use super::*;
    use crate::args::Args;

    #[test]
    fn a_line_for_each_contender_and_variant_with_ratios_and_verdicts() {
        let words = ["--cluster", "cluster-put"].map(str::to_owned).to_vec();
        let case = take(&mut Args::new(words), None, None, false).unwrap().remove(0);
        let mut table = Table::new(["etcd", "ours"].map(str::to_owned).into_iter(), &case);
        for (contender, variant, rate) in
            [(0, 0, 100), (0, 1, 50), (1, 0, 1000), (1, 1, 900), (1, 1, 500), (1, 1, 700)]
        {
            table.add(contender, variant, json!({ "rate": rate, "threads": { "raft": rate } }));
        }
        table.add(0, 2, json!({ "failed": "it broke" }));
        table.add(1, 2, json!({ "rate": 100, "lost": true }));
        let text = table.text(&case);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 7, "{text}");
        assert!(lines[0].contains("of one node"));
        assert!(lines[2].contains("0.50") && lines[2].ends_with("MISSED of_one >= 0.60"), "{text}");
        assert!(lines[3].contains("FAILED (it broke)"), "{text}");
        assert!(lines[5].contains("700.0 (14.00)") && lines[5].ends_with("ok of_one >= 0.60"), "{text}");
        assert!(lines[6].ends_with("lost acknowledged writes after SIGKILL in 1 rounds"), "{text}");
        assert!(table.threads().contains("raft 700.0"), "{}", table.threads());
    }
}
