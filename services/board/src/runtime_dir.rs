//! The runtime directory: where each daemon's socket is, and what they publish for each other, from its one
//! root.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::published::Published;
use crate::{Hostname, Serial, WebPorts};

/// The daemons that serve HTTP on a Unix socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Daemon {
    /// Serves consoles.
    SerialBridge,
    /// Serves drives.
    FileProxy,
    /// Gives boards their names on the network.
    MdnsAdvertiser,
}

impl Daemon {
    /// The daemon's name, which is also that of its directory.
    pub fn name(self) -> &'static str {
        match self {
            Self::SerialBridge => "serial-bridge",
            Self::FileProxy => "file-proxy",
            Self::MdnsAdvertiser => "mdns-advertiser",
        }
    }
}

/// `/run/cpy-gateway` or its stand-in. Each daemon has a directory of its own below it, so that each
/// can belong to a user of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeDir(PathBuf);

impl RuntimeDir {
    /// The runtime directory at this path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// `<runtime_dir>/<daemon>/http.sock`: where a daemon serves HTTP.
    pub fn socket(&self, daemon: Daemon) -> PathBuf {
        self.0.join(daemon.name()).join("http.sock")
    }

    /// `<runtime_dir>/boards`: the records, one file for each board with a drive.
    pub fn records(&self) -> PathBuf {
        self.0.join("boards")
    }

    /// `<runtime_dir>/mdns-advertiser/names.toml`: the names that mdns-advertiser holds for boards that are
    /// plugged in, or were a moment ago.
    pub fn names(&self) -> Published<BTreeMap<Serial, Hostname>> {
        let directory = self.0.join(Daemon::MdnsAdvertiser.name());
        Published::at(directory.join("names.toml"))
    }

    /// `<runtime_dir>/http-gateway/ports.toml`: where http-gateway serves boards.
    pub fn web_ports(&self) -> Published<WebPorts> {
        Published::at(self.0.join("http-gateway/ports.toml"))
    }
}
