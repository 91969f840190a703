//! The boards that are seen: on USB, as links, and by the daemons.

use std::path::Path;

use cpy_board::Serial;
use cpy_board::status::ConsoleState;

use super::finding::{Examination, Finding, Kind};
use super::links::{Links, not_linked};
use super::machine::Machine;
use super::processes;
use super::usb::UsbDevice;
use crate::survey::ListedBoard;

/// A board that is plugged in, and the USB device that it is, where it is one.
#[derive(Debug)]
pub(super) struct Board<'a> {
    pub(super) listed: &'a ListedBoard,
    pub(super) usb: Option<&'a UsbDevice>,
}

impl Board<'_> {
    /// What a person knows it by.
    pub(super) fn name(&self) -> String {
        match &self.listed.board_name {
            Some(kind) => format!("{} ({kind})", self.listed.hostname),
            None => self.listed.hostname.to_string(),
        }
    }

    pub(super) fn serial(&self) -> &Serial {
        &self.listed.serial
    }
}

/// Which USB device each board is, by the names of the device nodes that its links lead to.
pub(super) fn recognised<'a>(
    listed: &'a [ListedBoard],
    devices: &'a [UsbDevice],
    boards_dir: &Path,
) -> Vec<Board<'a>> {
    let links = Links::new(boards_dir);
    let device = |listed: &ListedBoard| {
        let mut all = devices.iter();
        all.find(|device| links.owners(device).any(|owner| *owner == listed.serial))
    };
    let board = |listed| Board {
        listed,
        usb: device(listed),
    };
    listed.iter().map(board).collect()
}

/// Whether every board that is seen on USB is a board of this gateway, with what boards have.
pub(super) fn examine(
    machine: &Machine,
    boards: &[Board<'_>],
    devices: &[UsbDevice],
    boards_dir: &Path,
) -> Examination {
    let names: Vec<&str> = boards
        .iter()
        .map(|board| board.listed.hostname.as_str())
        .collect();
    let fine = format!("{} plugged in: {}.", boards.len(), names.join(", "));
    let mut examination = Examination::new("Boards", fine);
    let links = Links::new(boards_dir);
    let unlinked = devices
        .iter()
        .filter(|device| device.is_board(machine) && links.owners(device).next().is_none());
    let findings = &mut examination.findings;
    findings.extend(unlinked.map(|device| not_linked(machine, device)));
    if boards.is_empty() && findings.is_empty() {
        findings.push(none_at_all(machine, devices));
    }
    findings.extend(boards.iter().flat_map(|board| lacks(machine, board)));
    examination
}

fn none_at_all(machine: &Machine, devices: &[UsbDevice]) -> Finding {
    let finding = Finding::new(Kind::NoBoard, "No board is plugged in.");
    if !machine.has("/sys/bus/usb") {
        return finding.advise("This machine has no USB; `cpyctl demo` works without.");
    }
    finding
        .advise("Plug a board with CircuitPython into a USB port, with a cable that carries data: many only charge.")
        .advise(match devices.len() {
            0 => "The kernel sees nothing on USB, not even a board without CircuitPython: try another cable and port.",
            _ => "A board whose drive is called RPI-RP2, or ends in BOOT, waits in its bootloader: press reset, or \
                  install CircuitPython on it.",
        })
}

fn lacks(machine: &Machine, board: &Board<'_>) -> Vec<Finding> {
    let (name, serial) = (board.name(), board.serial());
    let mut findings = Vec::new();
    if !board.listed.has_console {
        let finding = Finding::new(Kind::NoConsole, format!("{name} has no console.")).of(serial);
        findings.push(finding.advise(
            "Its boot.py may turn it off: look there for usb_cdc.disable() or usb_cdc.enable(console=False, ...).",
        ));
    }
    if !board.listed.has_drive {
        let finding = Finding::new(Kind::NoDrive, format!("{name} has no drive.")).of(serial);
        findings
            .push(finding.advise(
                "Its boot.py may turn it off: look there for storage.disable_usb_drive().",
            ));
    }
    if let Some(problem) = &board.listed.problem {
        let sentence = format!("{name}: {problem}");
        let finding = Finding::new(Kind::SettingsWrong, sentence).of(serial);
        findings
            .push(finding.advise(
                "Mend settings.toml on its drive; the last good settings hold until then.",
            ));
    }
    let state = board.listed.console.as_ref().map(|console| console.state);
    let waits = board.listed.has_console && matches!(state, Some(ConsoleState::Waiting));
    let users = console_users(machine, board);
    if waits {
        let sentence = format!("The console of {name} cannot be opened.");
        let finding = Finding::new(Kind::ConsoleNotOpen, sentence).of(serial);
        let finding = users.iter().fold(finding, |finding, user| {
            finding.advise(format!("{user} has it open. {}", user.how_to_end()))
        });
        findings.push(finding.advise(
            "serial-bridge says why: journalctl -u cpy-serial-bridge -n 20; unplugging and plugging again may help.",
        ));
    } else if let Some(user) = users.first() {
        let sentence = format!(
            "{user} has the console of {name} open too, and takes a part of what the board prints."
        );
        let finding = Finding::new(Kind::ConsoleShared, sentence).of(serial);
        findings.push(finding.advise(user.how_to_end()));
    }
    findings
}

/// Who has the board's console open, beside the daemon whose work that is.
fn console_users(machine: &Machine, board: &Board<'_>) -> Vec<processes::Process> {
    let consoles = board.usb.iter().flat_map(|usb| &usb.consoles);
    let paths: Vec<String> = consoles.map(|node| format!("/dev/{}", node.name)).collect();
    if paths.is_empty() {
        return Vec::new();
    }
    let mut users = processes::holding(machine, |file| {
        paths.iter().any(|path| Path::new(path) == file)
    });
    users.retain(|user| !user.is("cpy-serial-bridge"));
    users
}

#[cfg(test)]
pub(super) mod sample {
    use super::super::machine::fake::Fake;
    use super::*;

    /// A board without anything wrong, as the daemons speak of it.
    pub(in super::super) fn listed(serial: &str) -> ListedBoard {
        let serial: Serial = serial.parse().unwrap();
        ListedBoard {
            hostname: cpy_board::Hostname::plain(&serial),
            serial,
            address: String::new(),
            port: None,
            board_name: None,
            version: None,
            console: None,
            drive: None,
            network: None,
            problem: None,
            has_console: true,
            has_drive: true,
        }
    }

    /// A machine with one board that has its links, and what the daemons say of it.
    pub(in super::super) struct Case {
        pub(in super::super) fake: Fake,
        pub(in super::super) listed: Vec<ListedBoard>,
    }

    impl Case {
        pub(in super::super) fn new() -> Self {
            let fake = Fake::new();
            fake.pico("1-1.4", 1)
                .link("/dev/cpy-gateway/A0000001/console", "../../ttyACM1")
                .link("/dev/cpy-gateway/A0000001/drive", "../../sdb");
            Self {
                fake,
                listed: vec![listed("A0000001")],
            }
        }

        /// What an examination of its boards comes to.
        pub(in super::super) fn examined(
            &self,
            examine: impl FnOnce(&Machine, &[Board<'_>], &[UsbDevice], &Path) -> Examination,
        ) -> Examination {
            let machine = &self.fake.machine;
            let devices = UsbDevice::all(machine);
            let boards_dir = machine.path("/dev/cpy-gateway");
            let boards = recognised(&self.listed, &devices, &boards_dir);
            examine(machine, &boards, &devices, &boards_dir)
        }
    }
}

#[cfg(test)]
mod tests {
    use cpy_board::status::ConsoleStatus;

    use super::super::machine::fake::Fake;
    use super::sample::Case;
    use super::*;

    #[test]
    fn a_board_is_recognised_by_its_links() {
        let case = Case::new();
        let examination = case.examined(|machine, boards, devices, boards_dir| {
            assert_eq!(boards[0].usb.unwrap().port, "1-1.4");
            examine(machine, boards, devices, boards_dir)
        });
        assert_eq!(examination.kinds(), []);
        assert_eq!(examination.fine.unwrap(), "1 plugged in: cpy-000001.");
    }

    #[test]
    fn no_board_at_all_is_told() {
        let mut case = Case::new();
        case.listed.clear();
        case.fake = Fake::new();
        assert_eq!(case.examined(examine).kinds(), [Kind::NoBoard]);
    }

    #[test]
    fn what_a_board_lacks_is_told() {
        let mut case = Case::new();
        case.listed[0].has_console = false;
        case.listed[0].has_drive = false;
        case.listed[0].problem = Some("settings.toml cannot be read.".into());
        let kinds = case.examined(examine).kinds();
        assert_eq!(kinds, [Kind::NoConsole, Kind::NoDrive, Kind::SettingsWrong]);
    }

    #[test]
    fn who_else_has_the_console_is_told() {
        let mut case = Case::new();
        case.fake
            .file("/proc/5/comm", "cpy-serial-brid\n")
            .link("/proc/5/fd/9", "/dev/ttyACM1");
        assert_eq!(case.examined(examine).kinds(), []);
        case.fake
            .file("/proc/6/comm", "screen\n")
            .link("/proc/6/fd/5", "/dev/ttyACM1");
        let shared = case.examined(examine);
        assert_eq!(shared.kinds(), [Kind::ConsoleShared]);
        assert!(
            shared.findings[0]
                .problem()
                .starts_with("screen (process 6) ")
        );
        case.listed[0].console = Some(ConsoleStatus {
            state: ConsoleState::Waiting,
            title: String::new(),
            clients: 0,
        });
        assert_eq!(case.examined(examine).kinds(), [Kind::ConsoleNotOpen]);
    }
}
