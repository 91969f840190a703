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
mod input;
mod keeper;
mod port;
mod scrollback;
mod title;

use std::sync::{Mutex, MutexGuard, PoisonError};

use cpy_board::daemon::StartError;
use cpy_board::http::{Limits, Server, bind_unix};
use cpy_board::{Config, Daemon, RuntimeDir, Shutdown, Watcher};
use futures_util::FutureExt;

use crate::api::Api;
use crate::consoles::Consoles;

/// Serves every console until the end is asked for.
pub async fn run(config: Config, shutdown: Shutdown) -> Result<(), StartError> {
    let socket = RuntimeDir::new(config.runtime_dir).socket(Daemon::SerialBridge);
    let listener = bind_unix(&socket).map_err(StartError::at_socket(&socket))?;
    let mut watcher = Watcher::new(config.boards_dir)?;
    let consoles = Consoles::new(config.serial.scrollback, shutdown.clone());
    // What is plugged in already is known before the first request is answered.
    if let Some(changes) = watcher.changes().now_or_never() {
        consoles.apply(changes);
    }
    let api = Api::new(consoles.clone(), shutdown.clone());
    let server = Server::new(api, Limits::default(), shutdown);
    tokio::join!(consoles.follow(watcher), server.serve(listener));
    Ok(())
}

/// What the daemon's locks guard is whole after every statement, so a panic elsewhere spoils nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
