//! http-gateway: the web-workflow server. It knows boards by their names and ports, checks who asks, and
//! passes requests on to the daemons that have the boards' files and consoles. It opens no device.

mod accept;
mod auth;
mod board_state;
mod boards;
mod chunked;
mod directory;
mod documents;
mod drain;
mod file_proxy;
mod form;
mod framed_stream;
mod framing;
mod gateway;
mod guesses;
mod hop_by_hop;
mod host;
mod lent_body;
mod links;
mod listeners;
mod naming;
mod origin;
mod pages;
mod ports;
mod refusal;
mod reply;
mod resource;
mod routing;
mod serial_bridge;
mod service;
mod serving;
mod sockets;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use cpy_board::http::{Limits, Server};
use cpy_board::{Config, Records, RuntimeDir, Shutdown, WatchError, Watcher};
use tokio::net::TcpListener;
use tokio::sync::watch;

use boards::Boards;
use directory::Directory;
use framed_stream::FramedListener;
use gateway::Gateway;
use listeners::Listeners;

/// Why the gateway cannot run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address of the configuration is taken, or not this machine's.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The sockets that systemd handed over cannot be used.
    #[error("cannot use the sockets that were handed over")]
    Inherited(#[source] io::Error),
    /// The boards cannot be followed.
    #[error("cannot watch for boards")]
    Watch(#[source] WatchError),
}

/// Runs the gateway on the sockets that systemd hands over, or else on the configured addresses, until
/// the end is asked for.
pub async fn run(config: Config, shutdown: Shutdown) -> Result<(), StartError> {
    let mut sockets = sockets::inherited().map_err(StartError::Inherited)?;
    if sockets.is_empty() {
        sockets = sockets::open_all(&config.http.listen)
            .map_err(|(address, source)| StartError::Listen { address, source })?;
    }
    serve(config, sockets, shutdown).await
}

/// Runs the gateway on these listeners, and on the ports of the boards at the same addresses, until the
/// end is asked for.
pub async fn serve(
    config: Config,
    sockets: Vec<TcpListener>,
    shutdown: Shutdown,
) -> Result<(), StartError> {
    let mut addresses = Vec::new();
    for socket in &sockets {
        addresses.push(socket.local_addr().map_err(StartError::Inherited)?);
    }
    let main_ports: Vec<u16> = addresses.iter().map(SocketAddr::port).collect();
    let mut watcher = Watcher::new(&config.boards_dir).map_err(StartError::Watch)?;
    let records_dir = RuntimeDir::new(&config.runtime_dir).records();
    let mut records = Records::new(records_dir).map_err(StartError::Watch)?;

    let (sender, boards) = watch::channel(Arc::new(Boards::default()));
    let main_port = main_ports.first().copied().unwrap_or(80);
    let gateway = Gateway::new(&config, main_port, boards, &shutdown);
    let limits = Limits::default();
    let server = Server::new(gateway, limits, shutdown.clone());
    let listeners = Listeners::new(server.clone(), limits, shutdown.clone(), &addresses);
    let mut directory = Directory::new(&config, listeners, main_ports, sender);
    directory.look(&mut watcher, &mut records).await;
    for socket in sockets {
        let (server, listener) = (server.clone(), FramedListener::new(socket, limits));
        shutdown.spawn(async move { server.serve(listener).await });
    }
    for address in addresses {
        tracing::info!(%address, "listening");
    }
    directory.run(watcher, records, shutdown).await;
    Ok(())
}
