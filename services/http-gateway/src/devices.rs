//! `/cp/devices.json`: the other devices with the web workflow, those of this gateway and those that it sees on
//! the network.

use std::collections::BTreeSet;

use cpy_board::status::{Peer, Peers};
use serde::Serialize;

use crate::boards::{Board, Boards};
use crate::links::Links;
use crate::network::{self, NetworkAnswer};

/// The document.
#[derive(Serialize)]
pub(crate) struct Devices {
    total: usize,
    devices: Vec<Device>,
}

#[derive(Serialize)]
struct Device {
    hostname: String,
    instance_name: String,
    port: u16,
    ip: String,
}

impl Devices {
    /// Every attached board but the one that is asked, and then `peers`, in the order of their names. A stranger may
    /// announce what it likes on a device's host name, so its port tells them apart; a name that is a board's here,
    /// or was and is still on the `network`, is nobody else's.
    pub(crate) fn new(
        asked: Option<&Board>,
        boards: &Boards,
        (network, peers): (&NetworkAnswer, Peers),
        links: &Links<'_>,
    ) -> Self {
        let others = boards
            .attached()
            .filter(|board| asked.is_none_or(|asked| asked.serial != board.serial));
        let mut devices: Vec<Device> = others
            .map(|board| Device {
                hostname: board.hostname.to_string(),
                instance_name: network::instance_name(board, network).to_owned(),
                port: links.port(boards.asked_port(board), board),
                ip: links.ip(),
            })
            .collect();
        let announced = network.iter().flat_map(|status| status.boards.values());
        let own: BTreeSet<String> = boards
            .attached()
            .map(|board| &board.hostname)
            .chain(asked.map(|board| &board.hostname))
            .chain(announced.map(|name| &name.hostname))
            .map(ToString::to_string)
            .collect();
        let mut known = BTreeSet::new();
        devices.extend(
            sorted(peers)
                .into_iter()
                .filter(|peer| {
                    let hostname = peer.hostname.to_ascii_lowercase();
                    !own.contains(&hostname) && known.insert((hostname, peer.port))
                })
                .map(Device::from),
        );
        Self {
            total: devices.len(),
            devices,
        }
    }
}

/// In an order that depends on nothing but who is there.
fn sorted(mut peers: Peers) -> Peers {
    peers.sort();
    peers
}

impl From<Peer> for Device {
    fn from(peer: Peer) -> Self {
        Self {
            hostname: peer.hostname,
            instance_name: peer.instance_name,
            port: peer.port,
            ip: peer.ip.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use cpy_board::status::{AvahiState, NameState};

    use super::*;
    use crate::boards::tests::{asking_for, board};
    use crate::host::tests::host;
    use crate::network::tests::answer;

    fn peer(hostname: &str, port: u16) -> Peer {
        Peer {
            hostname: hostname.into(),
            instance_name: "Somebody's".into(),
            port,
            ip: "192.168.1.9".parse().unwrap(),
        }
    }

    fn listed(
        asked: Option<&Board>,
        boards: &Boards,
        network: &NetworkAnswer,
        peers: &[Peer],
    ) -> Vec<(String, u16)> {
        let host = host("raspberrypi.local");
        let links = Links {
            host: &host,
            local: ([192, 168, 1, 7], 80).into(),
            main_port: Some(80),
        };
        let devices = Devices::new(asked, boards, (network, peers.to_vec()), &links);
        assert_eq!(devices.total, devices.devices.len());
        let all = devices.devices.into_iter();
        all.map(|device| (device.hostname, device.port)).collect()
    }

    #[test]
    fn each_name_and_port_is_there_once_and_an_own_board_has_its_name_at_all_ports() {
        let asked = board("00000a", true, Some(8001));
        let own = asking_for(9000, board("00000b", true, Some(8002)));
        let left = board("00000d", false, Some(8004));
        let network = Ok(answer(AvahiState::Running, &left, NameState::Published));
        let boards = Boards::new(
            [asked.clone(), own, board("00000c", false, Some(8003)), left],
            &[80],
        );
        let peers = [
            peer("esp32", 80),
            peer("CPY-00000A", 1),
            peer("cpy-00000b", 2),
            peer("cpy-00000c", 3),
            peer("CPY-00000d", 4),
            peer("Esp32", 81),
            peer("ESP32", 80),
        ];
        let mut turned = peers.clone();
        turned.reverse();
        let expected = [
            ("cpy-00000b", 9000),
            ("ESP32", 80),
            ("Esp32", 81),
            ("cpy-00000c", 3),
        ]
        .map(|(name, port)| (name.to_owned(), port));
        assert_eq!(listed(Some(&asked), &boards, &network, &peers), expected);
        assert_eq!(listed(Some(&asked), &boards, &network, &turned), expected);
        assert_eq!(listed(None, &boards, &network, &[]).len(), 2);
    }
}
