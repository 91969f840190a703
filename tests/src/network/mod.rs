//! A network in software: machines with interfaces, D-Bus and Avahi of their own, on switches between them.
//!
//! The machines are network namespaces, made by the scripts in `tests/network`. Whoever is not root becomes so
//! in a user namespace of the network's own. Nothing outside of the namespaces is touched, and when
//! the test ends, however it does, they go.

mod anchor;
mod avahi;
mod entrance;
mod host;
mod stranger;

use std::cell::Cell;
use std::path::PathBuf;

use tempfile::TempDir;

use anchor::Anchor;
pub use entrance::Entrance;
pub use host::Host;
pub use stranger::{Heard, Stranger};

/// The switches between the machines. `eth0` of every machine is on the first one.
#[derive(Debug)]
pub struct Network {
    switches: Anchor,
    machines: Cell<u8>,
    // Last, so that it goes after those who use it.
    directory: TempDir,
}

/// A switch of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// The first one: 10.77.0.0/24 and fd77::/64.
    Lan,
    /// The second one: 10.78.0.0/24 and fd78::/64.
    Other,
}

impl Network {
    /// Two switches without machines.
    pub fn new() -> Self {
        let directory = tempfile::Builder::new()
            .prefix("cpy-network")
            .tempdir()
            .expect("a directory");
        Self {
            switches: Anchor::new(&Entrance::outside(), &["--net"], &script("switches"), &[]),
            machines: Cell::new(0),
            directory,
        }
    }

    /// Machines with these names, with their Avahi running.
    pub async fn hosts<const N: usize>(&self, names: [&str; N]) -> [Host; N] {
        let mut hosts = names.map(|name| self.host_without_avahi(name));
        for host in &mut hosts {
            host.start_avahi();
        }
        for host in &hosts {
            host.avahi_answers().await;
        }
        hosts
    }

    /// A machine with its D-Bus running, and no Avahi yet.
    pub fn host_without_avahi(&self, name: &str) -> Host {
        let number = self.machines.get() + 1;
        self.machines.set(number);
        Host::new(
            name,
            number,
            &self.switches,
            &self.directory.path().join(name),
        )
    }
}

impl Default for Network {
    fn default() -> Self {
        Self::new()
    }
}

impl Switch {
    fn name(self) -> &'static str {
        match self {
            Self::Lan => "lan",
            Self::Other => "other",
        }
    }

    /// The addresses that the machine with this number has on it, without their prefix lengths.
    fn addresses(self, number: u8) -> (String, String) {
        let net = match self {
            Self::Lan => 77,
            Self::Other => 78,
        };
        (format!("10.{net}.0.{number}"), format!("fd{net}::{number}"))
    }
}

fn script(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("network")
        .join(name)
}
