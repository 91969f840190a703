//! file-proxy: a drive per board, and the `/fs/` interface of the web workflow over it, on a Unix socket.
//!
//! The way of a save: [`api`] finds the drive, [`files`] reads the request, [`upload`] collects the
//! body, [`worker`] brings it to the drive's own thread, [`drive`] has `cpy-fat` change the volume on
//! the [`device`], with a copy in the [`journal_file`] meanwhile; when a drive is [`opened`], what was cut
//! is finished. [`drives`] follows what is plugged in. The daemon knows nothing of host names, origins and
//! passwords.

use std::sync::Arc;

use cpy_board::daemon::StartError;
use cpy_board::http::{Limits, Server};
use cpy_board::{Configuration, Daemon, RuntimeDir, ServiceManager, Shutdown, UnixSocket, Watcher};
use futures_util::FutureExt;

use crate::api::Api;
use crate::drives::{Drives, Places};
use crate::upload::Spool;

mod aligned;
mod api;
mod board_record;
mod boot_out;
mod copies;
mod device;
mod download;
mod drive;
mod drive_path;
mod drives;
mod files;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod health;
mod history;
mod image;
mod journal_file;
mod lost;
mod opened;
mod precondition;
mod refusal;
mod settings;
mod stock;
mod store;
mod upload;
mod usb;
mod versions;
mod worker;

/// Runs the daemon until its end is asked for. Of what the configuration tells it only the limits change while it runs.
pub async fn run(
    configuration: Configuration,
    manager: ServiceManager,
    shutdown: Shutdown,
) -> Result<(), StartError> {
    let config = configuration.now();
    let runtime_dir = RuntimeDir::new(&config.runtime_dir);
    let mut watcher = Watcher::new(&config.boards_dir)?;
    let state_dir = config.state_dir.join(Daemon::FileProxy.name());
    let places = Places {
        records: runtime_dir.records(),
        journals: state_dir.join("journals"),
        histories: state_dir.join("history"),
        copies: state_dir.join("copies"),
        lost: state_dir.join("lost"),
        bounds: config.history,
    };
    let drives = Arc::new(Drives::new(places, shutdown.clone()));
    let socket = UnixSocket::open(&runtime_dir.socket(Daemon::FileProxy))?;
    let spool = Spool::new(state_dir.join("uploads"), config.limits.upload_bytes);
    let api = Api {
        drives: Arc::clone(&drives),
        spool: spool.clone(),
        images: Spool::new(state_dir.join("uploads"), u64::MAX),
    };
    let limits = Limits::between_daemons(&config.limits);
    let server = Server::new(api, limits, shutdown.clone());
    // What is plugged in already is known before the first request is answered.
    if let Some(changes) = watcher.changes().now_or_never() {
        drives.apply(changes);
    }
    manager.ready();
    tokio::select! {
        () = async { server.serve(socket.listener().await).await } => {}
        () = drives.follow(watcher) => {}
        () = follow(configuration, &spool, &server) => {}
        () = shutdown.requested() => {}
    }
    Ok(())
}

/// Follows the configuration for good.
async fn follow(mut configuration: Configuration, spool: &Spool, server: &Server<Api>) {
    loop {
        let config = configuration.changed().await;
        spool.limit(config.limits.upload_bytes);
        server.limit(Limits::between_daemons(&config.limits));
    }
}
