//! The daemon that owns the boards' consoles and shares each among any number of WebSocket clients.
//!
//! The way of what a board prints: `port` -> `decoder` -> `console`, which keeps it in a
//! `scrollback`, -> one `client` per WebSocket. The way of what somebody types: `client` ->
//! `input` -> `port`. One `keeper` per board holds the port open; `consoles` knows which
//! boards there are; `api` is what other daemons see. Passwords and the network are the gateway's.

mod activity;
mod api;
mod client;
mod console;
mod consoles;
mod decoder;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod input;
mod keeper;
mod port;
mod scrollback;
mod title;

use std::sync::{Mutex, MutexGuard, PoisonError};

use cpy_board::daemon::StartError;
use cpy_board::http::{Limits, Server};
use cpy_board::{Configuration, Daemon, RuntimeDir, ServiceManager, Shutdown, UnixSocket, Watcher};
use futures_util::FutureExt;

use crate::api::Api;
use crate::consoles::Consoles;

/// Serves every console until the end is asked for.
pub async fn run(
    configuration: Configuration,
    manager: ServiceManager,
    shutdown: Shutdown,
) -> Result<(), StartError> {
    let config = configuration.now();
    let runtime_dir = RuntimeDir::new(&config.runtime_dir);
    let socket = UnixSocket::open(&runtime_dir.socket(Daemon::SerialBridge))?;
    let mut watcher = Watcher::new(&config.boards_dir)?;
    let consoles = Consoles::new(&config, shutdown.clone());
    // What is plugged in already is known before the first request is answered.
    if let Some(changes) = watcher.changes().now_or_never() {
        consoles.apply(changes);
    }
    let api = Api::new(consoles.clone(), shutdown.clone());
    let limits = Limits::between_daemons(&config.limits);
    let server = Server::new(api, limits, shutdown.clone());
    manager.ready();
    tokio::select! {
        () = consoles.follow(watcher) => {}
        () = follow(configuration, &consoles, &server) => {}
        () = async { server.serve(socket.listener().await).await } => {}
        () = shutdown.requested() => {}
    }
    Ok(())
}

/// Follows the configuration for good.
async fn follow(mut configuration: Configuration, consoles: &Consoles, server: &Server<Api>) {
    loop {
        let config = configuration.changed().await;
        consoles.configure(&config);
        server.limit(Limits::between_daemons(&config.limits));
    }
}

/// What the daemon's locks guard is whole after every statement, so a panic elsewhere spoils nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
