//! Places for connections: so many in all, and so many of them for one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Limits, Peer};

/// The places of one server.
#[derive(Clone, Debug)]
pub(super) struct Places {
    all: Arc<Semaphore>,
    by_address: Arc<Mutex<HashMap<IpAddr, usize>>>,
    most_per_address: usize,
}

/// A place of an address; dropped, it is free again.
#[derive(Debug)]
pub(super) struct Place {
    address: Option<IpAddr>,
    places: Places,
}

impl Places {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            all: Arc::new(Semaphore::new(limits.connections)),
            by_address: Arc::default(),
            most_per_address: limits.connections_per_address,
        }
    }

    /// A place among those of the peer's address, if one is left. Other daemons need none.
    pub(super) fn for_peer(&self, peer: Peer) -> Option<Place> {
        let address = match peer {
            Peer::Local => None,
            Peer::Tcp { remote, .. } => Some(remote.ip().to_canonical()),
        };
        if let Some(address) = address {
            let mut taken = self.lock();
            let taken = taken.entry(address).or_default();
            if *taken >= self.most_per_address {
                return None;
            }
            *taken += 1;
        }
        let places = self.clone();
        Some(Place { address, places })
    }

    /// A place among all, as soon as there is one.
    pub(super) async fn among_all(&self) -> OwnedSemaphorePermit {
        let place = Arc::clone(&self.all).acquire_owned().await;
        place.expect("nobody closes the semaphore")
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.by_address
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(address) = self.address else {
            return;
        };
        let mut taken = self.places.lock();
        if let Some(left) = taken.get_mut(&address) {
            *left -= 1;
            if *left == 0 {
                taken.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str) -> Peer {
        Peer::Tcp {
            remote: (address.parse::<IpAddr>().unwrap(), 1).into(),
            local: ([127, 0, 0, 1], 80).into(),
        }
    }

    #[test]
    fn an_address_has_its_share_and_gets_it_back() {
        let places = Places::new(Limits {
            connections_per_address: 2,
            ..Limits::default()
        });
        let first = places.for_peer(peer("10.0.0.1")).unwrap();
        let _second = places.for_peer(peer("::ffff:10.0.0.1")).unwrap();
        assert!(places.for_peer(peer("10.0.0.1")).is_none());
        assert!(places.for_peer(peer("10.0.0.2")).is_some());
        assert!(places.for_peer(Peer::Local).is_some());
        drop(first);
        assert!(places.for_peer(peer("10.0.0.1")).is_some());
    }

    #[test]
    fn nothing_is_remembered_of_who_left() {
        let places = Places::new(Limits::default());
        drop(places.for_peer(peer("10.0.0.1")));
        assert!(places.lock().is_empty());
    }
}
