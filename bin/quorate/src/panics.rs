//! A panic is a bug: it is logged, and ends the process, except inside a connection's task, which ends alone.

use quorate_tasks::Strand;

/// The name of the threads that serve connections; a panic there is caught by the task that it ends.
const FRONT: &str = "front";

/// From here on panics are logged, and those outside connections abort.
pub(crate) fn install() {
    std::panic::set_hook(Box::new(|panic| {
        let thread = std::thread::current();
        let thread = thread.name().unwrap_or("unnamed");
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or("no message");
        tracing::error!(thread, place, message, "panic: this is a bug, please report it");
        // A front thread may be running consensus, whose state is everybody's.
        if thread != FRONT || Strand::current().is_some() {
            std::process::abort();
        }
    }));
}
