//! SIGTERM and SIGINT: the first asks for an orderly end, the second ends at once.

use std::io;
use std::process::ExitCode;
use tokio::signal::unix::{Signal, SignalKind, signal};

const TERM: i32 = 15;
const INT: i32 = 2;

/// The two signals, as they come.
pub(crate) struct Signals {
    term: Signal,
    int: Signal,
}

impl Signals {
    pub(crate) fn install() -> io::Result<Self> {
        Ok(Self { term: signal(SignalKind::terminate())?, int: signal(SignalKind::interrupt())? })
    }

    /// The next one.
    pub(crate) async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.term.recv() => TERM,
            _ = self.int.recv() => INT,
        }
    }

    /// Leaves the next one to a thread of its own: this one is busy with the orderly end.
    pub(crate) fn end_at_once_from_now_on(mut self) {
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            if let Ok(runtime) = runtime {
                let signal = runtime.block_on(self.next());
                end_by(signal);
            }
        });
    }
}

/// Ends the process the way the signal would have, so that its parent sees by what; as process 1, which no signal can
/// end so, with success.
pub(crate) fn end_by(signal: i32) -> ExitCode {
    if std::process::id() != 1 {
        // Returns only if the system refuses.
        drop(signal_hook::low_level::emulate_default_handler(signal));
    }
    ExitCode::SUCCESS
}
