//! Looks for other devices during one session with Avahi, and follows where they are.
//!
//! Each sighting has a resolver as long as it is there, so a new address or port is known as soon as it is
//! announced, and what is no more expires when DNS-SD says so: Avahi keeps the times.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use cpy_board::status::Peers;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::avahi::{AvahiError, Resolver, Session};
use crate::links::Links;
use crate::peers;
use crate::sightings::Sighting;

/// Resolvers at a time. Avahi gives a client 1024 objects (objects-per-client-max), and boards need two each.
const MOST: usize = 512;
/// However fast devices come and go, they are looked at this often.
const QUIET: Duration = Duration::from_millis(100);

/// Keeps `found` true until the session is lost.
pub(crate) async fn browse(
    session: &Session,
    mut links: watch::Receiver<Links>,
    found: &watch::Sender<Arc<Peers>>,
) -> AvahiError {
    if let Err(error) = session.browse().await {
        return error;
    }
    // None where Avahi does not resolve what it has seen.
    let mut resolvers: BTreeMap<Sighting, Option<Resolver>> = BTreeMap::new();
    loop {
        if let Err(error) = follow_all(session, &mut resolvers).await {
            return error;
        }
        let now = {
            let links = links.borrow_and_update();
            peers::devices(&session.sightings().resolved(), &links)
        };
        found.send_if_modified(|known| {
            let differs = **known != now;
            if differs {
                *known = Arc::new(now);
            }
            differs
        });
        tokio::select! {
            () = session.sightings().changed() => {}
            // It fails only where the daemon ends.
            _ = links.changed() => {}
        }
        sleep(QUIET).await;
    }
}

/// Gives each sighting a resolver, and ends those of others.
async fn follow_all(
    session: &Session,
    resolvers: &mut BTreeMap<Sighting, Option<Resolver>>,
) -> Result<(), AvahiError> {
    let present = session.sightings().present();
    let gone: Vec<Sighting> = resolvers
        .keys()
        .filter(|sighting| !present.contains(*sighting))
        .cloned()
        .collect();
    for sighting in gone {
        if let Some(Some(resolver)) = resolvers.remove(&sighting) {
            tolerate(resolver.free(session).await)?;
        }
    }
    for sighting in present {
        if resolvers.len() >= MOST {
            break;
        }
        if let Entry::Vacant(place) = resolvers.entry(sighting) {
            let resolver = tolerate(session.resolve(place.key()).await)?;
            place.insert(resolver);
        }
    }
    Ok(())
}

/// What Avahi refuses for one device is no reason to stop looking for others.
fn tolerate<T>(result: Result<T, AvahiError>) -> Result<Option<T>, AvahiError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error @ (AvahiError::Collision | AvahiError::Refused(_))) => {
            tracing::debug!(%error, "cannot follow a device");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
