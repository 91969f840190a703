//! The D-Bus and the Avahi of a machine, the real ones.

use std::path::Path;

use super::entrance::Entrance;
use super::script;
use crate::process::Process;

/// A running system bus.
#[derive(Debug)]
pub(super) struct Bus(Process);

/// A running avahi-daemon.
#[derive(Debug)]
pub(super) struct Avahi(Process);

impl Bus {
    pub(super) fn start(entrance: &Entrance, logs: &Path) -> Self {
        let mut command = ending_with_test(entrance, "dbus-daemon");
        command
            .arg("--config-file")
            .arg(script("system-bus.conf"))
            .args(["--nofork", "--nopidfile", "--nosyslog"]);
        Self(Process::run("dbus-daemon", command, logs))
    }

    pub(super) fn kill(self) {
        self.0.kill();
    }
}

impl Avahi {
    /// Asks for the state of the server, as arguments of dbus-send.
    pub(super) const STATE_QUERY: [&str; 6] = [
        "--system",
        "--print-reply=literal",
        "--reply-timeout=1000",
        "--dest=org.freedesktop.Avahi",
        "/",
        "org.freedesktop.Avahi.Server.GetState",
    ];
    /// What it answers when its own name is established (AVAHI_SERVER_RUNNING in avahi-common/defs.h).
    pub(super) const RUNNING: &str = "int32 2";

    pub(super) fn start(entrance: &Entrance, logs: &Path) -> Self {
        let mut command = ending_with_test(entrance, "avahi-daemon");
        command.args(["--no-drop-root", "--no-chroot", "--no-rlimits"]);
        Self(Process::run("avahi-daemon", command, logs))
    }

    pub(super) fn terminate(self) {
        self.0.terminate();
    }

    pub(super) fn kill(self) {
        self.0.kill();
    }
}

/// A command for a program that knows nothing of tests.
fn ending_with_test(entrance: &Entrance, program: &str) -> std::process::Command {
    let mut command = entrance.command("setpriv");
    command.args(["--pdeathsig", "KILL", program]);
    command
}
