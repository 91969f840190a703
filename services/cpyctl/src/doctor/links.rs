//! The links that udev makes for boards: which device nodes they lead to, and why a board may have none.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use cpy_board::Serial;

use super::finding::{Finding, Kind};
use super::machine::Machine;
use super::units::REINSTALL;
use super::usb::UsbDevice;

const RULES: &str = "61-cpy-gateway.rules";

/// The device nodes that boards' links lead to, by name, and whose they are.
#[derive(Debug, Default)]
pub(super) struct Links(BTreeMap<String, Serial>);

impl Links {
    /// The links in this directory.
    pub(super) fn new(boards_dir: &Path) -> Self {
        let mut links = Self::default();
        for directory in fs::read_dir(boards_dir).into_iter().flatten().flatten() {
            let name = directory.file_name();
            let Some(serial) = name.to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            links.add(&directory.path(), &serial);
        }
        links
    }

    fn add(&mut self, board_dir: &Path, serial: &Serial) {
        for link in fs::read_dir(board_dir).into_iter().flatten().flatten() {
            let target = fs::read_link(link.path()).unwrap_or_default();
            if let Some(name) = target.file_name().and_then(|name| name.to_str()) {
                self.0.insert(name.to_owned(), serial.clone());
            }
        }
    }

    /// Whose the device's nodes are: nobody's where it is no board.
    pub(super) fn owners<'a>(&'a self, device: &'a UsbDevice) -> impl Iterator<Item = &'a Serial> {
        device.nodes().filter_map(|node| self.0.get(&node.name))
    }
}

/// Why a device that is a board has no links.
pub(super) fn not_linked(machine: &Machine, device: &UsbDevice) -> Finding {
    if device.nodes().next().is_none() {
        return Finding::new(
            Kind::BoardWithoutDevices,
            format!("The {device} runs CircuitPython, and offers neither a console nor a drive."),
        )
        .advise("Its boot.py turns them off (usb_cdc.disable(), storage.disable_usb_drive()): start it in safe mode and change that.")
        .advise("If it was plugged in a moment ago, wait 5 seconds and ask again.");
    }
    let udev_runs = machine.has("/run/udev/control");
    // Labels are udev's to read.
    if udev_runs && !device.can_be_told(machine) {
        return Finding::new(
            Kind::BoardNotLinked,
            format!("The {device} runs CircuitPython with its console off, and its drive is not labelled CIRCUITPY: so the gateway cannot tell that it is a board."),
        )
        .advise("Give its drive the name CIRCUITPY.")
        .advise("Or let its boot.py leave the console on: look there for usb_cdc.disable() or usb_cdc.enable(console=False, ...).");
    }
    let finding = Finding::new(
        Kind::BoardNotLinked,
        format!(
            "The {device} runs CircuitPython, and udev has not made it a board of this gateway."
        ),
    );
    let places = [
        "/etc/udev/rules.d",
        "/usr/lib/udev/rules.d",
        "/lib/udev/rules.d",
    ];
    let rules: Vec<String> = places.map(|place| format!("{place}/{RULES}")).into();
    if !rules.iter().any(|rules| machine.has(rules)) {
        finding.advise(format!(
            "The rules that do it are missing ({}): {REINSTALL}",
            rules[1]
        ))
    } else if machine
        .link(&rules[0])
        .is_some_and(|to| to == Path::new("/dev/null"))
    {
        finding.advise(format!("The rules are masked: sudo rm {} && sudo udevadm control --reload && sudo udevadm trigger --action=add", rules[0]))
    } else if udev_runs {
        finding
            .advise("Let udev look again: sudo udevadm control --reload && sudo udevadm trigger --action=add --settle")
            .advise("If that does not help, unplug the board and plug it in again.")
    } else {
        finding.advise("udev is not running: sudo systemctl start systemd-udevd")
    }
}

#[cfg(test)]
mod tests {
    use super::super::boards::examine;
    use super::super::boards::sample::Case;
    use super::super::machine::fake::Fake;
    use super::*;

    #[test]
    fn a_board_without_links_is_told_with_what_udev_lacks() {
        let mut case = Case::new();
        case.listed.clear();
        case.fake.pico("1-2", 2);
        let advice = |case: &Case| {
            let examination = case.examined(examine);
            assert_eq!(examination.kinds(), [Kind::BoardNotLinked]);
            let problem = examination.findings[0].problem();
            assert!(problem.contains("Pico on USB port 1-2 "), "{problem}");
            examination.findings[0].advice()[0].clone()
        };
        assert!(advice(&case).contains("rules that do it are missing"));
        case.fake
            .file("/usr/lib/udev/rules.d/61-cpy-gateway.rules", "");
        assert!(advice(&case).contains("udev is not running"));
        case.fake.file("/run/udev/control", "");
        assert!(advice(&case).contains("udevadm trigger"));
        case.fake
            .link("/etc/udev/rules.d/61-cpy-gateway.rules", "/dev/null");
        assert!(advice(&case).contains("masked"));
    }

    #[test]
    fn a_board_that_cannot_be_told_is_not_left_to_udev() {
        let mut case = Case::new();
        case.listed.clear();
        case.fake = Fake::new();
        let usb = "/sys/bus/usb/devices/1-2";
        let disk = format!("{usb}:1.0/host3/target3:0:0/3:0:0:0/block/sda");
        case.fake
            .file(&format!("{usb}/product"), "Metro\n")
            .file(
                &format!("{usb}:1.0/interface"),
                "CircuitPython Mass Storage\n",
            )
            .file(&format!("{disk}/dev"), "8:0\n")
            .file("/usr/lib/udev/rules.d/61-cpy-gateway.rules", "")
            .file("/run/udev/control", "")
            .file("/run/udev/data/b8:0", "E:ID_FS_LABEL=MYDISK\n");
        let advice = |case: &Case| {
            let examination = case.examined(examine);
            assert_eq!(examination.kinds(), [Kind::BoardNotLinked]);
            examination.findings[0].advice().join(" ")
        };
        let told = advice(&case);
        assert!(
            told.contains("name CIRCUITPY") && !told.contains("udevadm"),
            "{told}"
        );
        case.fake
            .file("/run/udev/data/b8:0", "E:ID_FS_LABEL=CIRCUITPY\n");
        assert!(advice(&case).contains("udevadm"));
    }
}
