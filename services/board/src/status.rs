//! What the daemons tell each other, and `cpyctl`, of a console and a drive: the JSON on their sockets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Serial;

/// The answer to `GET /boards` of serial-bridge: every console that is attached, has
/// clients, or left not long ago.
pub type ConsoleStatuses = BTreeMap<Serial, ConsoleStatus>;

/// The answer to `GET /boards` of file-proxy: every attached drive.
pub type DriveStatuses = BTreeMap<Serial, DriveStatus>;

/// A console as serial-bridge sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsoleStatus {
    /// What the board is doing.
    pub state: ConsoleState,
    /// The last title that the board sent, as it is.
    pub title: String,
    /// How many clients share the console now.
    pub clients: usize,
}

/// What a board is doing, from the title that CircuitPython sends (`supervisor/shared/status_bar.c`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConsoleState {
    /// The board is not plugged in.
    Offline,
    /// The board is plugged in, but its port cannot be opened (yet).
    Waiting,
    /// The port is open; the board has not said what it does.
    Unknown,
    /// It runs a program.
    Running,
    /// The program has come to its end.
    Done,
    /// The program ended with an exception.
    Error,
    /// It is at the REPL's prompt.
    Repl,
    /// It is about to start its program again.
    Reloading,
}

/// A drive as file-proxy sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriveStatus {
    /// Whether its files can be used.
    pub state: DriveState,
    /// Whether this gateway can change files on it.
    pub writable: bool,
    /// Why it cannot be read, or not be written: a sentence, empty when all is well.
    pub reason: String,
    /// Free space in bytes.
    pub free: u64,
    /// Space for files in bytes.
    pub total: u64,
    /// Bytes in a cluster: space is given out in these.
    pub block_size: u32,
}

/// Whether a drive's files can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DriveState {
    /// They can be read.
    Ready,
    /// The device is there, its file system cannot be read.
    Unreadable,
}
