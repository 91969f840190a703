//! The service of one board: `_circuitpython._tcp` on its host name, on every interface.
//!
//! It is in a group of its own, so that a change of what the board is called leaves its addresses alone.

use std::collections::BTreeSet;
use std::time::Duration;

use cpy_board::Hostname;
use tokio::time::Instant;

use crate::announcement::InstanceName;
use crate::avahi::{AvahiError, DOMAIN, EntryGroup, GroupState, Session};
use crate::links::{LinkIndex, Links};

/// Instance names that are tried one after the other when others have them.
const QUICK_TRIES: u32 = 5;
/// How long to wait before the next try after these: somebody takes every name.
const WAIT: Duration = Duration::from_secs(10);

/// What a service says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Service {
    pub(crate) instance: InstanceName,
    pub(crate) hostname: Hostname,
    pub(crate) port: u16,
}

/// A service, and the group that it is in.
#[derive(Debug, Default)]
pub(crate) struct ServiceRecord {
    published: Option<Published>,
    /// When the next name may be tried.
    wait: Option<Instant>,
}

#[derive(Debug)]
struct Published {
    service: Service,
    /// How many names of this service others had.
    round: u32,
    group: Option<EntryGroup>,
    links: BTreeSet<LinkIndex>,
}

impl ServiceRecord {
    /// Publishes this service, and no other. Where others have its name it takes another one.
    pub(crate) async fn settle(
        &mut self,
        session: &Session,
        service: &Service,
        links: &Links,
    ) -> Result<(), AvahiError> {
        let mut round = match &self.published {
            Some(published) if published.service == *service => match published.state() {
                Some(GroupState::Collision) => self.next_round(),
                Some(GroupState::Failure) => {
                    self.end_group().await?;
                    return Err(AvahiError::of_failure());
                }
                None => published.round,
                _ => return self.add_links(links).await,
            },
            _ => {
                self.wait = None;
                0
            }
        };
        loop {
            self.end_group().await?;
            let mut published = Published {
                service: service.clone(),
                round,
                group: None,
                links: BTreeSet::new(),
            };
            let waits = self.wait.is_some_and(|end| end > Instant::now());
            let made = if waits || links.is_empty() {
                Ok(())
            } else {
                published.make(session, links).await
            };
            self.published = Some(published);
            match made {
                Err(AvahiError::Collision) => round = self.next_round(),
                made => return made,
            }
        }
    }

    /// Withdraws the service.
    pub(crate) async fn withdraw(&mut self) -> Result<(), AvahiError> {
        self.end_group().await?;
        *self = Self::default();
        Ok(())
    }

    /// The name under which others find it, once they do.
    pub(crate) fn instance_name(&self) -> Option<String> {
        let published = self.published.as_ref()?;
        (published.state() == Some(GroupState::Established)).then(|| published.name())
    }

    /// When [`ServiceRecord::settle`] has something to do, although nothing changed.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let waits = self.published.as_ref().is_some_and(|p| p.group.is_none());
        self.wait.filter(|_| waits)
    }

    /// Returns at the next change of the state.
    pub(crate) async fn changed(&mut self) {
        match self.published.as_mut().and_then(|p| p.group.as_mut()) {
            Some(group) => group.changed().await,
            None => std::future::pending().await,
        }
    }

    fn next_round(&mut self) -> u32 {
        let round = self.published.as_ref().map_or(0, |p| p.round) + 1;
        self.wait = (round > QUICK_TRIES).then(|| Instant::now() + WAIT);
        round
    }

    /// Publishes it on interfaces that came.
    async fn add_links(&mut self, links: &Links) -> Result<(), AvahiError> {
        let Some(published) = &mut self.published else {
            return Ok(());
        };
        for link in links.keys() {
            if !published.links.contains(link) {
                published.add(*link).await?;
            }
        }
        Ok(())
    }

    async fn end_group(&mut self) -> Result<(), AvahiError> {
        match self.published.as_mut().and_then(|p| p.group.take()) {
            Some(group) => group.free().await,
            None => Ok(()),
        }
    }
}

impl Published {
    fn state(&self) -> Option<GroupState> {
        self.group.as_ref().map(EntryGroup::state)
    }

    fn name(&self) -> String {
        let service = &self.service;
        service.instance.alternative(&service.hostname, self.round)
    }

    async fn make(&mut self, session: &Session, links: &Links) -> Result<(), AvahiError> {
        self.group = Some(EntryGroup::new(session).await?);
        for link in links.keys() {
            self.add(*link).await?;
        }
        match &self.group {
            Some(group) => group.commit().await,
            None => Ok(()),
        }
    }

    async fn add(&mut self, link: LinkIndex) -> Result<(), AvahiError> {
        let Some(group) = &self.group else {
            return Ok(());
        };
        let host = format!("{}.{DOMAIN}", self.service.hostname);
        group
            .add_service(link, &self.name(), &host, self.service.port)
            .await?;
        self.links.insert(link);
        Ok(())
    }
}
