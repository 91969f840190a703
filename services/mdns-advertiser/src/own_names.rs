//! The names of our own boards, as another interface sees them on the network: they are no other devices.

use std::collections::BTreeMap;
use std::time::Duration;

use cpy_board::Hostname;
use tokio::time::Instant;

use crate::announcement::Announcements;

/// How long a name is still heard after it was withdrawn: a second after its goodbye (RFC 6762, section 10.1), and
/// some more for whoever is slow.
const ECHO: Duration = Duration::from_secs(5);

/// Names that are ours, or were a moment ago.
#[derive(Debug, Default)]
pub(crate) struct OwnNames {
    /// Until when: no end for those that are announced.
    names: BTreeMap<Hostname, Option<Instant>>,
}

impl OwnNames {
    /// Takes over what is announced `now`.
    pub(crate) fn follow(&mut self, announcements: &Announcements, now: Instant) {
        for end in self.names.values_mut() {
            end.get_or_insert(now + ECHO);
        }
        for announcement in announcements.values() {
            self.names.insert(announcement.hostname.clone(), None);
        }
        self.names.retain(|_, end| end.is_none_or(|end| end > now));
    }

    /// Whether a host is one of ours.
    pub(crate) fn contain(&self, hostname: &str) -> bool {
        self.names.keys().any(|own| own.as_str() == hostname)
    }

    /// When a name is ours no more.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.names.values().filter_map(|end| *end).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::announcement::Announcement;

    #[test]
    fn a_name_is_ours_until_its_echo_is_gone() {
        let announcement = Announcement {
            hostname: "cpy-000001".parse().unwrap(),
            lost: None,
            instance: None,
            port: Some(80),
        };
        let announced = Announcements::from([("A1".parse().unwrap(), announcement)]);
        let start = Instant::now();
        let mut own = OwnNames::default();
        own.follow(&announced, start);
        assert!(own.contain("cpy-000001") && !own.contain("cpy-000002"));
        assert_eq!(own.deadline(), None);
        own.follow(&Announcements::new(), start);
        assert_eq!(own.deadline(), Some(start + ECHO));
        own.follow(&Announcements::new(), start + ECHO / 2);
        assert!(own.contain("cpy-000001"));
        own.follow(&announced, start + ECHO / 2);
        assert_eq!(own.deadline(), None);
        own.follow(&Announcements::new(), start + ECHO);
        own.follow(&Announcements::new(), start + 2 * ECHO);
        assert!(!own.contain("cpy-000001"));
    }
}
