//! The ports that mdns-advertiser announces boards at: a file in the runtime directory, written when they change.

use std::collections::BTreeMap;

use cpy_board::{Publisher, RuntimeDir, Serial, WebPorts};

use crate::boards::Boards;

/// The file and what it holds.
#[derive(Debug)]
pub(crate) struct Announced {
    file: Publisher<WebPorts>,
}

impl Announced {
    /// Nothing is announced yet.
    pub(crate) fn new(runtime_dir: &RuntimeDir) -> Self {
        Self {
            file: Publisher::new(runtime_dir.web_ports()),
        }
    }

    /// Why the others do not know what is announced, in a sentence, where they do not.
    pub(crate) fn problem(&self) -> Option<String> {
        self.file.problem()
    }

    /// Brings the file in line with the boards. Returns whether it is; the next call tries again where it is not.
    pub(crate) async fn follow(&mut self, boards: &Boards) -> bool {
        let before = self.file.said().map(|ports| &ports.boards);
        let ports = WebPorts {
            main: boards.main_port(),
            boards: ports(boards, before.unwrap_or(&BTreeMap::new())),
        };
        self.file.publish(&ports).await
    }
}

/// The boards' own announced ports: those that they ask for, and where there is no main port all. A board that has left keeps the one that it had `before`, so that a reset does
/// not change what the network is told, unless the port is somebody else's now.
fn ports(boards: &Boards, before: &BTreeMap<Serial, u16>) -> BTreeMap<Serial, u16> {
    let left = before.iter().filter(|(serial, port)| {
        let here = boards.attached().any(|board| board.serial == **serial);
        !here && boards.on_port(**port).is_none()
    });
    let here = boards.attached().filter_map(|board| {
        let own = board.port.filter(|_| boards.main_port().is_none());
        Some((&board.serial, boards.asked_port(board).or(own)?))
    });
    left.map(|(serial, port)| (serial, *port))
        .chain(here)
        .map(|(serial, port)| (serial.clone(), port))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boards::tests::{asking_for, board};

    #[test]
    fn a_port_is_announced_as_long_as_it_leads_to_the_board_alone() {
        let one = asking_for(9000, board("000001", true, Some(8001)));
        let two = board("000002", true, Some(8002));
        let serial = one.serial.clone();
        let alone = Boards::new([one.clone(), two.clone()], &[80]);
        let announced = ports(&alone, &BTreeMap::new());
        assert_eq!(announced, BTreeMap::from([(serial, 9000)]));
        let rival = asking_for(9000, two);
        assert!(ports(&Boards::new([one.clone(), rival], &[80]), &announced).is_empty());
        let mut refused = one;
        refused.refused_port = Some(9000);
        assert!(ports(&Boards::new([refused], &[80]), &announced).is_empty());
    }

    #[test]
    fn a_board_that_resets_is_announced_at_its_port_all_the_while() {
        let gone = asking_for(9000, board("000001", false, Some(8001)));
        let before = BTreeMap::from([(gone.serial.clone(), 9000)]);
        assert_eq!(ports(&Boards::new([gone.clone()], &[80]), &before), before);
        let heir = asking_for(9000, board("000002", true, Some(8002)));
        let heirs = BTreeMap::from([(heir.serial.clone(), 9000)]);
        assert_eq!(ports(&Boards::new([gone, heir], &[80]), &before), heirs);
    }

    #[test]
    fn without_a_main_port_every_board_is_announced_at_its_own() {
        let one = asking_for(9000, board("000001", true, Some(8001)));
        let two = board("000002", true, Some(8002));
        let expected = BTreeMap::from([(one.serial.clone(), 9000), (two.serial.clone(), 8002)]);
        let alone = Boards::new([one.clone(), two.clone()], &[]);
        let announced = ports(&alone, &BTreeMap::new());
        assert_eq!(announced, expected);
        let with_main = ports(&Boards::new([one.clone(), two], &[80]), &announced);
        assert_eq!(with_main, BTreeMap::from([(one.serial, 9000)]));
    }

    #[tokio::test]
    async fn what_an_earlier_gateway_said_is_corrected_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let runtime_dir = RuntimeDir::new(dir.path());
        let file = runtime_dir.web_ports();
        let stale = BTreeMap::from([("A1".parse().unwrap(), 9000)]);
        file.write(&WebPorts {
            main: Some(80),
            boards: stale,
        })
        .unwrap();
        let mut announced = Announced::new(&runtime_dir);
        announced.follow(&Boards::new([], &[8080])).await;
        let now = WebPorts {
            main: Some(8080),
            boards: BTreeMap::new(),
        };
        assert_eq!(file.read(), Some(now));
    }
}
