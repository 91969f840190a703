//! Places for connections: so many in all, and so many of them for one address.
//!
//! A connection without a request keeps its place only as long as nobody else needs it: where all are taken,
//! the one that has been idle for longest is let go (RFC 9112, section 9.5: clients expect that).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Limits, Peer};

/// The places of one server.
#[derive(Clone, Debug, Default)]
pub(super) struct Places(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    next: u64,
    taken: HashMap<u64, Taken>,
    by_address: HashMap<IpAddr, usize>,
}

#[derive(Debug)]
struct Taken {
    address: Option<IpAddr>,
    /// None: it has a request, or is no HTTP any more.
    idle_since: Option<Instant>,
    /// The client has not taken all of the last answer.
    is_sending: Arc<AtomicBool>,
    dismissed: CancellationToken,
}

/// A connection's place, free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    number: u64,
    is_sending: Arc<AtomicBool>,
    dismissed: CancellationToken,
    places: Places,
}

/// A request that keeps its connection's place until this is dropped.
#[derive(Debug)]
pub(super) struct InUse(Option<Arc<Place>>);

/// Why there is no place, although every idle connection would have made room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// For nobody.
    All,
    /// For this address.
    Address,
}

impl Places {
    /// A place for a connection that comes. Other daemons have no address.
    pub(super) fn take(&self, peer: Peer, limits: &Limits) -> Result<Place, Full> {
        let address = match peer {
            Peer::Local => None,
            Peer::Tcp { remote, .. } => Some(remote.ip().to_canonical()),
        };
        let now = Instant::now();
        let mut table = self.lock();
        if let Some(address) = address {
            let of_address = table.by_address.get(&address).copied().unwrap_or_default();
            if of_address >= limits.connections_per_address && !table.dismiss(Some(address), now) {
                return Err(Full::Address);
            }
        }
        if table.taken.len() >= limits.connections && !table.dismiss(None, now) {
            return Err(Full::All);
        }
        if let Some(address) = address {
            *table.by_address.entry(address).or_default() += 1;
        }
        let number = table.next;
        table.next += 1;
        let dismissed = CancellationToken::new();
        let is_sending = Arc::new(AtomicBool::new(false));
        let taken = Taken {
            address,
            idle_since: Some(now),
            is_sending: Arc::clone(&is_sending),
            dismissed: dismissed.clone(),
        };
        table.taken.insert(number, taken);
        drop(table);
        Ok(Place {
            number,
            is_sending,
            dismissed,
            places: self.clone(),
        })
    }

    /// Lets the connection go that has been idle for longest, and for no shorter than this: whoever has just come
    /// is about to ask.
    pub(super) fn dismiss_one_idle_for(&self, time: Duration) -> bool {
        let before = Instant::now().checked_sub(time);
        before.is_some_and(|before| self.lock().dismiss(None, before))
    }

    /// How many are kept by requests.
    #[cfg(test)]
    pub(super) fn in_use(&self) -> usize {
        let table = self.lock();
        let in_use = |taken: &&Taken| taken.idle_since.is_none();
        table.taken.values().filter(in_use).count()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Lets the connection go that has been idle for longest and since this moment at least, of this address or of all.
    /// False: none is.
    fn dismiss(&mut self, address: Option<IpAddr>, before: Instant) -> bool {
        let idle = self.taken.iter().filter_map(|(number, taken)| {
            let since = taken.idle_since?;
            let is_meant = address.is_none() || taken.address == address;
            // Whoever has yet to take an answer is the last to go.
            let order = (taken.is_sending.load(Relaxed), since, *number);
            (is_meant && since <= before).then_some(order)
        });
        let Some((_, _, number)) = idle.min() else {
            return false;
        };
        if let Some(taken) = self.remove(number) {
            taken.dismissed.cancel();
        }
        true
    }

    fn remove(&mut self, number: u64) -> Option<Taken> {
        let taken = self.taken.remove(&number)?;
        if let Some(address) = taken.address
            && let Some(left) = self.by_address.get_mut(&address)
        {
            *left -= 1;
            if *left == 0 {
                self.by_address.remove(&address);
            }
        }
        Some(taken)
    }
}

impl Place {
    /// A request has come, and keeps the place. None: somebody else has it by now.
    pub(super) fn begin(self: &Arc<Self>) -> Option<InUse> {
        let mut table = self.places.lock();
        table.taken.get_mut(&self.number)?.idle_since = None;
        Some(InUse(Some(Arc::clone(self))))
    }

    /// Whether something waits to be taken by the client.
    pub(super) fn sends(&self, is_sending: bool) {
        self.is_sending.store(is_sending, Relaxed);
    }

    /// Waits until somebody else needs the place.
    pub(super) async fn dismissed(&self) {
        self.dismissed.cancelled().await;
    }
}

impl InUse {
    /// The place is kept for as long as there is the connection: what goes over it is HTTP no more.
    pub(super) fn for_good(mut self) {
        self.0 = None;
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        if let Self(Some(place)) = self
            && let Some(taken) = place.places.lock().taken.get_mut(&place.number)
        {
            taken.idle_since = Some(Instant::now());
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.lock().remove(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        connections: 4,
        connections_per_address: 2,
        ..Limits::DEFAULT
    };

    fn peer(address: &str) -> Peer {
        Peer::Tcp {
            remote: (address.parse::<IpAddr>().unwrap(), 1).into(),
            local: ([127, 0, 0, 1], 80).into(),
        }
    }

    /// A place with a request.
    fn busy(places: &Places, address: &str) -> Result<(Arc<Place>, InUse), Full> {
        let place = Arc::new(places.take(peer(address), &LIMITS)?);
        let request = place.begin().unwrap();
        Ok((place, request))
    }

    #[test]
    fn an_address_has_its_share_and_gets_it_back() {
        let places = Places::default();
        let first = busy(&places, "10.0.0.1").unwrap();
        let _second = busy(&places, "::ffff:10.0.0.1").unwrap();
        assert_eq!(busy(&places, "10.0.0.1").unwrap_err(), Full::Address);
        let _other = busy(&places, "10.0.0.2").unwrap();
        assert!(places.take(Peer::Local, &LIMITS).is_ok());
        drop(first);
        assert!(busy(&places, "10.0.0.1").is_ok());
    }

    #[test]
    fn who_has_been_idle_for_longest_makes_room() {
        let places = Places::default();
        let take = |address| Arc::new(places.take(peer(address), &LIMITS).unwrap());
        let one = take("10.0.0.1");
        let two = take("10.0.0.1");
        // It has had a request since.
        drop(one.begin());
        let three = take("10.0.0.1");
        let is_dismissed = |place: &Place| place.dismissed.is_cancelled();
        assert_eq!(
            [&one, &two, &three].map(|it| is_dismissed(it)),
            [false, true, false]
        );
        assert!(two.begin().is_none(), "it has no place any more");
        drop(two);
        let kept = three.begin().unwrap();
        let others = [take("10.0.0.2"), take("10.0.0.3"), take("10.0.0.4")];
        assert!(is_dismissed(&one), "of all, too");
        kept.for_good();
        for address in ["10.0.0.5", "10.0.0.6", "10.0.0.7", "10.0.0.8"] {
            take(address);
        }
        assert!(!is_dismissed(&three));
        drop((one, three, others));
        assert!(places.lock().taken.is_empty());
    }

    #[test]
    fn who_has_yet_to_take_an_answer_is_the_last_to_go() {
        let places = Places::default();
        let take = || Arc::new(places.take(peer("10.0.0.1"), &LIMITS).unwrap());
        let slow = take();
        slow.sends(true);
        let idle = take();
        let _next = take();
        assert!(idle.dismissed.is_cancelled());
        assert!(!slow.dismissed.is_cancelled());
        slow.sends(false);
        let _last = take();
        assert!(slow.dismissed.is_cancelled());
    }

    #[test]
    fn all_places_can_be_in_use() {
        let places = Places::default();
        let addresses = ["10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.2"];
        let mut all: Vec<_> = addresses.map(|it| busy(&places, it).unwrap()).into();
        assert_eq!(busy(&places, "10.0.0.3").unwrap_err(), Full::All);
        assert!(!places.dismiss_one_idle_for(Duration::ZERO));
        all.pop();
        assert!(busy(&places, "10.0.0.3").is_ok());
    }

    #[test]
    fn nothing_is_remembered_of_who_left() {
        let places = Places::default();
        drop(busy(&places, "10.0.0.1"));
        let table = places.lock();
        assert!(table.by_address.is_empty() && table.taken.is_empty());
    }
}
