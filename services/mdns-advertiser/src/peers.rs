//! Other devices, each once, from all that is seen of them.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

use cpy_board::status::{Peer, Peers};

use crate::links::Links;
use crate::own_names::OwnNames;
use crate::sightings::{Place, Sighting};

/// The devices behind these sightings, by host name, but for our `own` boards. A device that is seen on several interfaces is one; of
/// its addresses an IPv4 one is given where there is one, because every client can use it.
pub(crate) fn devices(
    sightings: &BTreeMap<Sighting, Place>,
    links: &Links,
    own: &OwnNames,
) -> Peers {
    let mut found: BTreeMap<(&str, &str, u16), IpAddr> = BTreeMap::new();
    for (sighting, place) in sightings {
        let Place::Found(resolved) = place else {
            continue;
        };
        if own.contain(&resolved.hostname)
            || !links.contains_key(&sighting.link)
            || !can_be_reached(resolved.address)
        {
            continue;
        }
        let device = (
            resolved.hostname.as_str(),
            sighting.instance.as_str(),
            resolved.port,
        );
        found
            .entry(device)
            .and_modify(|known| {
                if known.is_ipv6() && resolved.address.is_ipv4() {
                    *known = resolved.address;
                }
            })
            .or_insert(resolved.address);
    }
    let peers = found
        .into_iter()
        .map(|((hostname, instance_name, port), ip)| Peer {
            hostname: hostname.to_owned(),
            instance_name: instance_name.to_owned(),
            port,
            ip,
        });
    peers.collect()
}

/// Whether a client elsewhere can use the address. A link-local IPv6 address needs a scope, which is another one
/// on each machine.
fn can_be_reached(address: IpAddr) -> bool {
    let only_here = |v6: Ipv6Addr| v6.is_unicast_link_local();
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            !(v4.is_loopback() || v4.is_unspecified() || v4.is_multicast() || v4.is_broadcast())
        }
        IpAddr::V6(v6) => {
            !(v6.is_loopback() || v6.is_unspecified() || v6.is_multicast() || only_here(v6))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::time::Instant;

    use super::*;
    use crate::announcement::{Announcement, Announcements};
    use crate::links::{Addresses, LinkIndex};
    use crate::sightings::Resolved;

    fn seen(link: i32, instance: &str, host: &str, address: &str) -> (Sighting, Place) {
        let protocol = i32::from(address.contains(':'));
        (
            Sighting::new(link, protocol, instance.to_owned()),
            Place::Found(Resolved::new(host, address, 80).unwrap()),
        )
    }

    fn listed(sightings: &[(Sighting, Place)]) -> Vec<String> {
        let links = Links::from([2, 3].map(|n| (LinkIndex(n), Addresses::default())));
        let own = Announcement {
            hostname: "cpy-00000a".parse().unwrap(),
            lost: None,
            instance: None,
            port: Some(80),
        };
        let announced = Announcements::from([("A1".parse().unwrap(), own)]);
        let mut own = OwnNames::default();
        own.follow(&announced, Instant::now());
        let sightings = sightings.iter().cloned().collect();
        let peers = devices(&sightings, &links, &own).into_iter();
        peers
            .map(|p| format!("{} {} {}", p.hostname, p.instance_name, p.ip))
            .collect()
    }

    #[test]
    fn a_device_on_two_interfaces_and_both_protocols_is_one() {
        let all = [
            seen(2, "Küche 🍳", "cpy-000001.local", "fd00::1"),
            seen(2, "Küche 🍳", "cpy-000001.local", "10.0.0.1"),
            seen(3, "Küche 🍳", "cpy-000001.local", "10.1.0.1"),
            seen(3, "Other", "cpy-000002.local", "fd00::2"),
        ];
        assert_eq!(
            listed(&all),
            ["cpy-000001 Küche 🍳 10.0.0.1", "cpy-000002 Other fd00::2"]
        );
    }

    #[test]
    fn addresses_that_lead_nowhere_are_left_out() {
        for nowhere in [
            "127.0.0.1",
            "0.0.0.0",
            "224.0.0.251",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "ff02::fb",
            "::ffff:127.0.0.1",
        ] {
            let none: [&str; 0] = [];
            assert_eq!(
                listed(&[seen(2, "x", "a.local", nowhere)]),
                none,
                "{nowhere}"
            );
        }
    }

    #[test]
    fn an_own_board_that_another_interface_sees_is_no_other_device() {
        assert!(listed(&[seen(3, "x", "cpy-00000a.local", "10.0.0.1")]).is_empty());
    }

    #[test]
    fn what_is_seen_on_other_interfaces_is_not_listed() {
        assert!(listed(&[seen(1, "x", "a.local", "10.0.0.1")]).is_empty());
    }

    proptest! {
        #[test]
        fn whatever_is_announced_only_others_that_can_be_reached_are_listed(
            announced in prop::collection::vec(
                (
                    0..5_i32,
                    ".{0,8}",
                    "(cpy-00000[aAb]|[a-zÄ._ -]{0,6})(\\.local)?\\.?",
                    prop::sample::select(vec!["10.0.0.1", "fe80::1", "fd00::1", "127.0.0.1", "x"]),
                    0..3_u16,
                ),
                0..12,
            ),
        ) {
            let sightings: Vec<_> = announced
                .iter()
                .filter_map(|(link, instance, host, address, port)| {
                    let found = Place::Found(Resolved::new(host, address, *port)?);
                    Some((Sighting::new(*link, 0, instance.clone()), found))
                })
                .collect();
            for line in listed(&sightings) {
                prop_assert!(!line.starts_with("cpy-00000a ") && !line.starts_with(' '), "{}", line);
                prop_assert!(line.ends_with(" 10.0.0.1") || line.ends_with(" fd00::1"), "{}", line);
            }
        }
    }
}
