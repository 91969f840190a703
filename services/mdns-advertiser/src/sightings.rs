//! What Avahi's browser and resolvers say of other devices, folded into what it amounts to.
//!
//! Everything in here comes from strangers. However much they announce, this keeps a bounded part of it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use zbus::OwnedObjectPath;

use crate::links::LinkIndex;

/// How many sightings are kept. A class of 40 devices on two networks and both protocols makes 160.
const MOST: usize = 2048;
/// How many of them one address may have: a gateway with 64 boards, on a network that we are on twice. So a stranger
/// who announces thousands of devices does not fill the list.
const MOST_AT_ONE_ADDRESS: usize = 128;

/// How many words of unknown resolvers are kept.
const MOST_EARLY: usize = 64;

/// A service instance, as seen on one interface by one protocol.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Sighting {
    pub(crate) link: LinkIndex,
    /// 0 for IPv4, 1 for IPv6 (avahi-common/address.h).
    pub(crate) protocol: i32,
    pub(crate) instance: String,
}

/// Where a sighted instance is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resolved {
    /// Without `.local`.
    pub(crate) hostname: String,
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
}

/// What is known of where a sighted instance is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Avahi takes it for ours.
    Own,
    /// Nothing yet.
    Unknown,
    /// It was looked for, and nobody said.
    Failed,
    /// Here.
    Found(Resolved),
    /// It has moved to another host. Avahi 0.8 gives the old host's address with it, so it must be looked for anew.
    Moved,
    /// There are too many where it is.
    Crowded,
}

/// All sightings of a session.
#[derive(Debug, Default)]
pub(crate) struct Sightings {
    known: Mutex<Known>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Known {
    all: BTreeMap<Sighting, Place>,
    resolvers: HashMap<OwnedObjectPath, Sighting>,
    /// What resolvers said that are not known (yet): Avahi may say what it knows already before it has answered who
    /// says it. The last ones only, because those that were ended are among them.
    early: VecDeque<(OwnedObjectPath, Option<Resolved>)>,
    /// It was said that there are too many.
    overflowed: bool,
}

impl Known {
    /// Lets those that were too many be looked for again.
    fn make_room(&mut self) {
        for place in self.all.values_mut() {
            if *place == Place::Crowded {
                *place = Place::Failed;
            }
        }
    }

    /// An instance was resolved.
    fn found(&mut self, sighting: Sighting, resolved: Option<Resolved>) {
        let Some(before) = self.all.get(&sighting) else {
            return;
        };
        let place = match (before, resolved) {
            (Place::Moved | Place::Crowded | Place::Own, _) => return,
            (_, None) => Place::Failed,
            (Place::Found(old), Some(new)) if old.hostname != new.hostname => Place::Moved,
            (_, Some(new)) if self.is_crowded(&sighting, new.address) => Place::Crowded,
            (_, Some(new)) => Place::Found(new),
        };
        let before = self.all.insert(sighting, place);
        if matches!(before, Some(Place::Found(_))) {
            self.make_room();
        }
    }

    /// Whether as many others as may be are at this address.
    fn is_crowded(&self, sighting: &Sighting, address: IpAddr) -> bool {
        let there = self.all.iter().filter(|(other, place)| {
            matches!(place, Place::Found(found) if found.address == address) && *other != sighting
        });
        there.count() >= MOST_AT_ONE_ADDRESS
    }
}

impl Sighting {
    /// As Avahi's signals have it.
    pub(crate) fn new(link: i32, protocol: i32, instance: String) -> Self {
        Self {
            link: LinkIndex(u32::try_from(link).unwrap_or(0)),
            protocol,
            instance,
        }
    }
}

impl Resolved {
    /// From what a resolver found. None where that cannot be an address of a web server: a host that no browser
    /// could be sent to, or port 0.
    pub(crate) fn new(host: &str, address: &str, port: u16) -> Option<Self> {
        let host = host.strip_suffix('.').unwrap_or(host).to_lowercase();
        // The web workflow's documents leave `.local` out, so a host elsewhere cannot be named in them.
        let hostname = host.strip_suffix(".local")?;
        let usual = |c: char| c.is_alphanumeric() || "-_.".contains(c);
        if hostname.is_empty() || !hostname.chars().all(usual) || port == 0 {
            return None;
        }
        Some(Self {
            hostname: hostname.to_owned(),
            address: address.parse().ok()?,
            port,
        })
    }
}

impl Sightings {
    /// An instance was seen, which Avahi takes for `own` or another's.
    pub(crate) fn came(&self, sighting: Sighting, own: bool) {
        let mut known = self.lock();
        if known.all.len() < MOST {
            // One that was gone for a moment may still have a resolver, which has said all that it will.
            let place = if own {
                Place::Own
            } else if known.resolvers.values().any(|of| *of == sighting) {
                Place::Moved
            } else {
                Place::Unknown
            };
            known.all.entry(sighting).or_insert(place);
        } else if !known.overflowed {
            known.overflowed = true;
            tracing::warn!(
                most = MOST,
                "more devices are announced than can be listed: the rest is passed over"
            );
        }
        self.changed.notify_one();
    }

    /// An instance was withdrawn, or has not been heard of for as long as it said.
    pub(crate) fn went(&self, sighting: &Sighting) {
        let mut known = self.lock();
        if let Some(Place::Found(_)) = known.all.remove(sighting) {
            known.make_room();
        }
        self.changed.notify_one();
    }

    /// What was taken for our own instance of this name is somebody else's.
    pub(crate) fn not_own(&self, instance: &str) {
        for (sighting, place) in &mut self.lock().all {
            if *place == Place::Own && sighting.instance == instance {
                *place = Place::Unknown;
            }
        }
        self.changed.notify_one();
    }

    /// A resolver has found its instance: `resolved` is none where what was found is of no use. One that was ended
    /// may still have said something.
    pub(crate) fn found(&self, resolver: &OwnedObjectPath, resolved: Option<Resolved>) {
        let mut known = self.lock();
        let Some(sighting) = known.resolvers.get(resolver).cloned() else {
            if known.early.len() >= MOST_EARLY {
                known.early.pop_front();
            }
            known.early.push_back((resolver.clone(), resolved));
            return;
        };
        known.found(sighting, resolved);
        self.changed.notify_one();
    }

    /// A resolver looks for this instance.
    pub(crate) fn resolved_by(&self, resolver: OwnedObjectPath, sighting: Sighting) {
        let mut known = self.lock();
        let said = known.early.iter().position(|(path, _)| *path == resolver);
        if let Some((_, resolved)) = said.and_then(|at| known.early.remove(at)) {
            known.found(sighting.clone(), resolved);
            self.changed.notify_one();
        }
        known.resolvers.insert(resolver, sighting);
    }

    /// A resolver does not find its instance any more.
    pub(crate) fn failed(&self, resolver: &OwnedObjectPath) {
        let mut known = self.lock();
        if let Some(sighting) = known.resolvers.get(resolver).cloned()
            && let Some(place @ (Place::Unknown | Place::Found(_))) = known.all.get_mut(&sighting)
        {
            *place = Place::Failed;
            known.make_room();
        }
        self.changed.notify_one();
    }

    /// A resolver ends.
    pub(crate) fn forget_resolver(&self, resolver: &OwnedObjectPath) {
        self.lock().resolvers.remove(resolver);
    }

    /// An instance that has moved is looked for anew.
    pub(crate) fn look_again(&self, sighting: &Sighting) {
        if let Some(place @ Place::Moved) = self.lock().all.get_mut(sighting) {
            *place = Place::Unknown;
        }
    }

    /// Every instance that is there now.
    pub(crate) fn all(&self) -> BTreeMap<Sighting, Place> {
        self.lock().all.clone()
    }

    /// Returns when something changed since the last time.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sighting(n: usize) -> Sighting {
        Sighting::new(2, 0, format!("board {n}"))
    }

    fn resolved(port: u16) -> Option<Resolved> {
        Resolved::new("cpy-000001.local", "10.0.0.7", port)
    }

    fn place(sightings: &Sightings, n: usize) -> Option<Place> {
        sightings.all().get(&sighting(n)).cloned()
    }

    fn resolver(n: usize) -> OwnedObjectPath {
        format!("/Client1/ServiceResolver{n}").try_into().unwrap()
    }

    /// The n-th instance was seen, and a resolver looks for it.
    fn look_for(sightings: &Sightings, n: usize) {
        sightings.came(sighting(n), false);
        sightings.resolved_by(resolver(n), sighting(n));
    }

    #[test]
    fn a_flood_is_kept_in_part_and_room_is_made_by_who_leaves() {
        let sightings = Sightings::default();
        for n in 0..10_000 {
            sightings.came(sighting(n), false);
        }
        assert_eq!(sightings.all().len(), MOST);
        sightings.went(&sighting(0));
        sightings.came(sighting(20_000), false);
        assert_eq!(place(&sightings, 20_000), Some(Place::Unknown));
    }

    #[test]
    fn one_address_does_not_fill_the_list_and_who_leaves_makes_room() {
        let sightings = Sightings::default();
        for n in 0..=MOST_AT_ONE_ADDRESS {
            look_for(&sightings, n);
            sightings.found(&resolver(n), resolved(80));
        }
        assert_eq!(place(&sightings, MOST_AT_ONE_ADDRESS), Some(Place::Crowded));
        look_for(&sightings, MOST);
        let elsewhere = Resolved::new("other.local", "10.0.0.8", 80);
        sightings.found(&resolver(MOST), elsewhere.clone());
        assert_eq!(place(&sightings, MOST), elsewhere.map(Place::Found));
        sightings.went(&sighting(0));
        assert_eq!(place(&sightings, MOST_AT_ONE_ADDRESS), Some(Place::Failed));
    }

    #[test]
    fn what_is_found_of_somebody_who_left_is_nothing() {
        let sightings = Sightings::default();
        look_for(&sightings, 1);
        sightings.found(&resolver(1), resolved(80));
        assert_eq!(place(&sightings, 1), resolved(80).map(Place::Found));
        sightings.went(&sighting(1));
        sightings.found(&resolver(1), resolved(81));
        assert!(sightings.all().is_empty());
        // Back before its resolver was ended, which has nothing new to say.
        sightings.came(sighting(1), false);
        assert_eq!(place(&sightings, 1), Some(Place::Moved));
    }

    #[test]
    fn who_moves_to_another_host_is_looked_for_anew() {
        let sightings = Sightings::default();
        look_for(&sightings, 1);
        sightings.found(&resolver(1), resolved(80));
        // The old host's address.
        let wrong = Resolved::new("cpy-000002.local", "10.0.0.7", 80);
        sightings.found(&resolver(1), wrong.clone());
        assert_eq!(place(&sightings, 1), Some(Place::Moved));
        sightings.forget_resolver(&resolver(1));
        sightings.look_again(&sighting(1));
        // What the old resolver still had to say.
        sightings.found(&resolver(1), wrong);
        assert_eq!(place(&sightings, 1), Some(Place::Unknown));
        let there = Resolved::new("cpy-000002.local", "10.0.0.8", 80);
        sightings.resolved_by(resolver(2), sighting(1));
        sightings.found(&resolver(2), there.clone());
        assert_eq!(place(&sightings, 1), there.map(Place::Found));
    }

    #[test]
    fn what_a_resolver_says_before_it_is_known_counts() {
        let sightings = Sightings::default();
        sightings.came(sighting(1), false);
        for n in 0..2 * MOST_EARLY {
            sightings.found(&resolver(100 + n), resolved(81));
        }
        sightings.found(&resolver(1), resolved(80));
        sightings.resolved_by(resolver(1), sighting(1));
        assert_eq!(place(&sightings, 1), resolved(80).map(Place::Found));
        assert!(sightings.lock().early.len() < MOST_EARLY);
    }

    #[test]
    fn a_strangers_instance_that_was_taken_for_ours_is_looked_for() {
        let sightings = Sightings::default();
        sightings.came(sighting(1), true);
        sightings.came(sighting(2), true);
        sightings.not_own(&sighting(1).instance);
        assert_eq!(place(&sightings, 1), Some(Place::Unknown));
        assert_eq!(place(&sightings, 2), Some(Place::Own));
    }

    #[test]
    fn a_resolver_that_fails_takes_the_place_back() {
        let sightings = Sightings::default();
        look_for(&sightings, 1);
        sightings.found(&resolver(1), resolved(80));
        sightings.failed(&resolver(1));
        assert_eq!(place(&sightings, 1), Some(Place::Failed));
        sightings.found(&resolver(1), resolved(80));
        assert_eq!(place(&sightings, 1), resolved(80).map(Place::Found));
    }

    #[test]
    fn hosts_that_no_browser_could_be_sent_to_are_nowhere() {
        for (host, port, is_somewhere) in [
            ("cpy-000001.local", 80, true),
            ("cpy-000001.local.", 80, true),
            ("bücher.local", 80, true),
            ("CPY-00000A.Local", 80, true),
            ("www.example.org", 80, false),
            ("cpy-000001.local", 0, false),
            (".local", 80, false),
            ("", 80, false),
            ("evil.org/#.local", 80, false),
            ("user@evil.org", 80, false),
            ("a:80", 80, false),
            ("<b>.local", 80, false),
            ("a b.local", 80, false),
            ("a\u{0}.local", 80, false),
            ("a\u{202e}b.local", 80, false),
        ] {
            let resolved = Resolved::new(host, "10.0.0.7", port);
            assert_eq!(resolved.is_some(), is_somewhere, "{host}");
        }
        assert_eq!(Resolved::new("a.local", "10.0.0", 80), None);
    }
}
