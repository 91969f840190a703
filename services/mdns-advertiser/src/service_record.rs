//! The service of one board: `_circuitpython._tcp` on its host name, on every interface.
//!
//! It is published beside the address records, so that a change of what the board is called leaves these alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use cpy_board::Hostname;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::announcement::InstanceName;
use crate::avahi::{AvahiError, DOMAIN, Entry, EntryGroup, GroupState, Session};
use crate::links::LinkIndex;

/// Instance names that are tried one after the other when others have them.
const QUICK_TRIES: u32 = 5;
/// How long to wait before each further try: somebody takes every name.
const WAIT: Duration = Duration::from_secs(10);

/// What a service says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Service {
    pub(crate) instance: InstanceName,
    pub(crate) hostname: Hostname,
    pub(crate) port: u16,
}

/// A service, as far as it is published.
#[derive(Debug)]
pub(crate) struct ServiceRecord {
    changes: Arc<Notify>,
    service: Option<Service>,
    /// How many names of this service others had.
    round: u32,
    /// When the next name may be tried.
    wait: Option<Instant>,
    /// One on each interface (see `host_records`).
    groups: BTreeMap<LinkIndex, EntryGroup>,
}

impl ServiceRecord {
    /// No service yet. `changes` is told when the state of a record changes.
    pub(crate) fn new(changes: Arc<Notify>) -> Self {
        Self {
            changes,
            service: None,
            round: 0,
            wait: None,
            groups: BTreeMap::new(),
        }
    }

    /// Publishes this service on these interfaces, and no other. Where others have its name it takes another one.
    pub(crate) async fn settle(
        &mut self,
        session: &Session,
        service: &Service,
        links: &BTreeSet<LinkIndex>,
    ) -> Result<(), AvahiError> {
        if self.service.as_ref() != Some(service) {
            self.withdraw().await?;
            self.service = Some(service.clone());
        }
        while !self.waits() {
            match self.publish(session, service, links).await {
                Err(AvahiError::Collision) => {
                    self.free_all().await?;
                    let taken = service.instance.alternative(&service.hostname, self.round);
                    session.sightings().not_own(&taken);
                    self.round += 1;
                    self.wait = (self.round > QUICK_TRIES).then(|| Instant::now() + WAIT);
                }
                Err(error @ AvahiError::Refused(_)) => {
                    self.free_all().await?;
                    return Err(error);
                }
                result => return result,
            }
        }
        Ok(())
    }

    /// Withdraws the service.
    pub(crate) async fn withdraw(&mut self) -> Result<(), AvahiError> {
        self.service = None;
        self.round = 0;
        self.wait = None;
        self.free_all().await
    }

    /// The name under which others find it, once they do.
    pub(crate) fn instance_name(&self) -> Option<String> {
        let service = self.service.as_ref()?;
        let mut groups = self.groups.values();
        groups
            .any(|group| group.state() == GroupState::Established)
            .then(|| service.instance.alternative(&service.hostname, self.round))
    }

    /// When [`ServiceRecord::settle`] has something to do, although nothing changed.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.wait.filter(|_| self.waits())
    }

    fn waits(&self) -> bool {
        self.wait.is_some_and(|end| end > Instant::now())
    }

    async fn publish(
        &mut self,
        session: &Session,
        service: &Service,
        links: &BTreeSet<LinkIndex>,
    ) -> Result<(), AvahiError> {
        for group in self.groups.values() {
            group.check()?;
        }
        let known: Vec<LinkIndex> = self.groups.keys().copied().collect();
        for gone in known.iter().filter(|link| !links.contains(link)) {
            if let Some(group) = self.groups.remove(gone) {
                group.free().await?;
            }
        }
        let instance = service.instance.alternative(&service.hostname, self.round);
        let host = format!("{}.{DOMAIN}", service.hostname);
        for link in links {
            if !self.groups.contains_key(link) {
                let entry = Entry::Service {
                    instance: &instance,
                    host: &host,
                    port: service.port,
                };
                let changes = Arc::clone(&self.changes);
                let group = EntryGroup::publish(session, changes, *link, entry).await?;
                self.groups.insert(*link, group);
            }
        }
        Ok(())
    }

    async fn free_all(&mut self) -> Result<(), AvahiError> {
        while let Some((_, group)) = self.groups.pop_first() {
            group.free().await?;
        }
        Ok(())
    }
}
