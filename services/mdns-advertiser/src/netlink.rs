//! What the kernel says of interfaces and addresses, and when that changes.
//!
//! An event is only a reason to look again, so none can be misread or missed for good.

use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use cpy_board::Configuration;
use futures_util::{Stream, StreamExt, TryStreamExt};
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage};
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use rtnetlink::{Handle, MulticastGroup, new_multicast_connection};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::links::{self, Address, Interface, LinkIndex, Links};

/// Events this close together belong to one change.
const QUIET: Duration = Duration::from_millis(30);
/// However long events go on, somebody looks this often.
const LONGEST_BURST: Duration = Duration::from_millis(300);
/// How long to wait before the kernel is asked again when it cannot be asked.
const BREATH: Duration = Duration::from_secs(1);

/// Why the kernel says nothing.
#[derive(Debug, thiserror::Error)]
enum NetlinkError {
    #[error("cannot open a netlink socket")]
    Socket(#[from] io::Error),
    #[error("the kernel does not list its interfaces")]
    List(#[from] rtnetlink::Error),
    #[error("the netlink socket was closed")]
    Closed,
}

/// Keeps `links` true, for good: those that the configuration names, or all that make sense.
pub(crate) async fn follow(mut configuration: Configuration, links: &watch::Sender<Links>) {
    let mut unusable = BTreeSet::new();
    loop {
        let error = follow_once(&mut configuration, links, &mut unusable).await;
        tracing::warn!(
            error = cpy_board::daemon::with_causes(&error),
            "cannot follow the network interfaces"
        );
        sleep(BREATH).await;
    }
}

async fn follow_once(
    configuration: &mut Configuration,
    links: &watch::Sender<Links>,
    unusable: &mut BTreeSet<String>,
) -> NetlinkError {
    let groups = [
        MulticastGroup::Link,
        MulticastGroup::Ipv4Ifaddr,
        MulticastGroup::Ipv6Ifaddr,
    ];
    let (connection, handle, events) = match new_multicast_connection(&groups) {
        Ok(opened) => opened,
        Err(error) => return error.into(),
    };
    tokio::select! {
        () = connection => NetlinkError::Closed,
        error = look_again(&handle, events, configuration, links, unusable) => error,
    }
}

async fn look_again(
    handle: &Handle,
    mut events: impl Stream + Unpin,
    configuration: &mut Configuration,
    links: &watch::Sender<Links>,
    unusable: &mut BTreeSet<String>,
) -> NetlinkError {
    loop {
        match look(handle, &configuration.now().mdns.interfaces).await {
            Ok((now, useless)) => {
                for interface in useless.difference(unusable) {
                    tracing::warn!(
                        interface,
                        "mdns.interfaces names an interface that is not there, not up, or cannot carry multicast"
                    );
                }
                *unusable = useless;
                links.send_if_modified(|known| {
                    let differs = *known != now;
                    if differs {
                        tracing::info!(links = ?now, "network interfaces");
                        *known = now;
                    }
                    differs
                });
            }
            Err(error) => return error.into(),
        }
        tokio::select! {
            event = events.next() => {
                if event.is_none() {
                    return NetlinkError::Closed;
                }
            }
            _ = configuration.changed() => continue,
        }
        let end = Instant::now() + LONGEST_BURST;
        while Instant::now() < end && timeout(QUIET, events.next()).await.is_ok() {}
    }
}

/// The links, and those of the wanted interfaces that are none.
async fn look(
    handle: &Handle,
    wanted: &[String],
) -> Result<(Links, BTreeSet<String>), rtnetlink::Error> {
    let messages: Vec<LinkMessage> = handle.link().get().execute().try_collect().await?;
    let interfaces: Vec<Interface> = messages.iter().map(interface).collect();
    let messages: Vec<AddressMessage> = handle.address().get().execute().try_collect().await?;
    let addresses: Vec<(LinkIndex, Address)> = messages.iter().filter_map(address).collect();
    let links = links::choose(&interfaces, &addresses, wanted);
    let unusable = links::unusable(&interfaces, &links, wanted);
    let unusable = unusable.into_iter().cloned().collect();
    Ok((links, unusable))
}

fn interface(message: &LinkMessage) -> Interface {
    let flags = message.header.flags;
    let name = message
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            LinkAttribute::IfName(name) => Some(name.clone()),
            _ => None,
        });
    Interface {
        index: LinkIndex(message.header.index),
        name: name.unwrap_or_default(),
        carries_multicast: flags
            .contains(LinkFlags::Up | LinkFlags::Running | LinkFlags::Multicast)
            && !flags.intersects(LinkFlags::Loopback | LinkFlags::Pointopoint),
        is_port: message
            .attributes
            .iter()
            .any(|attribute| matches!(attribute, LinkAttribute::Controller(of) if *of != 0)),
    }
}

/// An address that can be used. One that is still being looked for on the link, or was found there, cannot
/// (RFC 4862, section 5.4).
fn address(message: &AddressMessage) -> Option<(LinkIndex, Address)> {
    let mut flags = AddressFlags::from_bits_retain(u32::from(message.header.flags.bits()));
    let (mut local, mut own) = (None, None);
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Local(address) => local = Some(*address),
            AddressAttribute::Address(address) => own = Some(*address),
            AddressAttribute::Flags(all) => flags = *all,
            _ => {}
        }
    }
    if flags.intersects(AddressFlags::Tentative | AddressFlags::Dadfailed) {
        return None;
    }
    let address = match local.or(own)? {
        IpAddr::V4(address) => Address::V4(address),
        IpAddr::V6(address) => Address::V6 {
            address,
            // The same bit as "secondary", which for IPv6 means this (linux/if_addr.h).
            temporary: flags.contains(AddressFlags::Secondary),
            deprecated: flags.contains(AddressFlags::Deprecated),
        },
    };
    Some((LinkIndex(message.header.index), address))
}
