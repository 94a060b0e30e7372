//! Namespaces for one run of something: its own network, its own processes, its own mounts.
//!
//! This program runs itself again within them. They are made by `unshare` and have no name that could be left behind; the
//! processes go with them when the first one ends.

use std::process::Command;

use crate::command;

/// X3: when this program ends, however it ends, `unshare` is killed; then the first process within is, and with it all
/// others.
const MAKERS: [&str; 10] = [
    "--pdeathsig",
    "KILL",
    "--",
    "unshare",
    "--net",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
    "--mount",
];

/// What runs the words that are added within namespaces of its own.
pub(crate) fn command() -> Command {
    let mut command = Command::new("setpriv");
    command.args(MAKERS);
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command.arg("--");
    command
}

/// Whether this machine lets us make them.
pub(crate) fn is_possible() -> bool {
    command::output(command().arg("true")).is_ok_and(|output| output.status.success())
}
