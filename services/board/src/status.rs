//! What the daemons tell each other, and `cpyctl`, of a console, a drive and a name: the JSON on their
//! sockets.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{Hostname, Serial};

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
    /// Whether what stands on it was in order when it was opened.
    pub health: DriveHealth,
    /// Why it cannot be read or not be written, or what else its owner should know: sentences, empty when all is well.
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

/// Whether what stands on a drive is as it should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DriveHealth {
    /// It is, or nobody knows otherwise.
    #[default]
    Sound,
    /// All files are whole, and something else is not as it should be.
    Disordered,
    /// Files are not whole.
    Damaged,
}

/// The answer to `GET /boards/<serial>/check` of file-proxy: a look at all of a drive but the content of its files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriveReport {
    /// What is not as it should be, the first hundred.
    pub findings: Vec<DriveFinding>,
    /// How many there are beyond those.
    pub omitted: u64,
    /// Files that were seen.
    pub files: u64,
    /// Directories that were seen, the root not counted.
    pub directories: u64,
}

/// Something on a drive that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriveFinding {
    /// What it is, in words.
    pub finding: String,
    /// Whether all files are whole in spite of it.
    pub harmless: bool,
}

/// The answer to `GET /boards` of mdns-advertiser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkStatus {
    /// Whether names can be published at all.
    pub avahi: AvahiState,
    /// Every board that has a name now.
    pub boards: BTreeMap<Serial, NameStatus>,
}

/// The responder that answers for this machine's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AvahiState {
    /// The configuration says `mdns.enabled = false`.
    Disabled,
    /// avahi-daemon does not run, or cannot be reached.
    Absent,
    /// avahi-daemon runs.
    Running,
}

/// A board's name as mdns-advertiser sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameStatus {
    /// The name.
    pub hostname: Hostname,
    /// Whether others can find it.
    pub state: NameState,
    /// The instance name of its service, once that is published.
    pub instance_name: Option<String>,
    /// What Avahi says against publishing it, or a part of it: empty when all is well.
    pub reason: String,
}

/// Whether others on the network can find a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NameState {
    /// There is no Avahi, or no network to publish it on.
    Waiting,
    /// Avahi runs and does not publish it: the reason is with it.
    Refused,
    /// Others have this name, and had the ones before it: the board tries its next one in a moment.
    Taken,
    /// The network is being asked whether somebody else has it.
    Claiming,
    /// It can be resolved.
    Published,
}

/// The answer to `GET /peers` of mdns-advertiser: other devices with the web workflow, each once.
pub type Peers = Vec<Peer>;

/// A device that somebody else announces. Its words are a stranger's: any text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Peer {
    /// What it is called, without `.local`.
    pub hostname: String,
    /// What its owner calls it.
    pub instance_name: String,
    /// The port of its web server.
    pub port: u16,
    /// An address at which it can be reached from this machine's networks.
    pub ip: IpAddr,
}
