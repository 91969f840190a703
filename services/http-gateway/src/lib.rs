//! http-gateway: the web-workflow server. It knows boards by their names and ports, checks who asks, and
//! passes requests on to the daemons that have the boards' files and consoles. It opens no device.

mod accept;
mod announced;
mod auth;
mod board_state;
mod boards;
mod chunked;
mod devices;
mod directory;
mod documents;
mod drain;
mod file_proxy;
mod form;
mod framed_stream;
mod framing;
mod gateway;
mod guesses;
mod hindrance;
mod hop_by_hop;
mod host;
mod lent_body;
mod links;
mod listeners;
mod mdns_advertiser;
mod naming;
mod network;
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

use cpy_board::daemon::StartError;
use cpy_board::http::{Limits, Server};
use cpy_board::{Config, Shutdown};
use tokio::net::TcpListener;
use tokio::sync::watch;

use boards::Boards;
use directory::{Directory, Sources};
use framed_stream::FramedListener;
use gateway::Gateway;
use listeners::Listeners;

/// Where the gateway listens when systemd opened its sockets.
const INHERITED: &str = "the sockets that were handed over";

/// Runs the gateway on the sockets that systemd hands over, or else on the configured addresses, until
/// the end is asked for.
pub async fn run(config: Config, shutdown: Shutdown) -> Result<(), StartError> {
    let mut sockets = sockets::inherited().map_err(|source| cannot_listen(&INHERITED, source))?;
    if sockets.is_empty() {
        sockets = sockets::open_all(&config.http.listen)
            .map_err(|(address, source)| cannot_listen(&address, source))?;
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
        let address = socket.local_addr();
        addresses.push(address.map_err(|source| cannot_listen(&INHERITED, source))?);
    }
    let main_ports: Vec<u16> = addresses.iter().map(SocketAddr::port).collect();
    let mut sources = Sources::new(&config)?;

    let (sender, boards) = watch::channel(Arc::new(Boards::default()));
    let main_port = main_ports.first().copied().unwrap_or(80);
    let gateway = Gateway::new(&config, main_port, boards, &shutdown);
    let limits = Limits::default();
    let server = Server::new(gateway, limits, shutdown.clone());
    let listeners = Listeners::new(server.clone(), limits, shutdown.clone(), &addresses);
    let mut directory = Directory::new(&config, listeners, (main_port, main_ports), sender);
    directory.look(&mut sources).await;
    for socket in sockets {
        let (server, listener) = (server.clone(), FramedListener::new(socket, limits));
        shutdown.spawn(async move { server.serve(listener).await });
    }
    for address in addresses {
        tracing::info!(%address, "listening");
    }
    directory.run(sources, shutdown).await;
    Ok(())
}

fn cannot_listen(at: &impl ToString, source: io::Error) -> StartError {
    let at = at.to_string();
    StartError::Listen { at, source }
}
