//! The address records of one name: A and AAAA on every interface, kept in line with its addresses.
//!
//! Where an address took another's place, so does its record. Records of an interface that is down stay in the
//! group: Avahi says nothing of them meanwhile, and all again when it is back.

use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use crate::avahi::{AvahiError, EntryGroup, GroupState, Ownership, Placing, Session};
use crate::links::{Addresses, Links};

/// How long an address may be gone before its record is withdrawn. Avahi withdraws whole groups only, and while a
/// lease is renewed another address mostly comes soon.
const LOST_PATIENCE: Duration = Duration::from_secs(5);

/// The records of a name, and the group that they are in.
#[derive(Debug)]
pub(crate) struct HostRecords {
    ownership: Ownership,
    group: Option<EntryGroup>,
    /// What the group's records are for: `cpy-1b2c3d.local`.
    name: String,
    /// The addresses that the group has.
    held: Links,
    /// Since when the group has had an address that is no more.
    lost_since: Option<Instant>,
}

impl HostRecords {
    /// No records yet.
    pub(crate) fn new(ownership: Ownership) -> Self {
        Self {
            ownership,
            group: None,
            name: String::new(),
            held: Links::new(),
            lost_since: None,
        }
    }

    /// Publishes these addresses for `name`, and no others. After an error that leaves the session as it is,
    /// nothing is published.
    pub(crate) async fn settle(
        &mut self,
        session: &Session,
        name: &str,
        links: &Links,
    ) -> Result<(), AvahiError> {
        let result = if self.state() == Some(GroupState::Failure) {
            Err(AvahiError::of_failure())
        } else if self.must_be_made_anew(name) {
            self.make(session, name, links).await
        } else {
            match self.bring_up_to_date(links).await {
                // A record cannot be changed while the group is in another state: begin again.
                Err(AvahiError::Refused(error)) => {
                    tracing::debug!(name, %error, "cannot change a record");
                    self.make(session, name, links).await
                }
                result => result,
            }
        };
        if matches!(result, Err(AvahiError::Collision | AvahiError::Refused(_))) {
            self.withdraw().await?;
        }
        result
    }

    /// Withdraws everything.
    pub(crate) async fn withdraw(&mut self) -> Result<(), AvahiError> {
        self.held.clear();
        self.lost_since = None;
        match self.group.take() {
            Some(group) => group.free().await,
            None => Ok(()),
        }
    }

    /// What has become of the records, if there are any.
    pub(crate) fn state(&self) -> Option<GroupState> {
        self.group.as_ref().map(EntryGroup::state)
    }

    /// When [`HostRecords::settle`] has something to do, although nothing changed.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.lost_since.map(|since| since + LOST_PATIENCE)
    }

    /// Returns at the next change of the state.
    pub(crate) async fn changed(&mut self) {
        match &mut self.group {
            Some(group) => group.changed().await,
            None => std::future::pending().await,
        }
    }

    fn must_be_made_anew(&self, name: &str) -> bool {
        self.name != name
            || self.group.is_none()
            || self.deadline().is_some_and(|end| end <= Instant::now())
    }

    async fn make(
        &mut self,
        session: &Session,
        name: &str,
        links: &Links,
    ) -> Result<(), AvahiError> {
        self.withdraw().await?;
        if links.is_empty() {
            return Ok(());
        }
        name.clone_into(&mut self.name);
        let group = self.group.insert(EntryGroup::new(session).await?);
        for (link, addresses) in links {
            for address in addresses.each() {
                group
                    .add_address(*link, name, address, self.ownership, Placing::New)
                    .await?;
            }
        }
        group.commit().await?;
        self.held = links.clone();
        Ok(())
    }

    async fn bring_up_to_date(&mut self, links: &Links) -> Result<(), AvahiError> {
        let Some(group) = &self.group else {
            return Ok(());
        };
        let mut lost = false;
        for (link, wanted) in links {
            let held = self.held.entry(*link).or_default();
            for change in changes(*held, *wanted) {
                let (address, placing) = match change {
                    Change::New(address) => (address, Placing::New),
                    Change::Instead(address) => (address, Placing::Instead),
                    Change::Lost => {
                        lost = true;
                        continue;
                    }
                };
                tracing::debug!(name = self.name, %link, %address, ?placing, "address changed");
                group
                    .add_address(*link, &self.name, address, self.ownership, placing)
                    .await?;
                held.set(address);
            }
        }
        self.lost_since = lost.then(|| self.lost_since.unwrap_or_else(Instant::now));
        Ok(())
    }
}

/// What happened to the address of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    New(IpAddr),
    Instead(IpAddr),
    Lost,
}

fn changes(held: Addresses, wanted: Addresses) -> impl Iterator<Item = Change> {
    let v4 = (held.v4.map(IpAddr::V4), wanted.v4.map(IpAddr::V4));
    let v6 = (held.v6.map(IpAddr::V6), wanted.v6.map(IpAddr::V6));
    [v4, v6].into_iter().filter_map(|family| match family {
        (None, Some(address)) => Some(Change::New(address)),
        (Some(old), Some(address)) if old != address => Some(Change::Instead(address)),
        (Some(_), None) => Some(Change::Lost),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_takes_the_place_of_one_of_its_family_only() {
        let addresses = |v4: &str, v6: &str| Addresses {
            v4: v4.parse().ok(),
            v6: v6.parse().ok(),
        };
        let differ = |held, wanted| changes(held, wanted).collect::<Vec<_>>();
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let both = addresses("10.0.0.1", "fd00::1");
        assert_eq!(differ(both, both), []);
        assert_eq!(
            differ(Addresses::default(), both),
            [Change::New(ip("10.0.0.1")), Change::New(ip("fd00::1"))]
        );
        assert_eq!(
            differ(both, addresses("10.0.0.2", "fd00::1")),
            [Change::Instead(ip("10.0.0.2"))]
        );
        assert_eq!(differ(both, addresses("10.0.0.1", "")), [Change::Lost]);
    }
}
