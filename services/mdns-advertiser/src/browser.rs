//! Looks for other devices during one session with Avahi, and follows where they are.
//!
//! Each sighting has a resolver as long as it is there, so a new address or port is known as soon as it is
//! announced, and what is no more expires when DNS-SD says so: Avahi keeps the times.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cpy_board::status::Peers;
use cpy_board::wait_until;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::announcement::Announcements;
use crate::avahi::{AvahiError, Resolver, Session};
use crate::links::Links;
use crate::own_names::OwnNames;
use crate::peers;
use crate::sightings::{Place, Sighting};

/// Resolvers at a time. Avahi gives a client 1024 objects (objects-per-client-max), of which a board needs three on
/// each network: 64 boards on three networks and these are 840.
const MOST: usize = 256;
/// However fast devices come and go, they are looked at this often.
const QUIET: Duration = Duration::from_millis(100);

/// Resolvers by what they look for; none where Avahi refuses to.
type Resolvers = BTreeMap<Sighting, Option<Resolver>>;

/// Keeps `found` true until the session is lost.
pub(crate) async fn browse(
    session: &Session,
    mut links: watch::Receiver<Links>,
    mut announcements: watch::Receiver<Arc<Announcements>>,
    found: &watch::Sender<Arc<Peers>>,
) -> AvahiError {
    if let Err(error) = session.browse().await {
        return error;
    }
    let mut resolvers = Resolvers::new();
    let mut own = OwnNames::default();
    let mut overflowed = false;
    loop {
        let sightings = session.sightings().all();
        let all_followed = match follow_all(session, &sightings, &mut resolvers).await {
            Ok(all) => all,
            Err(error) => return error,
        };
        if !all_followed && !overflowed {
            overflowed = true;
            tracing::warn!(
                most = MOST,
                "more devices are announced than can be followed: the rest is not listed"
            );
        }
        own.follow(&announcements.borrow_and_update(), Instant::now());
        let now = peers::devices(&sightings, &links.borrow_and_update(), &own);
        found.send_if_modified(|known| {
            let differs = **known != now;
            if differs {
                *known = Arc::new(now);
            }
            differs
        });
        tokio::select! {
            () = session.sightings().changed() => {}
            // These fail only where the daemon ends.
            _ = links.changed() => {}
            _ = announcements.changed() => {}
            () = wait_until(own.deadline()) => {}
        }
        sleep(QUIET).await;
    }
}

/// Gives sightings a resolver, as many as may be, and ends those that are of no use. Returns whether there was one for
/// each device that nothing is known of.
async fn follow_all(
    session: &Session,
    sightings: &BTreeMap<Sighting, Place>,
    resolvers: &mut Resolvers,
) -> Result<bool, AvahiError> {
    let useless = |sighting: &Sighting| {
        matches!(
            sightings.get(sighting),
            None | Some(Place::Moved | Place::Crowded | Place::Own)
        )
    };
    for sighting in matching(resolvers, useless) {
        end(session, resolvers, &sighting).await?;
        session.sightings().look_again(&sighting);
    }
    let unfollowed = |is_meant: fn(&Place) -> bool| {
        let places = sightings.iter().filter(|(_, place)| is_meant(place));
        let without = places.filter(|(sighting, _)| !resolvers.contains_key(*sighting));
        without
            .map(|(sighting, _)| sighting.clone())
            .collect::<Vec<_>>()
    };
    let new = unfollowed(|place| matches!(place, Place::Unknown | Place::Moved));
    let others = unfollowed(|place| matches!(place, Place::Failed | Place::Found(_)));
    // Those that nobody answered for make room for those that were not looked for yet.
    let missing = (resolvers.len() + new.len()).saturating_sub(MOST);
    let in_vain = |sighting: &Sighting| sightings.get(sighting) == Some(&Place::Failed);
    for sighting in matching(resolvers, in_vain).into_iter().take(missing) {
        end(session, resolvers, &sighting).await?;
    }
    let all = resolvers.len() + new.len() <= MOST;
    for sighting in new.into_iter().chain(others) {
        if resolvers.len() >= MOST {
            break;
        }
        let resolver = tolerate(session.resolve(&sighting).await)?;
        resolvers.insert(sighting, resolver);
    }
    Ok(all)
}

fn matching(resolvers: &Resolvers, is_meant: impl Fn(&Sighting) -> bool) -> Vec<Sighting> {
    resolvers.keys().filter(|s| is_meant(s)).cloned().collect()
}

async fn end(
    session: &Session,
    resolvers: &mut Resolvers,
    sighting: &Sighting,
) -> Result<(), AvahiError> {
    if let Some(Some(resolver)) = resolvers.remove(sighting) {
        tolerate(resolver.free(session).await)?;
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
