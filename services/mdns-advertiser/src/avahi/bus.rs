//! The system bus, and whether Avahi is on it. Both say when they come; only a bus whose socket is there and does
//! not answer is tried again and again.

use std::path::{Path, PathBuf};
use std::time::Duration;

use cpy_board::{DirWatch, WatchError};
use futures_util::StreamExt;
use tokio::time::sleep;
use zbus::address::transport::{Transport, UnixSocket};
use zbus::fdo::{DBusProxy, NameOwnerChangedStream};
use zbus::names::OwnedUniqueName;
use zbus::{Address, Connection};

use super::AvahiError;

/// Avahi's name on the bus.
pub(super) const AVAHI: &str = "org.freedesktop.Avahi";
/// How long an answer may take. A daemon that is stopped or stuck gives none.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait for a bus whose socket is there and does not answer.
const BREATH: Duration = Duration::from_millis(500);

/// A connection to the system bus, as soon as there is one.
pub(super) async fn connect() -> Result<Connection, WatchError> {
    let socket = socket();
    let mut watch = DirWatch::new()?;
    let mut told = false;
    loop {
        let builder = zbus::connection::Builder::system();
        match builder.method_timeout(PATIENCE).build().await {
            Ok(connection) => return Ok(connection),
            Err(error) if !told => {
                tracing::warn!(%error, "there is no system bus, so no Avahi: names are published once there is");
                told = true;
            }
            Err(error) => tracing::debug!(%error, "cannot connect to the system bus"),
        }
        match &socket {
            Some(socket) if !socket.exists() => appearance(&mut watch, socket).await,
            _ => sleep(BREATH).await,
        }
    }
}

/// Follows who is Avahi.
pub(super) struct Owner<'a> {
    bus: DBusProxy<'a>,
    changes: NameOwnerChangedStream,
}

impl Owner<'_> {
    pub(super) async fn follow(connection: &Connection) -> Result<Self, AvahiError> {
        let bus = DBusProxy::new(connection).await?;
        let changes = bus
            .receive_name_owner_changed_with_args(&[(0, AVAHI)])
            .await?;
        Ok(Self { bus, changes })
    }

    /// Avahi's address on the bus, as soon as it runs. It is not started: whoever stopped it meant it.
    pub(super) async fn present(&mut self) -> Result<OwnedUniqueName, AvahiError> {
        let mut told = false;
        loop {
            let name = AVAHI.try_into()?;
            match self.bus.get_name_owner(name).await {
                Ok(owner) => return Ok(owner),
                Err(zbus::fdo::Error::NameHasNoOwner(_)) => {
                    if !told {
                        tracing::warn!("Avahi does not run: names are published once it does");
                        told = true;
                    }
                    if self.changes.next().await.is_none() {
                        return Err(AvahiError::Gone);
                    }
                }
                Err(error) => return Err(AvahiError::Lost(error.into())),
            }
        }
    }

    /// Returns when `avahi` is not Avahi any more. Word of its coming may still be on the way.
    pub(super) async fn loss(&mut self, avahi: &OwnedUniqueName) -> AvahiError {
        while let Some(change) = self.changes.next().await {
            match change.args() {
                Ok(args) if args.new_owner().as_ref().is_some_and(|now| now == avahi) => {}
                _ => break,
            }
        }
        AvahiError::Gone
    }
}

/// The bus's socket, if it is a file.
fn socket() -> Option<PathBuf> {
    match Address::system().ok()?.transport() {
        Transport::Unix(unix) => match unix.path() {
            UnixSocket::File(path) => Some(path.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// Returns when the socket may be there.
async fn appearance(watch: &mut DirWatch, socket: &Path) {
    let added = watch.set(socket.parent());
    if !added || !socket.exists() {
        watch.changed().await;
    }
}
