//! `cargo xtask tidy`: the rules of the project that neither the compiler nor clippy knows.
//!
//! It reads text. It does not parse Rust, so its rules are about words that have no other reason to be where
//! they are; comments, strings' contents and test modules are cut away as far as a rule needs it. Each rule
//! takes a tree and gives findings, and each is tested on a small made-up tree that breaks it.

mod bans;
mod fences;
mod layers;
mod manifest;
mod shape;
mod source;
mod tree;

use std::process::ExitCode;

use crate::args::Args;
use crate::places::Places;
use crate::steps::Tally;
use tree::Tree;

/// One broken rule in one place, with what to do.
pub(crate) type Finding = String;

type Rule = fn(&Tree) -> Vec<Finding>;

const RULES: [(&str, Rule); 9] = [
    ("layers", layers::check),
    ("fences", fences::check),
    ("bans", bans::check),
    ("unwraps", bans::check_unwraps),
    ("essays", shape::check_essays),
    ("examples", shape::check_examples),
    ("file names", shape::check_names),
    ("types stays small", shape::check_types),
    ("root", shape::check_root),
];

pub(crate) fn main(places: &Places, args: Args) -> anyhow::Result<ExitCode> {
    args.finish()?;
    let mut tally = Tally::default();
    check(places, &mut tally)?;
    Ok(if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs every rule on the workspace and prints what it finds.
pub(crate) fn check(places: &Places, tally: &mut Tally) -> anyhow::Result<()> {
    let tree = Tree::read(&places.root)?;
    for (name, rule) in RULES {
        let findings = rule(&tree);
        tally.count(findings.is_empty());
        for finding in &findings {
            println!("tidy {name}: {finding}");
        }
    }
    println!("tidy: {} files, {} rules, {} broken", tree.files.len(), RULES.len(), tally.failed);
    Ok(())
}
