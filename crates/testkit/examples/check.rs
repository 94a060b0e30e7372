//! Judges a recording: `cargo run -p quorate-testkit --example check -- history.jsonl`; without a file, a small one
//! in which an acknowledged write is lost.

use std::fs::File;
use std::io::BufReader;
use std::process::ExitCode;

use quorate_testkit::{
    Answer, History, Operation, Outcome, Recording, Revision, Settings, StepAnswer, check,
};

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let recording = match std::env::args().nth(1) {
        Some(path) => Recording::read(BufReader::new(File::open(path)?))?,
        None => lost_write(),
    };
    let history = History::try_from(&recording)?;
    let verdict = check(&history, &Settings::default());
    println!("{} calls, {} watches: {verdict}", history.calls.len(), history.watches.len());
    Ok(if verdict.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn lost_write() -> Recording {
    let mut recording = Recording::default();
    let mut call = |client, operation, revision, result| {
        let call = recording.invoke(client, 0, operation);
        let answer = Answer { revision: Revision(revision), succeeded: true, results: vec![result] };
        recording.complete(call, 0, Outcome::Done(answer));
    };
    call(1, Operation::put("lamp", "on"), 2, StepAnswer::Put { prev_kv: None });
    call(2, Operation::range("lamp"), 2, StepAnswer::Range(None));
    recording
}
