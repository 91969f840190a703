//! The ports that the gateway listens on beside the main ones, opened and closed as boards come and go.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, SocketAddr};

use cpy_board::Shutdown;
use cpy_board::http::Server;
use tokio::task::JoinHandle;

use crate::framed_stream::FramedListener;
use crate::gateway::Gateway;
use crate::sockets;

/// Listening ports, each on all addresses that the main ones are on.
pub(crate) struct Listeners {
    server: Server<Gateway>,
    shutdown: Shutdown,
    addresses: BTreeSet<IpAddr>,
    main_ports: BTreeSet<u16>,
    open: BTreeMap<u16, Vec<JoinHandle<()>>>,
}

impl Listeners {
    /// None yet, and nowhere.
    pub(crate) fn new(server: Server<Gateway>, shutdown: Shutdown) -> Self {
        Self {
            server,
            shutdown,
            addresses: BTreeSet::new(),
            main_ports: BTreeSet::new(),
            open: BTreeMap::new(),
        }
    }

    /// Ports are on these addresses from now on. Where others were before, those are closed.
    pub(crate) async fn move_to(&mut self, addresses: BTreeSet<IpAddr>) {
        if self.addresses == addresses {
            return;
        }
        self.addresses = addresses;
        let open: Vec<u16> = self.open.keys().copied().collect();
        for port in open {
            self.close(port).await;
        }
    }

    /// The ports `main` are somebody else's from now on.
    pub(crate) async fn leave_to_others(&mut self, main: BTreeSet<u16>) {
        for port in &main {
            self.close(*port).await;
        }
        self.main_ports = main;
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
        let sockets = sockets::open_all(&addresses)?;
        let tasks = sockets.into_iter().map(|socket| {
            let server = self.server.clone();
            let listener = FramedListener::new(socket, server.limits());
            self.shutdown
                .spawn(async move { server.serve(listener).await })
        });
        self.open.insert(port, tasks.collect());
        Ok(())
    }

    /// Closes a port, and returns when it is free.
    async fn close(&mut self, port: u16) {
        for task in self.open.remove(&port).into_iter().flatten() {
            task.abort();
            // An error says that it was aborted.
            let _ = task.await;
        }
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
