//! The boards as the gateway knows them at one moment, for everybody who serves a request.

use std::collections::BTreeMap;
use std::sync::Arc;

use cpy_board::record::Firmware;
use cpy_board::{Hostname, Record, Serial};

/// One board, plugged in or known from before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Board {
    pub(crate) serial: Serial,
    pub(crate) hostname: Hostname,
    /// Whether it is plugged in.
    pub(crate) attached: bool,
    /// The port that this board alone answers on.
    pub(crate) port: Option<u16>,
    /// What its files say of it, as far as they were read.
    pub(crate) record: Record,
    /// Whether it shows a drive.
    pub(crate) has_drive: bool,
    /// It has a drive of which nothing was read yet: nobody knows its password.
    pub(crate) unread: bool,
    /// The port that its settings ask for, where that cannot be had.
    pub(crate) refused_port: Option<u16>,
}

impl Board {
    /// What a person calls it.
    pub(crate) fn instance_name(&self) -> &str {
        let own = self.record.instance_name();
        own.unwrap_or(self.hostname.as_str())
    }

    /// What it runs: empty as far as it does not say, but for its serial in the place of the chip's id.
    pub(crate) fn firmware(&self) -> Firmware {
        let mut firmware = self.record.firmware.clone().unwrap_or_default();
        if firmware.uid.is_empty() {
            self.serial.as_str().clone_into(&mut firmware.uid);
        }
        firmware
    }
}

/// Every board that has a name, each name once.
#[derive(Debug, Default)]
pub(crate) struct Boards {
    by_name: BTreeMap<Hostname, Arc<Board>>,
    /// Ports that lead to one board, whatever it is called.
    by_port: BTreeMap<u16, Hostname>,
    /// The first port that all boards answer on, if there is one.
    main_port: Option<u16>,
    /// What is wrong with the gateway itself, in sentences.
    problems: Vec<String>,
}

impl Boards {
    /// Boards and, by the ports that their settings ask for, the main ports that stay everybody's. Where two
    /// boards have one name or one port, the one that is plugged in has it, or else the first.
    pub(crate) fn new(boards: impl IntoIterator<Item = Board>, main_ports: &[u16]) -> Self {
        let mut all: Vec<Arc<Board>> = boards.into_iter().map(Arc::new).collect();
        all.sort_by_key(|board| !board.attached);
        let mut found = Self {
            main_port: main_ports.first().copied(),
            ..Self::default()
        };
        for board in all {
            found.by_name.entry(board.hostname.clone()).or_insert(board);
        }
        let mut asked: BTreeMap<u16, Vec<Hostname>> = BTreeMap::new();
        for board in found.by_name.values() {
            if let Some(port) = board.port {
                found.by_port.insert(port, board.hostname.clone());
            }
            if let Some(port) = board.record.settings.port.filter(|_| board.attached) {
                asked.entry(port).or_default().push(board.hostname.clone());
            }
        }
        for (port, hostnames) in asked {
            // A port that two boards ask for leads to neither: they are told apart by name.
            if let ([only], false) = (&hostnames[..], main_ports.contains(&port)) {
                found.by_port.entry(port).or_insert_with(|| only.clone());
            }
        }
        found
    }

    /// With what is wrong with the gateway itself.
    pub(crate) fn with_problems(mut self, problems: Vec<String>) -> Self {
        self.problems = problems;
        self
    }

    /// What is wrong with the gateway itself, in sentences.
    pub(crate) fn problems(&self) -> &[String] {
        &self.problems
    }

    /// The first port that all boards answer on, if there is one.
    pub(crate) fn main_port(&self) -> Option<u16> {
        self.main_port
    }

    pub(crate) fn named(&self, hostname: &Hostname) -> Option<&Arc<Board>> {
        self.by_name.get(hostname)
    }

    /// The board that owns a port.
    pub(crate) fn on_port(&self, port: u16) -> Option<&Arc<Board>> {
        self.by_name.get(self.by_port.get(&port)?)
    }

    /// The port that a board's settings ask for, where it is open and leads to this board alone.
    pub(crate) fn asked_port(&self, board: &Board) -> Option<u16> {
        let port = board.record.settings.port?;
        let owner = self.on_port(port)?;
        (owner.serial == board.serial && board.refused_port.is_none()).then_some(port)
    }

    /// Those that are plugged in, by name.
    pub(crate) fn attached(&self) -> impl Iterator<Item = &Arc<Board>> {
        self.by_name.values().filter(|board| board.attached)
    }

    /// The attached board, if there is exactly one.
    pub(crate) fn sole(&self) -> Option<&Arc<Board>> {
        let mut attached = self.attached();
        attached.next().filter(|_| attached.next().is_none())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A board whose serial ends in the six digits.
    pub(crate) fn board(digits: &str, attached: bool, port: Option<u16>) -> Board {
        Board {
            serial: format!("E6614C311B{digits}").parse().unwrap(),
            hostname: format!("cpy-{digits}").parse().unwrap(),
            attached,
            port,
            record: Record::default(),
            has_drive: attached,
            unread: false,
            refused_port: None,
        }
    }

    pub(crate) fn asking_for(port: u16, mut board: Board) -> Board {
        board.record.settings.port = Some(port);
        board
    }

    fn name_on(boards: &Boards, port: u16) -> Option<&str> {
        boards.on_port(port).map(|board| board.hostname.as_str())
    }

    #[test]
    fn a_board_that_is_plugged_in_keeps_its_name_from_one_that_left() {
        let mut namesake = board("0a0b0c", false, Some(8001));
        namesake.serial = "OTHER".parse().unwrap();
        let boards = Boards::new([namesake, board("0a0b0c", true, Some(8002))], &[80]);
        assert!(
            boards
                .named(&"cpy-0a0b0c".parse().unwrap())
                .unwrap()
                .attached
        );
        assert_eq!(name_on(&boards, 8002), Some("cpy-0a0b0c"));
        assert_eq!(name_on(&boards, 8001), None);
    }

    #[test]
    fn a_port_leads_to_the_one_board_that_owns_or_asks_for_it() {
        let boards = Boards::new(
            [
                board("000001", true, Some(8001)),
                asking_for(8001, board("000002", true, Some(8002))),
                asking_for(8080, board("000003", true, None)),
                asking_for(9090, board("000004", true, None)),
                asking_for(9090, board("000005", true, None)),
                asking_for(80, board("000006", true, None)),
                asking_for(7070, board("000007", false, None)),
            ],
            &[80],
        );
        assert_eq!(name_on(&boards, 8001), Some("cpy-000001"));
        assert_eq!(name_on(&boards, 8080), Some("cpy-000003"));
        for shared in [80, 9090, 7070] {
            assert_eq!(name_on(&boards, shared), None, "{shared}");
        }
    }

    #[test]
    fn one_attached_board_is_the_sole_one_whoever_left() {
        let gone = board("000001", false, None);
        let here = board("000002", true, None);
        assert!(Boards::new([gone.clone()], &[]).sole().is_none());
        let boards = Boards::new([gone, here.clone()], &[]);
        assert_eq!(
            boards.sole().map(|b| b.hostname.as_str()),
            Some("cpy-000002")
        );
        assert!(
            Boards::new([here, board("000003", true, None)], &[])
                .sole()
                .is_none()
        );
    }

    #[test]
    fn a_board_is_called_what_its_owner_or_its_maker_calls_it() {
        let mut board = board("000001", true, None);
        assert_eq!(board.instance_name(), "cpy-000001");
        board.record.firmware = Some(Firmware {
            board_name: "Raspberry Pi Pico".into(),
            ..Default::default()
        });
        assert_eq!(board.instance_name(), "Raspberry Pi Pico");
        board.record.settings.instance_name = Some("Kitchen".into());
        assert_eq!(board.instance_name(), "Kitchen");
    }
}
