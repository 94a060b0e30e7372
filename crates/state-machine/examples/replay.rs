//! Two members apply one log, packed differently, and hold the same: `cargo run -p quorate-state-machine --example replay`

use bytes::Bytes;
use quorate_proto::log::LogId;
use quorate_state_machine::{
    Command, DeleteRange, Entry, Fault, Kind, Payload, Put, StateMachine, mvcc, spaces,
};
use quorate_storage_memory::MemoryEngine;
use quorate_types::{KeyRange, LeaseId};
use std::sync::Arc;

fn main() -> Result<(), Fault> {
    let commands = [put("a", "1"), put("b", "2"), delete("a"), delete("a"), put("b", "3")];
    let envelopes: Vec<Bytes> = commands.into_iter().zip(1..).map(|(kind, id)| envelope(id, kind)).collect();
    println!("the log holds, as its second command: {:02x?}", &envelopes[1][..]);

    let one_by_one = envelopes.iter().map(|envelope| vec![envelope.clone()]).collect();
    for (manner, packing) in [("one by one", one_by_one), ("all in one entry", vec![envelopes])] {
        let mut state = StateMachine::open(Arc::new(MemoryEngine::volatile(spaces::ALL)))?;
        let mut outcomes = Vec::new();
        for (index, envelopes) in (0..).zip(packing) {
            let entry = Entry { id: LogId { term: 1, index }, payload: Payload::Commands(envelopes) };
            state.apply(&[entry], &mut outcomes)?;
        }
        let revisions: Vec<i64> = outcomes.iter().map(|applied| applied.outcome.revision.0).collect();
        let published = state.reader().newest();
        println!(
            "{manner}: outcomes at {revisions:?}, now revision {}, {} bytes",
            published.revision(),
            published.size()
        );
    }
    Ok(())
}

fn put(key: &'static str, value: &'static str) -> Kind {
    let change = mvcc::Put { key: key.into(), value: Some(value.into()), lease: Some(LeaseId::NONE) };
    Kind::Put(Put { change, with_previous: false })
}

fn delete(key: &'static str) -> Kind {
    Kind::DeleteRange(DeleteRange { range: KeyRange::Single(key.into()), with_previous: false })
}

fn envelope(id: u64, kind: Kind) -> Bytes {
    Command { id, user: String::new(), auth_revision: 0, kind }.encode()
}
