//! The D-Bus and the Avahi of a machine, the real ones.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::anchor::first_line;
use super::entrance::Entrance;
use super::script;
use crate::process::Process;

/// A running system bus. It is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Bus(Child);

/// A running avahi-daemon.
#[derive(Debug)]
pub(super) struct Avahi(Process);

impl Bus {
    /// Starts it and waits until it listens, because Avahi asks for it only once.
    pub(super) fn start(entrance: &Entrance, logs: &Path) -> Self {
        let log = File::create(logs.join("dbus-daemon.log")).expect("a log can be made");
        let mut child = ending_with_test(entrance, "dbus-daemon")
            .arg("--config-file")
            .arg(script("system-bus.conf"))
            .args(["--nofork", "--nopidfile", "--nosyslog", "--print-address"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("setpriv is installed (package util-linux)");
        let address = first_line(&mut child);
        assert!(address.starts_with("unix:"), "dbus-daemon does not run");
        Self(child)
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
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
    /// What it answers when its own name is established (`AVAHI_SERVER_RUNNING` in avahi-common/defs.h).
    pub(super) const RUNNING: &str = "int32 2";

    pub(super) fn start(entrance: &Entrance, logs: &Path) -> Self {
        let mut command = ending_with_test(entrance, "avahi-daemon");
        command.args(["--no-drop-root", "--no-chroot", "--no-rlimits"]);
        Self(Process::run("avahi-daemon", command, logs))
    }

    pub(super) fn suspend(&self) {
        self.0.suspend();
    }

    pub(super) fn resume(&self) {
        self.0.resume();
    }

    pub(super) fn terminate(self) {
        self.0.terminate();
    }

    pub(super) fn kill(self) {
        self.0.kill();
    }
}

/// A command for a program that knows nothing of tests.
fn ending_with_test(entrance: &Entrance, program: &str) -> Command {
    let mut command = entrance.command("setpriv");
    command.args(["--pdeathsig", "KILL", program]);
    command
}
