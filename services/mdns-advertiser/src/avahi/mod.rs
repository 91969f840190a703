//! avahi-daemon, over the system bus: whether it runs, and what it can be asked for.
//!
//! `bus` waits for it, a `Session` is one time with it, and in that an `EntryGroup` is what is published together.

mod bus;
mod entry_group;
mod error;
mod proxies;
mod session;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use cpy_board::WatchError;
use cpy_board::daemon::with_causes;
use tokio::time::sleep;
use zbus::Connection;

pub(crate) use entry_group::{EntryGroup, GroupState, Ownership, Placing};
pub(crate) use error::AvahiError;
pub(crate) use session::{Resolver, Session};

use bus::Owner;

/// The service of the web workflow (CircuitPython, workflows.md, "MDNS").
pub(crate) const SERVICE_TYPE: &str = "_circuitpython._tcp";
/// Where multicast DNS is at home (RFC 6762, section 3).
pub(crate) const DOMAIN: &str = "local";

/// How long to wait before the next try when Avahi is there and a session with it broke.
const BREATH: Duration = Duration::from_secs(1);

/// Runs `work` whenever Avahi is there, each time in a session of its own. What was published in it is gone when
/// `work` ends, which it does when it has lost Avahi. `there` is told when Avahi comes and goes.
pub(crate) async fn whenever_there(
    there: impl Fn(bool),
    work: impl AsyncFn(Arc<Session>) -> AvahiError,
) -> WatchError {
    loop {
        let connection = match bus::connect().await {
            Ok(connection) => connection,
            Err(error) => return error,
        };
        let error = match session(connection, &there, &work).await {
            Ok(never) => match never {},
            Err(error) => error,
        };
        there(false);
        if matches!(error, AvahiError::Gone) {
            tracing::warn!("Avahi went away: names are published again when it is back");
        } else {
            tracing::warn!(error = with_causes(&error), "lost Avahi: trying again");
            sleep(BREATH).await;
        }
    }
}

async fn session(
    connection: Connection,
    there: &impl Fn(bool),
    work: &impl AsyncFn(Arc<Session>) -> AvahiError,
) -> Result<Infallible, AvahiError> {
    let mut owner = Owner::follow(&connection).await?;
    let avahi = owner.present().await?;
    let (session, signals) = Session::open(connection, avahi).await?;
    let session = Arc::new(session);
    tracing::info!("Avahi runs");
    there(true);
    Err(tokio::select! {
        error = session.listen(signals, &mut owner) => error,
        error = work(Arc::clone(&session)) => error,
    })
}
