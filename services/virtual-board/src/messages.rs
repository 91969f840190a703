//! The words of CircuitPython's main.c, as they leave the board, line ends included.

use crate::identity::VERSION;
use crate::vm::Outcome;

pub(crate) const CLEAR_LINE: &str = "\x1b[2K\x1b[0G";
pub(crate) const AUTO_RELOAD_ON: &str =
    "Auto-reload is on. Simply save files over USB to run them or enter REPL to disable.\r\n";
pub(crate) const STOPPED_BY_RELOAD: &str = "\r\nCode stopped by auto-reload. Reloading soon.\r\n";
pub(crate) const CODE_DONE: &str = "\r\nCode done running.\r\n";
pub(crate) const PRESS_ANY_KEY: &str =
    "\r\nPress any key to enter the REPL. Use CTRL-D to reload.\r\n";
pub(crate) const SOFT_REBOOT: &str = "soft reboot\r\n";
pub(crate) const TWO_EXTENSIONS: &str = "WARNING: Your code filename has two extensions\r\n";

/// What the title (OSC 0) says between the snake and the release.
pub(crate) enum Title<'a> {
    Executing(&'a str),
    Repl,
    Ended(&'a Outcome),
}

impl Title<'_> {
    pub(crate) fn sequence(&self) -> String {
        let status = match self {
            Self::Executing(file) => (*file).to_owned(),
            Self::Repl => "REPL".to_owned(),
            Self::Ended(outcome) => match outcome.exception() {
                Some(at) => format!("{}@{} {}", at.line, at.file, at.kind),
                None => "Done".to_owned(),
            },
        };
        format!("\x1b]0;🐍{status} | {VERSION}\x1b\\")
    }
}
