//! What Avahi's browser and resolvers say of other devices, folded into what it amounts to.
//!
//! Everything in here comes from strangers. However much they announce, this keeps a bounded part of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use zbus::OwnedObjectPath;

use crate::links::LinkIndex;

/// How many sightings are kept. A class of 40 devices on two networks and both protocols makes 160.
const MOST: usize = 2048;

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

/// All sightings of a session.
#[derive(Debug, Default)]
pub(crate) struct Sightings {
    known: Mutex<Known>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Known {
    all: BTreeMap<Sighting, Option<Resolved>>,
    resolvers: HashMap<OwnedObjectPath, Sighting>,
    /// It was said that there are too many.
    overflowed: bool,
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
    /// An instance was seen.
    pub(crate) fn came(&self, sighting: Sighting) {
        let mut known = self.lock();
        if known.all.len() < MOST {
            known.all.entry(sighting).or_insert(None);
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
        self.lock().all.remove(sighting);
        self.changed.notify_one();
    }

    /// An instance is here, for now.
    pub(crate) fn found(&self, sighting: &Sighting, resolved: Option<Resolved>) {
        if let Some(place) = self.lock().all.get_mut(sighting) {
            *place = resolved;
        }
        self.changed.notify_one();
    }

    /// A resolver looks for this instance.
    pub(crate) fn resolved_by(&self, resolver: OwnedObjectPath, sighting: Sighting) {
        self.lock().resolvers.insert(resolver, sighting);
    }

    /// A resolver does not find its instance any more.
    pub(crate) fn failed(&self, resolver: &OwnedObjectPath) {
        let mut known = self.lock();
        if let Some(sighting) = known.resolvers.get(resolver).cloned()
            && let Some(place) = known.all.get_mut(&sighting)
        {
            *place = None;
        }
        self.changed.notify_one();
    }

    /// A resolver ends.
    pub(crate) fn forget_resolver(&self, resolver: &OwnedObjectPath) {
        self.lock().resolvers.remove(resolver);
    }

    /// Every instance that is there now.
    pub(crate) fn present(&self) -> BTreeSet<Sighting> {
        self.lock().all.keys().cloned().collect()
    }

    /// Every instance whose place is known.
    pub(crate) fn resolved(&self) -> Vec<(Sighting, Resolved)> {
        let known = self.lock();
        let resolved = known.all.iter().filter_map(|(sighting, resolved)| {
            resolved
                .clone()
                .map(|resolved| (sighting.clone(), resolved))
        });
        resolved.collect()
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

    #[test]
    fn a_flood_is_kept_in_part_and_room_is_made_by_who_leaves() {
        let sightings = Sightings::default();
        for n in 0..10_000 {
            sightings.came(sighting(n));
        }
        assert_eq!(sightings.present().len(), MOST);
        sightings.went(&sighting(0));
        sightings.came(sighting(20_000));
        assert!(sightings.present().contains(&sighting(20_000)));
    }

    #[test]
    fn what_is_found_of_somebody_who_left_is_nothing() {
        let sightings = Sightings::default();
        sightings.came(sighting(1));
        sightings.found(&sighting(1), resolved(80));
        assert_eq!(sightings.resolved().len(), 1);
        sightings.went(&sighting(1));
        sightings.found(&sighting(1), resolved(81));
        assert!(sightings.resolved().is_empty());
    }

    #[test]
    fn a_resolver_that_fails_takes_the_place_back() {
        let sightings = Sightings::default();
        let path: OwnedObjectPath = "/Client1/ServiceResolver1".try_into().unwrap();
        sightings.came(sighting(1));
        sightings.resolved_by(path.clone(), sighting(1));
        sightings.found(&sighting(1), resolved(80));
        sightings.failed(&path);
        assert!(sightings.resolved().is_empty());
        assert_eq!(sightings.present().len(), 1);
        sightings.forget_resolver(&path);
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
