//! USB devices as the kernel shows them in sysfs (Documentation/ABI/testing/sysfs-bus-usb), and what udev has
//! noted of them in its database (`/run/udev/data`).

use cpy_usb_identity::{CONSOLE_END, DATA_END, DRIVE_LABEL};

use super::machine::Machine;

const DEVICES: &str = "/sys/bus/usb/devices";

/// A USB device that is no root hub.
#[derive(Debug)]
pub(super) struct UsbDevice {
    /// Where it is plugged in: `1-1.4`.
    pub(super) port: String,
    /// What it calls itself.
    product: String,
    /// `189:7`
    pub(super) number: Option<String>,
    /// The strings of its interfaces.
    interfaces: Vec<String>,
    /// The terminals of its consoles' interfaces.
    pub(super) consoles: Vec<Node>,
    /// Its disks, each followed by its partitions.
    pub(super) disks: Vec<Vec<Node>>,
}

/// A device node that the kernel made for an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    /// `ttyACM0`, `sda1`
    pub(super) name: String,
    /// `166:0`, `8:1`
    pub(super) number: String,
}

impl UsbDevice {
    /// Every USB device of the machine.
    pub(super) fn all(machine: &Machine) -> Vec<Self> {
        let names = machine.names(DEVICES);
        let is_device = |name: &&String| !name.contains(':') && !name.starts_with("usb");
        let devices = names.iter().filter(is_device);
        devices
            .map(|port| {
                let of_it = format!("{port}:");
                let interfaces = names.iter().filter(|name| name.starts_with(&of_it));
                Self::new(
                    machine,
                    port,
                    interfaces.map(|name| format!("{DEVICES}/{name}")),
                )
            })
            .collect()
    }

    fn new(machine: &Machine, port: &str, interfaces: impl Iterator<Item = String>) -> Self {
        let directory = format!("{DEVICES}/{port}");
        let mut device = Self {
            port: port.to_owned(),
            product: machine
                .text(format!("{directory}/product"))
                .unwrap_or_default(),
            number: machine.text(format!("{directory}/dev")),
            interfaces: Vec::new(),
            consoles: Vec::new(),
            disks: Vec::new(),
        };
        for interface in interfaces {
            let name = machine
                .text(format!("{interface}/interface"))
                .unwrap_or_default();
            if name.ends_with(CONSOLE_END) {
                device
                    .consoles
                    .extend(nodes(machine, &format!("{interface}/tty"), ""));
            }
            for block in blocks(machine, &interface) {
                for disk in nodes(machine, &block, "") {
                    let partitions = nodes(machine, &format!("{block}/{}", disk.name), &disk.name);
                    device.disks.push([vec![disk], partitions].concat());
                }
            }
            device.interfaces.push(name);
        }
        device
    }

    /// Whether this is a board that runs CircuitPython, also one that the gateway cannot tell to be one.
    pub(super) fn is_board(&self, machine: &Machine) -> bool {
        let mut names = self.interfaces.iter();
        names.any(|name| name.starts_with("CircuitPython ")) || self.can_be_told(machine)
    }

    /// Whether cpy-usb-identity tells that this is a board: by its serial ports or its drive's label.
    pub(super) fn can_be_told(&self, machine: &Machine) -> bool {
        let is_serial = |name: &String| name.ends_with(CONSOLE_END) || name.ends_with(DATA_END);
        let label = |node: &Node| {
            noted(machine, 'b', &node.number, "ID_FS_LABEL")
                .is_some_and(|label| label == DRIVE_LABEL)
        };
        self.interfaces.iter().any(is_serial) || self.disks.iter().flatten().any(label)
    }

    /// The nodes of its console and its disks, partitions included.
    pub(super) fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.consoles.iter().chain(self.disks.iter().flatten())
    }
}

impl std::fmt::Display for UsbDevice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let product = match self.product.as_str() {
            "" => "device",
            product => product,
        };
        write!(f, "{product} on USB port {}", self.port)
    }
}

/// What udev has noted of a device, if it has noted that: `kind` is `b` or `c`, `number` is `8:1`.
pub(super) fn noted(machine: &Machine, kind: char, number: &str, key: &str) -> Option<String> {
    let text = machine.text(format!("/run/udev/data/{kind}{number}"))?;
    let mut properties = text
        .lines()
        .filter_map(|line| line.strip_prefix("E:")?.split_once('='));
    properties
        .find(|(name, _)| *name == key)
        .map(|(_, value)| value.to_owned())
}

/// The device nodes in this directory whose names begin so.
fn nodes(machine: &Machine, directory: &str, prefix: &str) -> Vec<Node> {
    let names = machine.names(directory).into_iter();
    let node = |name: String| {
        let number = machine.text(format!("{directory}/{name}/dev"))?;
        name.starts_with(prefix).then_some(Node { name, number })
    };
    names.filter_map(node).collect()
}

/// `<interface>/hostN/targetN:0:0/N:0:0:LUN/block` of each logical unit.
fn blocks(machine: &Machine, interface: &str) -> Vec<String> {
    let below = |parents: Vec<String>, prefix: &str| -> Vec<String> {
        let children = parents.into_iter().flat_map(|parent| {
            let names = machine.names(&parent).into_iter();
            names.map(move |name| (format!("{parent}/{name}"), name))
        });
        let fitting = children.filter(|(_, name)| name.starts_with(prefix));
        fitting.map(|(path, _)| path).collect()
    };
    let hosts = below(vec![interface.to_owned()], "host");
    let units = below(below(hosts, "target"), "");
    below(units, "block")
}

#[cfg(test)]
mod tests {
    use super::super::machine::fake::Fake;
    use super::*;

    #[test]
    fn a_boards_console_disk_and_partition_are_found() {
        let fake = Fake::new();
        fake.pico("1-1.4", 1)
            .file("/sys/bus/usb/devices/usb1/product", "xHCI Host Controller")
            .file("/sys/bus/usb/devices/1-1/product", "USB Hub");
        let devices = UsbDevice::all(&fake.machine);
        let [hub, pico] = &devices[..] else {
            panic!("{devices:?}")
        };
        assert!(!hub.is_board(&fake.machine) && pico.is_board(&fake.machine));
        assert_eq!(pico.to_string(), "Pico on USB port 1-1.4");
        let nodes: Vec<String> = pico
            .nodes()
            .map(|node| format!("{} {}", node.name, node.number))
            .collect();
        assert_eq!(nodes, ["ttyACM1 166:1", "sdb 8:16", "sdb1 8:17"]);
    }

    #[test]
    fn a_board_without_a_console_is_known_by_its_drives_label() {
        let fake = Fake::new();
        let disk = "/sys/bus/usb/devices/1-2:1.0/host3/target3:0:0/3:0:0:0/block/sda";
        fake.file("/sys/bus/usb/devices/1-2/product", "Metro\n")
            .file(&format!("{disk}/dev"), "8:0\n")
            .file(&format!("{disk}/sda1/dev"), "8:1\n");
        let board = || UsbDevice::all(&fake.machine)[0].is_board(&fake.machine);
        assert!(!board());
        fake.file("/run/udev/data/b8:1", "I:123\nE:ID_FS_LABEL=CIRCUITPY\n");
        assert!(board());
    }
}
