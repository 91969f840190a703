//! What strangers announce, as the fuzz target reaches it (tests/fuzz): Avahi's signals in, devices out. It is there
//! with the feature `fuzzing` only, for nobody else, and owns nothing but the way in.

use cpy_board::Hostname;
use cpy_board::status::Peers;
use tokio::time::Instant;
use zbus::OwnedObjectPath;

use crate::announcement::{Announcement, Announcements, InstanceName};
use crate::links::{Addresses, LinkIndex, Links};
use crate::own_names::OwnNames;
use crate::peers;
use crate::sightings::{Resolved, Sighting, Sightings};

/// A session with Avahi on the interfaces 2 and 3 of a gateway whose one board is `cpy-00000a`.
#[derive(Debug)]
pub struct Network {
    sightings: Sightings,
    links: Links,
    own: OwnNames,
}

impl Default for Network {
    fn default() -> Self {
        let board: Hostname = "cpy-00000a".parse().expect("six digits make a name");
        let announcement = Announcement {
            hostname: board,
            lost: None,
            instance: None,
            port: Some(80),
        };
        let serial = "A1".parse().expect("letters and digits are a serial");
        let mut own = OwnNames::default();
        own.follow(
            &Announcements::from([(serial, announcement)]),
            Instant::now(),
        );
        Self {
            sightings: Sightings::default(),
            links: Links::from([2, 3].map(|number| (LinkIndex(number), Addresses::default()))),
            own,
        }
    }
}

impl Network {
    /// An instance was seen on an interface by a protocol.
    pub fn came(&self, link: i32, protocol: i32, instance: &str, own: bool) {
        let sighting = Sighting::new(link, protocol, instance.to_owned());
        self.sightings.came(sighting, own);
    }

    /// An instance was withdrawn.
    pub fn went(&self, link: i32, protocol: i32, instance: &str) {
        let sighting = Sighting::new(link, protocol, instance.to_owned());
        self.sightings.went(&sighting);
    }

    /// What was taken for an own instance is another's.
    pub fn not_own(&self, instance: &str) {
        self.sightings.not_own(instance);
    }

    /// A resolver with this number looks for an instance.
    pub fn resolved_by(&self, number: u8, link: i32, protocol: i32, instance: &str) {
        let sighting = Sighting::new(link, protocol, instance.to_owned());
        self.sightings.resolved_by(resolver(number), sighting);
    }

    /// A resolver has found its instance.
    pub fn found(&self, number: u8, host: &str, address: &str, port: u16) {
        let resolved = Resolved::new(host, address, port);
        self.sightings.found(&resolver(number), resolved);
    }

    /// A resolver does not find its instance any more.
    pub fn failed(&self, number: u8) {
        self.sightings.failed(&resolver(number));
    }

    /// A resolver ends, and its instance is looked for anew.
    pub fn forget_resolver(&self, number: u8, link: i32, protocol: i32, instance: &str) {
        self.sightings.forget_resolver(&resolver(number));
        let sighting = Sighting::new(link, protocol, instance.to_owned());
        self.sightings.look_again(&sighting);
    }

    /// How much is kept of what was seen.
    pub fn kept(&self) -> usize {
        self.sightings.all().len()
    }

    /// The devices that this amounts to.
    pub fn peers(&self) -> Peers {
        peers::devices(&self.sightings.all(), &self.links, &self.own)
    }
}

/// What a board is announced as whose owner calls it `text`, when others have `round` such names already.
pub fn instance_name(text: &str, hostname: &Hostname, round: u32) -> Option<String> {
    InstanceName::new(text).map(|name| name.alternative(hostname, round))
}

fn resolver(number: u8) -> OwnedObjectPath {
    let path = format!("/Client1/ServiceResolver{number}");
    path.try_into().expect("letters and digits make a path")
}
