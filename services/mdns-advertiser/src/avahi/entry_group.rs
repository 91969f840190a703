//! An entry group: what Avahi publishes, and withdraws when the group goes.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use zbus::OwnedObjectPath;

use super::proxies::{EntryGroupProxy, NO_REVERSE, UNSPECIFIED, UPDATE};
use super::{AvahiError, SERVICE_TYPE, Session};
use crate::links::LinkIndex;

/// What has become of a group (`AvahiEntryGroupState`, avahi-common/defs.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GroupState {
    /// Nothing was committed.
    Uncommitted,
    /// The network is being asked whether the names are free.
    Registering,
    /// Everything is published.
    Established,
    /// Somebody else has one of the names.
    Collision,
    /// Avahi gave up.
    Failure,
}

/// Whether others may publish the same name with other data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ownership {
    /// The name is ours alone (RFC 6762, section 2: a unique record set).
    Unique,
    /// Anybody may answer for it.
    Shared,
}

/// What one group publishes, on one interface: Avahi takes nothing more into a group that is published.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Entry<'a> {
    /// An address record.
    Address {
        /// The whole name: `cpy-1b2c3d.local`.
        name: &'a str,
        address: IpAddr,
        ownership: Ownership,
    },
    /// The web workflow's service.
    Service {
        instance: &'a str,
        /// The whole name of its host.
        host: &'a str,
        port: u16,
    },
}

/// A group on Avahi's side. It goes with [`EntryGroup::free`], or with the session.
#[derive(Debug)]
pub(crate) struct EntryGroup {
    proxy: EntryGroupProxy<'static>,
    path: OwnedObjectPath,
    groups: Arc<Groups>,
}

/// The states of all groups of a session, by their paths.
#[derive(Debug, Default)]
pub(super) struct Groups(Mutex<HashMap<OwnedObjectPath, Followed>>);

#[derive(Debug)]
struct Followed {
    state: GroupState,
    /// Told when the state changes.
    changes: Arc<Notify>,
}

/// DNS class IN (RFC 1035, section 3.2.4).
const CLASS_IN: u16 = 1;
/// DNS types A (RFC 1035) and AAAA (RFC 3596).
const TYPE_A: u16 = 1;
const TYPE_AAAA: u16 = 28;
/// The time to live of a host name's addresses, in seconds (RFC 6762, section 10).
const HOST_TTL: u32 = 120;

impl Groups {
    /// Notes what a signal says of a group.
    pub(super) fn take(&self, path: &OwnedObjectPath, state: i32) {
        if let Some(group) = self.lock().get_mut(path) {
            group.state = GroupState::from_avahi(state);
            group.changes.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<OwnedObjectPath, Followed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl GroupState {
    fn from_avahi(state: i32) -> Self {
        match state {
            0 => Self::Uncommitted,
            1 => Self::Registering,
            2 => Self::Established,
            3 => Self::Collision,
            _ => Self::Failure,
        }
    }
}

impl EntryGroup {
    /// Publishes an entry. Where that fails, nothing is left of it. `changes` is told when the group's state
    /// changes.
    pub(crate) async fn publish(
        session: &Session,
        changes: Arc<Notify>,
        link: LinkIndex,
        entry: Entry<'_>,
    ) -> Result<Self, AvahiError> {
        let path = session.server().entry_group_new().await?;
        let state = GroupState::Uncommitted;
        let followed = Followed { state, changes };
        session.groups().lock().insert(path.clone(), followed);
        let proxy = session.entry_group(&path).await?;
        let group = Self {
            proxy,
            path,
            groups: Arc::clone(session.groups()),
        };
        let published = match group.add(link, entry, 0).await {
            Ok(()) => group.proxy.commit().await,
            refused => refused,
        };
        match published {
            Ok(()) => Ok(group),
            Err(error) => {
                group.free().await?;
                Err(error.into())
            }
        }
    }

    /// Publishes another address in the place of the one that the group has, on the same interface and of the same
    /// family.
    pub(crate) async fn update(&self, link: LinkIndex, entry: Entry<'_>) -> Result<(), AvahiError> {
        Ok(self.add(link, entry, UPDATE).await?)
    }

    async fn add(&self, link: LinkIndex, entry: Entry<'_>, flags: u32) -> zbus::Result<()> {
        let link = link.for_avahi();
        match entry {
            Entry::Address {
                name,
                address,
                ownership: Ownership::Unique,
            } => {
                let (flags, address) = (NO_REVERSE | flags, address.to_string());
                self.proxy
                    .add_address(link, UNSPECIFIED, flags, name, &address)
                    .await
            }
            Entry::Address {
                name,
                address,
                ownership: Ownership::Shared,
            } => {
                let (kind, data) = match address {
                    IpAddr::V4(address) => (TYPE_A, address.octets().to_vec()),
                    IpAddr::V6(address) => (TYPE_AAAA, address.octets().to_vec()),
                };
                self.proxy
                    .add_record(
                        link,
                        UNSPECIFIED,
                        flags,
                        name,
                        CLASS_IN,
                        kind,
                        HOST_TTL,
                        &data,
                    )
                    .await
            }
            Entry::Service {
                instance,
                host,
                port,
            } => {
                self.proxy
                    .add_service(
                        link,
                        UNSPECIFIED,
                        flags,
                        instance,
                        SERVICE_TYPE,
                        "",
                        host,
                        port,
                        &[],
                    )
                    .await
            }
        }
    }

    /// Withdraws everything and ends the group.
    pub(crate) async fn free(self) -> Result<(), AvahiError> {
        Ok(self.proxy.free().await?)
    }

    pub(crate) fn state(&self) -> GroupState {
        let groups = self.groups.lock();
        groups
            .get(&self.path)
            .map_or(GroupState::Failure, |group| group.state)
    }

    /// Errors: what the network or Avahi itself has said of the group since it was committed.
    pub(crate) fn check(&self) -> Result<(), AvahiError> {
        match self.state() {
            GroupState::Collision => Err(AvahiError::Collision),
            GroupState::Failure => Err(AvahiError::of_failure()),
            _ => Ok(()),
        }
    }
}

impl Drop for EntryGroup {
    fn drop(&mut self) {
        self.groups.lock().remove(&self.path);
    }
}
