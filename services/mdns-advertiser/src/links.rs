//! The networks that boards are announced on: which interfaces, and which of their addresses.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The kernel's number for an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LinkIndex(pub(crate) u32);

impl LinkIndex {
    /// As Avahi writes it.
    pub(crate) fn for_avahi(self) -> i32 {
        i32::try_from(self.0).unwrap_or(-1)
    }
}

/// IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Family {
    V4,
    V6,
}

impl Family {
    pub(crate) fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

/// The addresses to publish on one interface: one of each family, so that one can take another's place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Addresses {
    pub(crate) v4: Option<Ipv4Addr>,
    /// One that is valid beyond the link if there is one. A name without any costs every look-up through
    /// nss-mdns five seconds, so a link-local one is better than none.
    pub(crate) v6: Option<Ipv6Addr>,
}

impl Addresses {
    /// Both of them, as far as they are there.
    pub(crate) fn each(self) -> impl Iterator<Item = IpAddr> {
        let v4 = self.v4.map(IpAddr::V4);
        v4.into_iter().chain(self.v6.map(IpAddr::V6))
    }
}

/// Every interface to announce on, with at least one address each.
pub(crate) type Links = BTreeMap<LinkIndex, Addresses>;

/// An interface as the kernel describes it.
#[derive(Clone, Debug)]
pub(crate) struct Interface {
    pub(crate) index: LinkIndex,
    pub(crate) name: String,
    /// It is up, its cable is plugged in, and it is neither a loopback nor a tunnel: multicast works there.
    pub(crate) carries_multicast: bool,
    /// It is a port of a bridge or a bond, which has the addresses.
    pub(crate) is_port: bool,
}

/// An address as the kernel describes it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Address {
    V4(Ipv4Addr),
    V6 {
        address: Ipv6Addr,
        /// It is one of those that privacy extensions change all the time (RFC 8981).
        temporary: bool,
        /// Its time is running out (RFC 4862, section 5.5.4).
        deprecated: bool,
    },
}

/// What to announce on: the `wanted` interfaces, or where none is named all that lead to a network of people.
pub(crate) fn choose(
    interfaces: &[Interface],
    addresses: &[(LinkIndex, Address)],
    wanted: &[String],
) -> Links {
    let is_meant = |interface: &&Interface| match wanted {
        [] => !interface.is_port && !belongs_to_containers(&interface.name),
        wanted => wanted.contains(&interface.name),
    };
    let mut links = Links::new();
    for interface in interfaces.iter().filter(|i| i.carries_multicast) {
        if !is_meant(&interface) {
            continue;
        }
        let here = || {
            addresses
                .iter()
                .filter(|(index, _)| *index == interface.index)
        };
        let chosen = Addresses {
            // The kernel lists the primary address first.
            v4: here()
                .filter_map(|(_, address)| match address {
                    Address::V4(address) => Some(*address),
                    Address::V6 { .. } => None,
                })
                .min_by_key(Ipv4Addr::is_link_local),
            v6: here()
                .filter_map(|(_, address)| rank(address))
                .min()
                .map(|(_, address)| address),
        };
        if chosen != Addresses::default() {
            links.insert(interface.index, chosen);
        }
    }
    links
}

/// Those of the `wanted` interfaces that nothing can be announced on now.
pub(crate) fn unusable<'a>(
    interfaces: &[Interface],
    links: &Links,
    wanted: &'a [String],
) -> Vec<&'a String> {
    let is_used = |name: &&String| {
        let mut same = interfaces.iter().filter(|i| i.name == **name);
        same.any(|interface| links.contains_key(&interface.index))
    };
    wanted.iter().filter(|name| !is_used(name)).collect()
}

/// IPv6 addresses in the order in which they are worth publishing: the ones that stay first.
fn rank(address: &Address) -> Option<(u8, Ipv6Addr)> {
    let Address::V6 {
        address,
        temporary,
        deprecated,
    } = *address
    else {
        return None;
    };
    let rank = match address {
        _ if deprecated => 4,
        _ if address.is_unicast_link_local() => 3,
        _ if temporary => 2,
        // A provider's prefix may change, the site's own does not.
        _ if address.is_unique_local() => 0,
        _ => 1,
    };
    Some((rank, address))
}

/// The bridges that Docker, Podman, Kubernetes, libvirt and LXD make, by the names that they give them.
fn belongs_to_containers(name: &str) -> bool {
    let is_network_id = |id: &str| id.len() == 12 && id.bytes().all(|b| b.is_ascii_hexdigit());
    name.strip_prefix("br-").is_some_and(is_network_id)
        || [
            "docker", "podman", "cni", "virbr", "lxcbr", "lxdbr", "veth", "vnet", "tap",
        ]
        .iter()
        .any(|maker| {
            name.strip_prefix(maker)
                .is_some_and(|rest| !rest.is_empty())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(index: u32, name: &str) -> Interface {
        Interface {
            index: LinkIndex(index),
            name: name.into(),
            carries_multicast: true,
            is_port: false,
        }
    }

    fn v4(index: u32, address: &str) -> (LinkIndex, Address) {
        (LinkIndex(index), Address::V4(address.parse().unwrap()))
    }

    fn v6(index: u32, address: &str, temporary: bool, deprecated: bool) -> (LinkIndex, Address) {
        let address = address.parse().unwrap();
        let address = Address::V6 {
            address,
            temporary,
            deprecated,
        };
        (LinkIndex(index), address)
    }

    fn chosen(interfaces: &[Interface], wanted: &[&str]) -> Vec<u32> {
        let addresses: Vec<_> = interfaces
            .iter()
            .map(|i| v4(i.index.0, "192.168.1.7"))
            .collect();
        let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
        choose(interfaces, &addresses, &wanted)
            .keys()
            .map(|index| index.0)
            .collect()
    }

    #[test]
    fn bridges_of_containers_are_left_out_unless_they_are_named() {
        let all = [
            interface(2, "eth0"),
            interface(3, "docker0"),
            interface(4, "br-0123456789ab"),
            interface(5, "br-lan"),
            interface(6, "virbr0"),
            interface(7, "wlan0"),
            interface(8, "docker_gwbridge"),
        ];
        assert_eq!(chosen(&all, &[]), [2, 5, 7]);
        assert_eq!(chosen(&all, &["docker0", "eth7"]), [3]);
    }

    #[test]
    fn what_carries_no_multicast_and_what_is_part_of_a_bridge_is_left_out() {
        let mut port = interface(2, "eth0");
        port.is_port = true;
        let mut down = interface(3, "eth1");
        down.carries_multicast = false;
        assert_eq!(chosen(&[port, down.clone(), interface(4, "br0")], &[]), [4]);
        assert!(chosen(&[down], &["eth1"]).is_empty());
    }

    #[test]
    fn of_the_addresses_those_that_stay_are_published() {
        let eth0 = [interface(2, "eth0")];
        let v6_of = |addresses: &[(LinkIndex, Address)]| {
            choose(&eth0, addresses, &[])
                .get(&LinkIndex(2))
                .and_then(|chosen| chosen.v6)
                .map(|address| address.to_string())
        };
        let all = [
            v6(2, "fd00::9", false, true),
            v6(2, "fe80::1", false, false),
            v6(2, "2001:db8::2", true, false),
            v6(2, "2001:db8::1", false, false),
            v6(2, "fd00::1", false, false),
            v6(3, "fd00::3", false, false),
        ];
        assert_eq!(v6_of(&all).as_deref(), Some("fd00::1"));
        assert_eq!(v6_of(&all[..4]).as_deref(), Some("2001:db8::1"));
        assert_eq!(v6_of(&all[..3]).as_deref(), Some("2001:db8::2"));
        assert_eq!(v6_of(&all[..2]).as_deref(), Some("fe80::1"));
        assert_eq!(v6_of(&all[..1]).as_deref(), Some("fd00::9"));
        assert_eq!(v6_of(&all[5..]), None);
    }

    #[test]
    fn a_name_that_no_usable_interface_has_is_known() {
        let mut down = interface(3, "wlan0");
        down.carries_multicast = false;
        let interfaces = [interface(2, "eth0"), down];
        let wanted: Vec<String> = ["eth0", "wlan0", "eth9"].map(String::from).into();
        let links = choose(
            &interfaces,
            &[v4(2, "10.0.0.7"), v4(3, "10.0.0.8")],
            &wanted,
        );
        assert_eq!(unusable(&interfaces, &links, &wanted), ["wlan0", "eth9"]);
    }

    #[test]
    fn an_address_of_the_network_comes_before_a_made_up_one() {
        let eth0 = [interface(2, "eth0")];
        let addresses = [v4(2, "169.254.3.4"), v4(2, "10.0.0.7"), v4(2, "10.0.0.8")];
        let links = choose(&eth0, &addresses, &[]);
        assert_eq!(links[&LinkIndex(2)].v4, Some(Ipv4Addr::new(10, 0, 0, 7)));
    }
}
