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
mod exchanges;
mod farewell;
mod file_proxy;
mod form;
mod framed_stream;
mod frames;
mod framing;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod gateway;
mod guesses;
mod hindrance;
mod hop_by_hop;
mod host;
mod lent_body;
mod links;
mod listeners;
mod main_listeners;
mod mdns_advertiser;
mod naming;
mod network;
mod origin;
mod pages;
mod policy;
mod ports;
mod refusal;
mod reply;
mod resource;
mod routing;
mod serial_bridge;
mod service;
mod serving;
mod sockets;
mod tunnel;

use std::io;
use std::sync::Arc;

use cpy_board::daemon::StartError;
use cpy_board::http::{Limits, Server};
use cpy_board::{Configuration, RuntimeDir, ServiceManager, Shutdown};
use tokio::net::TcpListener;
use tokio::sync::watch;

use boards::Boards;
use directory::{Directory, Entrances, Sources};
use gateway::Gateway;
use listeners::Listeners;
use main_listeners::MainListeners;
use policy::Policy;

/// Runs the gateway on the sockets that systemd hands over and on the configured addresses, until the end is
/// asked for.
pub async fn run(
    configuration: Configuration,
    manager: ServiceManager,
    shutdown: Shutdown,
) -> Result<(), StartError> {
    let sockets = sockets::inherited().map_err(wrong_sockets)?;
    serve(configuration, sockets, manager, shutdown).await
}

/// Runs the gateway on these listeners, on the configured addresses beside them, and on the ports of the boards at
/// the same addresses, until the end is asked for.
pub async fn serve(
    configuration: Configuration,
    sockets: Vec<TcpListener>,
    manager: ServiceManager,
    shutdown: Shutdown,
) -> Result<(), StartError> {
    let config = configuration.now();
    let mut sources = Sources::new(&config, configuration)?;
    let (sender, boards) = watch::channel(Arc::new(Boards::default()));
    let (policies, policy) = watch::channel(Arc::new(Policy::of(&config)));
    let runtime_dir = RuntimeDir::new(&config.runtime_dir);
    let gateway = Gateway::new(&runtime_dir, policy, boards, &shutdown);
    let server = Server::new(gateway, Limits::from(&config.limits), shutdown.clone());
    let entrances = Entrances {
        main: MainListeners::new(server.clone(), shutdown.clone(), sockets)
            .map_err(wrong_sockets)?,
        own: Listeners::new(server, shutdown.clone()),
    };
    let mut directory = Directory::new(&config, entrances, policies, sender, manager.clone());
    directory.look(&config, &mut sources).await;
    manager.ready();
    directory.run(sources, shutdown).await;
    Ok(())
}

fn wrong_sockets(source: io::Error) -> StartError {
    StartError::Listen {
        at: "the sockets that were handed over".to_owned(),
        source,
    }
}
