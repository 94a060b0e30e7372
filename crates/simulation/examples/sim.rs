//! Runs seeds, or a scenario: what `cargo xtask sim` starts.
//!
//! `sim --seeds N [--first S]`, `sim --seed S`, `sim --scenario FILE [--seed S]`. With `QUORATE_TRACE=1` it tells what consensus
//! does, on stderr.

use quorate_simulation::{STORMS, Script, Sum, scenario, storm};
use std::process::ExitCode;

/// Seeds that are run if nobody says how many.
const SEEDS: u64 = 100;

#[derive(Default)]
struct Wish {
    seeds: Option<u64>,
    first: Option<u64>,
    seed: Option<u64>,
    script: Option<String>,
}

fn main() -> ExitCode {
    if std::env::var_os("QUORATE_TRACE").is_some() {
        let level = tracing_subscriber::filter::LevelFilter::DEBUG;
        tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(level).init();
    }
    match wish().and_then(|wish| run(&wish)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("sim: {error}");
            ExitCode::from(2)
        }
    }
}

fn wish() -> Result<Wish, String> {
    let mut wish = Wish::default();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} wants a value"))?;
        let number = || value.parse().map_err(|_| format!("{word} {value}: no number"));
        match word.as_str() {
            "--seeds" => wish.seeds = Some(number()?),
            "--first" => wish.first = Some(number()?),
            "--seed" => wish.seed = Some(number()?),
            "--scenario" => wish.script = Some(value),
            _ => return Err(format!("does not know {word}")),
        }
    }
    Ok(wish)
}

fn run(wish: &Wish) -> Result<bool, String> {
    let first = wish.seed.or(wish.first).unwrap_or(0);
    let default = if wish.script.is_some() { 1 } else { SEEDS };
    let count = if wish.seed.is_some() { 1 } else { wish.seeds.unwrap_or(default) };
    let seeds = first..first + count;
    let say = |line: std::fmt::Arguments<'_>| println!("sim: {line}");
    let sum = match &wish.script {
        None => Sum::of(seeds, STORMS, storm, say),
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
            let script = Script::parse(&text).map_err(|error| format!("{path}: {error}"))?;
            Sum::of(seeds, &format!("{STORMS} --scenario {path}"), |seed| scenario(&script, seed), say)
        }
    };
    println!("sim: {sum}");
    Ok(if wish.script.is_some() { sum.failed.is_empty() } else { sum.holds() })
}
