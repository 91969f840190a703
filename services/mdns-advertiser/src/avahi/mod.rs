//! avahi-daemon, over the system bus: whether it runs, and what it can be asked for.
//!
//! `bus` waits for it, a `Session` is one time with it, and in that an `EntryGroup` is an entry that
//! is published.

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
use tokio::time::{Instant, sleep};
use zbus::Connection;

pub(crate) use entry_group::{Entry, EntryGroup, GroupState, Ownership};
pub(crate) use error::AvahiError;
pub(crate) use session::{Resolver, Session};

use bus::Owner;

/// The service of the web workflow (CircuitPython, workflows.md, "MDNS").
pub(crate) const SERVICE_TYPE: &str = "_circuitpython._tcp";
/// Where multicast DNS is at home (RFC 6762, section 3).
pub(crate) const DOMAIN: &str = "local";

/// How long to wait before the next try when Avahi is there and a session with it broke; longer each time.
const BREATH: Duration = Duration::from_secs(1);
const LONGEST_BREATH: Duration = Duration::from_secs(30);
/// A session that held for this long was a good one.
const GOOD: Duration = Duration::from_secs(60);

/// Runs `work` whenever Avahi is there, each time in a session of its own. What was published in it is gone when
/// `work` ends, which it does when it has lost Avahi. `there` is told when Avahi comes and goes.
pub(crate) async fn whenever_there(
    there: impl Fn(bool),
    work: impl AsyncFn(Arc<Session>) -> AvahiError,
) -> WatchError {
    let mut breath = BREATH;
    loop {
        let connection = match bus::connect().await {
            Ok(connection) => connection,
            Err(error) => return error,
        };
        let begun = Instant::now();
        let error = match session(connection, &there, &work).await {
            Ok(never) => match never {},
            Err(error) => error,
        };
        there(false);
        if matches!(error, AvahiError::Gone) {
            tracing::warn!("Avahi went away: names are published again when it is back");
            breath = BREATH;
            continue;
        }
        if begun.elapsed() > GOOD {
            breath = BREATH;
        }
        // Said once, and then only to those who look closely.
        if breath == BREATH {
            tracing::warn!(error = with_causes(&error), "lost Avahi: trying again");
        } else {
            tracing::debug!(
                error = with_causes(&error),
                ?breath,
                "Avahi does not answer"
            );
        }
        sleep(breath).await;
        breath = LONGEST_BREATH.min(breath * 2);
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
    tracing::info!("Avahi answers");
    there(true);
    Err(tokio::select! {
        error = session.listen(signals, &mut owner) => error,
        error = work(Arc::clone(&session)) => error,
    })
}
