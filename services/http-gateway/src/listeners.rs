//! The ports that the gateway listens on beside the main ones, opened and closed as boards come and go.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use cpy_board::Shutdown;
use cpy_board::http::{Limits, Server};
use tokio::task::JoinHandle;

use crate::framed_stream::FramedListener;
use crate::gateway::Gateway;
use crate::sockets;

/// Listening ports, each on all addresses that the main ones are on.
pub(crate) struct Listeners {
    server: Server<Gateway>,
    limits: Limits,
    shutdown: Shutdown,
    addresses: BTreeSet<IpAddr>,
    main_ports: BTreeSet<u16>,
    open: BTreeMap<u16, Vec<JoinHandle<()>>>,
}

impl Listeners {
    /// None yet; the main listeners, at `main`, are somebody else's.
    pub(crate) fn new(
        server: Server<Gateway>,
        limits: Limits,
        shutdown: Shutdown,
        main: &[SocketAddr],
    ) -> Self {
        let mut addresses: BTreeSet<IpAddr> = main.iter().map(SocketAddr::ip).collect();
        if addresses.is_empty() {
            addresses.insert(Ipv6Addr::UNSPECIFIED.into());
        }
        Self {
            server,
            limits,
            shutdown,
            addresses,
            main_ports: main.iter().map(SocketAddr::port).collect(),
            open: BTreeMap::new(),
        }
    }

    /// Opens a port, unless it is open.
    ///
    /// Errors: what the system says of the first address that it refuses; the port is then closed.
    pub(crate) fn open(&mut self, port: u16) -> io::Result<()> {
        if self.main_ports.contains(&port) || self.open.contains_key(&port) {
            return Ok(());
        }
        let addresses: Vec<SocketAddr> = self
            .addresses
            .iter()
            .map(|ip| SocketAddr::new(*ip, port))
            .collect();
        let sockets = sockets::open_all(&addresses).map_err(|(_, error)| error)?;
        let tasks = sockets.into_iter().map(|socket| {
            let server = self.server.clone();
            let listener = FramedListener::new(socket, self.limits);
            self.shutdown
                .spawn(async move { server.serve(listener).await })
        });
        self.open.insert(port, tasks.collect());
        Ok(())
    }

    /// Closes every port that is not wanted. Connections that were accepted live on.
    pub(crate) fn keep(&mut self, wanted: &BTreeSet<u16>) {
        self.open.retain(|port, tasks| {
            let keep = wanted.contains(port);
            if !keep {
                tasks.iter().for_each(JoinHandle::abort);
            }
            keep
        });
    }
}
