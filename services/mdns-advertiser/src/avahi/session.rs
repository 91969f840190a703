//! One time with one avahi-daemon: from its coming to its end, or to the first call that is lost.
//!
//! Signals are folded into what they amount to, as they come, so that neither a flood of them nor a slow
//! reader takes memory or holds up the answers that come on the same connection.

use std::sync::Arc;

use cpy_board::Hostname;
use futures_util::StreamExt;
use zbus::message::Type;
use zbus::names::OwnedUniqueName;
use zbus::proxy::CacheProperties;
use zbus::{Connection, MatchRule, Message, MessageStream, OwnedObjectPath};

use super::bus::Owner;
use super::entry_group::Groups;
use super::proxies::{
    EntryGroupProxy, ServerProxy, ServiceBrowserProxy, ServiceResolverProxy, UNSPECIFIED,
};
use super::{AvahiError, DOMAIN, SERVICE_TYPE};
use crate::sightings::{Resolved, Sighting, Sightings};

/// A connection to an avahi-daemon. Everything made through it goes when it is dropped.
#[derive(Debug)]
pub(crate) struct Session {
    connection: Connection,
    avahi: OwnedUniqueName,
    server: ServerProxy<'static>,
    groups: Arc<Groups>,
    sightings: Sightings,
}

/// A resolver on Avahi's side. It goes with [`Resolver::free`], or with the session.
#[derive(Debug)]
pub(crate) struct Resolver {
    proxy: ServiceResolverProxy<'static>,
    path: OwnedObjectPath,
}

/// `AVAHI_LOOKUP_RESULT_OUR_OWN`: this session publishes it, or is asking the network whether it may
/// (avahi-common/defs.h; avahi-core's `avahi_server_get_group_of_service`).
const OUR_OWN: u32 = 16;

/// What `ItemNew` and `ItemRemove` say: interface, protocol, name, type, domain, flags.
type Item = (i32, i32, String, String, String, u32);
/// What `Found` says: interface, protocol, name, type, domain, host, protocol of the address, address, port, TXT,
/// flags.
type Found = (
    i32,
    i32,
    String,
    String,
    String,
    String,
    i32,
    String,
    u16,
    Vec<Vec<u8>>,
    u32,
);

/// Avahi's signals to this session.
pub(super) struct Signals(MessageStream);

impl Session {
    /// A session with the Avahi at this address of the bus, and its signals, which somebody must read all the
    /// time with [`Session::listen`].
    pub(super) async fn open(
        connection: Connection,
        avahi: OwnedUniqueName,
    ) -> Result<(Self, Signals), AvahiError> {
        let rule = MatchRule::builder()
            .msg_type(Type::Signal)
            .sender(avahi.clone())
            .build()?;
        let signals = MessageStream::for_match_rule(rule, &connection, None).await?;
        let server = ServerProxy::builder(&connection)
            .destination(avahi.clone())
            .cache_properties(CacheProperties::No)
            .build()
            .await?;
        // One that is stopped or stuck has its name on the bus, too.
        server.get_state().await?;
        let session = Self {
            connection,
            avahi,
            server,
            groups: Arc::default(),
            sightings: Sightings::default(),
        };
        Ok((session, Signals(signals)))
    }

    /// Takes signals until Avahi is gone.
    pub(super) async fn listen(&self, mut signals: Signals, owner: &mut Owner<'_>) -> AvahiError {
        loop {
            tokio::select! {
                signal = signals.0.next() => match signal {
                    Some(Ok(signal)) => if let Err(error) = self.take(&signal) {
                        return error;
                    },
                    Some(Err(error)) => return error.into(),
                    None => return AvahiError::Gone,
                },
                error = owner.loss(&self.avahi) => return error,
            }
        }
    }

    /// Whether anybody on the network has this name; none where Avahi does not look. It must not be published by
    /// this session.
    pub(crate) async fn is_held(&self, hostname: &Hostname) -> Result<Option<bool>, AvahiError> {
        let name = format!("{hostname}.{DOMAIN}");
        let answer = self
            .server
            .resolve_host_name(UNSPECIFIED, UNSPECIFIED, &name, UNSPECIFIED, 0)
            .await;
        match answer.map_err(AvahiError::from) {
            Ok(_) => Ok(Some(true)),
            Err(AvahiError::Silence) => Ok(Some(false)),
            Err(AvahiError::Refused(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What is seen of other devices.
    pub(crate) fn sightings(&self) -> &Sightings {
        &self.sightings
    }

    /// Begins to look for other devices.
    pub(crate) async fn browse(&self) -> Result<(), AvahiError> {
        let path = self
            .server
            .service_browser_prepare(UNSPECIFIED, UNSPECIFIED, SERVICE_TYPE, DOMAIN, 0)
            .await?;
        let browser = ServiceBrowserProxy::builder(&self.connection)
            .destination(self.avahi.clone())
            .path(path)
            .cache_properties(CacheProperties::No)
            .build()
            .await?;
        Ok(browser.start().await?)
    }

    /// Begins to look for the address and port of one device that was seen, and follows them.
    pub(crate) async fn resolve(&self, sighting: &Sighting) -> Result<Resolver, AvahiError> {
        let path = self
            .server
            .service_resolver_prepare(
                sighting.link.for_avahi(),
                sighting.protocol,
                &sighting.instance,
                SERVICE_TYPE,
                DOMAIN,
                // Addresses of the family that the device was seen by can be reached by it.
                sighting.protocol,
                0,
            )
            .await?;
        self.sightings.resolved_by(path.clone(), sighting.clone());
        let proxy = ServiceResolverProxy::builder(&self.connection)
            .destination(self.avahi.clone())
            .path(path.clone())
            .cache_properties(CacheProperties::No)
            .build()
            .await?;
        let resolver = Resolver { proxy, path };
        match resolver.proxy.start().await {
            Ok(()) => Ok(resolver),
            Err(error) => {
                resolver.free(self).await?;
                Err(error.into())
            }
        }
    }

    pub(super) fn server(&self) -> &ServerProxy<'static> {
        &self.server
    }

    pub(super) fn groups(&self) -> &Arc<Groups> {
        &self.groups
    }

    pub(super) async fn entry_group(
        &self,
        path: &OwnedObjectPath,
    ) -> Result<EntryGroupProxy<'static>, AvahiError> {
        let proxy = EntryGroupProxy::builder(&self.connection)
            .destination(self.avahi.clone())
            .path(path.clone())
            .cache_properties(CacheProperties::No)
            .build()
            .await?;
        Ok(proxy)
    }

    /// Errors: those that end the session.
    fn take(&self, signal: &Message) -> Result<(), AvahiError> {
        match self.fold(signal) {
            Ok(()) => Ok(()),
            Err(AvahiError::Lost(error)) => {
                tracing::debug!(%error, "a signal of Avahi's cannot be understood");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn fold(&self, signal: &Message) -> Result<(), AvahiError> {
        let header = signal.header();
        let (Some(interface), Some(member), Some(path)) =
            (header.interface(), header.member(), header.path())
        else {
            return Ok(());
        };
        let body = signal.body();
        let kind = interface.as_str().strip_prefix("org.freedesktop.Avahi.");
        match (kind.unwrap_or_default(), member.as_str()) {
            ("EntryGroup", "StateChanged") => {
                let (state, _error): (i32, String) = body.deserialize()?;
                self.groups.take(&path.to_owned().into(), state);
            }
            ("ServiceBrowser", word @ ("ItemNew" | "ItemRemove")) => {
                let (link, protocol, instance, _kind, _domain, flags): Item = body.deserialize()?;
                let sighting = Sighting::new(link, protocol, instance);
                match word {
                    "ItemNew" => self.sightings.came(sighting, flags & OUR_OWN != 0),
                    _ => self.sightings.went(&sighting),
                }
            }
            ("ServiceResolver", "Found") => {
                let (_, _, _, _, _, host, _, address, port, _txt, _flags): Found =
                    body.deserialize()?;
                let resolved = Resolved::new(&host, &address, port);
                self.sightings.found(&path.to_owned().into(), resolved);
            }
            ("ServiceResolver", "Failure") => self.sightings.failed(&path.to_owned().into()),
            ("ServiceBrowser", "Failure") => {
                let reason: String = body.deserialize()?;
                return Err(AvahiError::Refused(reason));
            }
            _ => {}
        }
        Ok(())
    }
}

impl Resolver {
    /// Ends it.
    pub(crate) async fn free(self, session: &Session) -> Result<(), AvahiError> {
        session.sightings.forget_resolver(&self.path);
        Ok(self.proxy.free().await?)
    }
}
