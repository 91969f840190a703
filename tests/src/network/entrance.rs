//! The way into a machine of the network: what is put before a command that is to run there.

use std::ffi::OsStr;
use std::process::Command;

/// Enters the namespaces of a process, or none.
#[derive(Clone, Debug, Default)]
pub struct Entrance(Vec<String>);

/// Where Debian has the tools that only root usually needs, such as ip and avahi-daemon.
const SYSTEM_TOOLS: &str = "/usr/sbin:/sbin";

impl Entrance {
    /// Runs commands where the test itself runs.
    pub fn outside() -> Self {
        Self::default()
    }

    /// Whether it leads nowhere.
    pub(crate) fn is_outside(&self) -> bool {
        self.0.is_empty()
    }

    /// Into these namespaces of a process, given as nsenter's options.
    pub(super) fn of(process: u32, namespaces: &[&str]) -> Self {
        let mut words = vec!["nsenter".to_owned(), "--target".into(), process.to_string()];
        if !is_root() {
            words.extend(["--user".into(), "--preserve-credentials".into()]);
        }
        words.extend(namespaces.iter().map(ToString::to_string));
        words.push("--".into());
        Self(words)
    }

    /// Through another program, which runs the command that follows these words.
    pub(crate) fn through(words: Vec<String>) -> Self {
        Self(words)
    }

    /// From there on into these namespaces of one of its processes, given as nsenter's options; as root.
    pub(crate) fn inside(&self, process: u32, namespaces: &[&str]) -> Self {
        let mut words = self.0.clone();
        words.extend(["nsenter".to_owned(), "--target".into(), process.to_string()]);
        words.extend(namespaces.iter().map(ToString::to_string));
        words.push("--".into());
        Self(words)
    }

    /// A command that runs there. Its process is the command's own: its id and its signals are what they seem.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = match self.0.split_first() {
            None => Command::new(program),
            Some((enter, options)) => {
                let mut command = Command::new(enter);
                command.args(options).arg(program);
                command
            }
        };
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{path}:{SYSTEM_TOOLS}"));
        command
    }
}

/// Whether namespaces can be made without a user namespace.
pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
