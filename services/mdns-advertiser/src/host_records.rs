//! The address records of one name: A and AAAA on every interface, kept in line with its addresses.
//!
//! Each record is in a group of its own: Avahi takes no further record into a group that is published, and
//! withdraws a group only as a whole, so an interface that comes or goes would make the name vanish on the others.
//! An address that takes another's place is an update of its record, which leaves no gap. Not so of a shared record:
//! Avahi 0.8 then says goodbye for the new address instead of the old one, so the new one gets a group of its own,
//! and the old one stays for a moment.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::avahi::{AvahiError, Entry, EntryGroup, GroupState, Ownership, Session};
use crate::links::{Family, LinkIndex, Links};

/// How long an address may be gone before its record is withdrawn: while a lease is renewed or a cable is moved,
/// another one mostly comes soon.
const LOST_PATIENCE: Duration = Duration::from_secs(5);

/// How long a record stays beside the one that takes its place, if that is another one: a shared record is announced
/// twice, the second time after little more than a second (RFC 6762, section 8.3), and until then the old one is
/// all that others know.
const OVERLAP: Duration = Duration::from_secs(2);

/// The records of a name.
#[derive(Debug)]
pub(crate) struct HostRecords {
    ownership: Ownership,
    changes: Arc<Notify>,
    /// What the records are for: `cpy-1b2c3d.local`.
    name: String,
    records: BTreeMap<Place, Record>,
    /// Records that others have taken the place of, and when they are withdrawn.
    replaced: Vec<(Place, Record, Instant)>,
}

/// There is one record for each interface and family.
type Place = (LinkIndex, Family);

#[derive(Debug)]
struct Record {
    group: EntryGroup,
    address: IpAddr,
    /// Since when the interface has had no address for it.
    lost_since: Option<Instant>,
}

impl HostRecords {
    /// No records yet. `changes` is told when the state of one changes.
    pub(crate) fn new(ownership: Ownership, changes: Arc<Notify>) -> Self {
        Self {
            ownership,
            changes,
            name: String::new(),
            records: BTreeMap::new(),
            replaced: Vec::new(),
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
        let result = self.try_settle(session, name, links).await;
        if matches!(result, Err(AvahiError::Collision | AvahiError::Refused(_))) {
            self.withdraw().await?;
        }
        result
    }

    /// Withdraws everything.
    pub(crate) async fn withdraw(&mut self) -> Result<(), AvahiError> {
        while let Some((_, record)) = self.records.pop_first() {
            record.group.free().await?;
        }
        while let Some((_, record, _)) = self.replaced.pop() {
            record.group.free().await?;
        }
        Ok(())
    }

    /// Whether others can find the name, at least on one interface.
    pub(crate) fn is_published(&self) -> bool {
        let mut records = self.records.values();
        records.any(|record| record.group.state() == GroupState::Established)
    }

    /// The interfaces on which there are records.
    pub(crate) fn links(&self) -> BTreeSet<LinkIndex> {
        self.records.keys().map(|(link, _)| *link).collect()
    }

    /// When [`HostRecords::settle`] has something to do, although nothing changed.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let lost = self.records.values().filter_map(Record::end);
        lost.chain(self.replaced.iter().map(|(.., end)| *end)).min()
    }

    async fn try_settle(
        &mut self,
        session: &Session,
        name: &str,
        links: &Links,
    ) -> Result<(), AvahiError> {
        if self.name != name {
            self.withdraw().await?;
            name.clone_into(&mut self.name);
        }
        for record in self.records.values() {
            record.group.check()?;
        }
        let mut wanted: BTreeMap<Place, IpAddr> = BTreeMap::new();
        for (link, addresses) in links {
            for address in addresses.each() {
                wanted.insert((*link, Family::of(address)), address);
            }
        }
        self.let_go_of_others(&wanted).await?;
        for (place, address) in wanted {
            self.put(session, place, address).await?;
        }
        Ok(())
    }

    /// Brings one record in line.
    async fn put(
        &mut self,
        session: &Session,
        place: Place,
        address: IpAddr,
    ) -> Result<(), AvahiError> {
        let (link, _) = place;
        let entry = Entry::Address {
            name: &self.name,
            address,
            ownership: self.ownership,
        };
        if let Some(record) = self.records.get_mut(&place) {
            record.lost_since = None;
            if record.address == address {
                return Ok(());
            }
            tracing::debug!(name = self.name, %address, "address changed");
            if self.ownership == Ownership::Unique {
                match record.group.update(link, entry).await {
                    Ok(()) => {
                        record.address = address;
                        return Ok(());
                    }
                    // Not while the network is still being asked for the name.
                    Err(AvahiError::Refused(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        // An address that comes back at once may still be published.
        let again =
            |(at, record, _): &(Place, Record, Instant)| *at == place && record.address == address;
        let record = if let Some(at) = self.replaced.iter().position(again) {
            self.replaced.remove(at).1
        } else {
            let changes = Arc::clone(&self.changes);
            Record {
                group: EntryGroup::publish(session, changes, link, entry).await?,
                address,
                lost_since: None,
            }
        };
        if let Some(old) = self.records.insert(place, record) {
            self.replaced.push((place, old, Instant::now() + OVERLAP));
        }
        Ok(())
    }

    /// Withdraws records whose address has been gone for long enough.
    async fn let_go_of_others(
        &mut self,
        wanted: &BTreeMap<Place, IpAddr>,
    ) -> Result<(), AvahiError> {
        let now = Instant::now();
        for (place, record) in &mut self.records {
            if !wanted.contains_key(place) {
                record.lost_since.get_or_insert(now);
            }
        }
        let is_over = |record: &Record| record.end().is_some_and(|end| end <= now);
        let records = self.records.iter();
        let over: Vec<Place> = records
            .filter(|(_, record)| is_over(record))
            .map(|(place, _)| *place)
            .collect();
        for place in over {
            self.free(place).await?;
        }
        while let Some(at) = self.replaced.iter().position(|(.., end)| *end <= now) {
            self.replaced.remove(at).1.group.free().await?;
        }
        Ok(())
    }

    async fn free(&mut self, place: Place) -> Result<(), AvahiError> {
        match self.records.remove(&place) {
            Some(record) => record.group.free().await,
            None => Ok(()),
        }
    }
}

impl Record {
    /// When it is to be withdrawn.
    fn end(&self) -> Option<Instant> {
        self.lost_since.map(|since| since + LOST_PATIENCE)
    }
}
