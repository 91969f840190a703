//! Which of a board's devices a tty or disk is: the name of its link.
//!
//! `CircuitPython` ends the strings of its interfaces alike on all boards, whoever made them: `CircuitPython CDC control`,
//! `MyBoard CDC2 control` (shared-module/usb_cdc). A drive has no such mark: it is a board's when the device has such an
//! interface too, or when it carries the label that `CircuitPython` gives when it formats.

use crate::sysfs::DeviceDir;
use crate::usb_device::UsbDevice;

/// How the string of a console's interface ends.
pub const CONSOLE_END: &str = " CDC control";
/// How the string ends of the interface of a board's second serial port, which is for its program's data.
pub const DATA_END: &str = " CDC2 control";
/// The label of a board's drive.
pub const DRIVE_LABEL: &str = "CIRCUITPY";
const SAVES_LABEL: &str = "CPSAVES";
/// The interface class of mass storage (USB class codes, usb.org).
const MASS_STORAGE: u64 = 0x08;

/// The name of a link in a board's directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    Console,
    Data,
    Drive,
    Sd,
    Saves,
}

/// What a tty or disk is to the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// No board's.
    Foreign,
    /// A board's, which nobody but the gateway should touch; linked where it has a name.
    OfBoard(Option<Link>),
}

impl Link {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Console => "console",
            Self::Data => "data",
            Self::Drive => "drive",
            Self::Sd => "sd",
            Self::Saves => "saves",
        }
    }
}

impl Part {
    /// What `device`, a tty, disk or partition below the USB device `usb`, is. `label` is that of the file system on it.
    pub(crate) fn of(device: &DeviceDir, usb: &UsbDevice, label: Option<&str>) -> Self {
        let interfaces: Vec<DeviceDir> = usb.interfaces().collect();
        let own = interfaces
            .iter()
            .find(|dir| device.path().starts_with(dir.path()));
        match (own, device.subsystem().as_deref()) {
            (Some(own), Some("tty")) => tty(own, &interfaces),
            (Some(own), Some("block")) if is_storage(own) => {
                if interfaces.iter().any(|dir| serial_link(dir).is_some()) {
                    Self::OfBoard(storage_of_board(device, label))
                } else if label == Some(DRIVE_LABEL) {
                    Self::OfBoard(Some(Link::Drive))
                } else {
                    Self::Foreign
                }
            }
            _ => Self::Foreign,
        }
    }
}

/// The link of a tty is told by its own interface. Where two say the same, it is the first one's: that is known as
/// soon as the second one has its tty.
fn tty(own: &DeviceDir, interfaces: &[DeviceDir]) -> Part {
    let Some(link) = serial_link(own) else {
        return Part::Foreign;
    };
    let number = |dir: &DeviceDir| dir.number("bInterfaceNumber", 16);
    let is_first = interfaces
        .iter()
        .filter(|dir| serial_link(dir) == Some(link))
        .all(|dir| number(own) <= number(dir));
    Part::OfBoard(is_first.then_some(link))
}

fn serial_link(interface: &DeviceDir) -> Option<Link> {
    let string = interface.attribute("interface")?;
    if string.ends_with(CONSOLE_END.as_bytes()) {
        Some(Link::Console)
    } else if string.ends_with(DATA_END.as_bytes()) {
        Some(Link::Data)
    } else {
        None
    }
}

fn is_storage(interface: &DeviceDir) -> bool {
    interface.number("bInterfaceClass", 16) == Some(MASS_STORAGE)
}

/// The drive is the whole first disk, whatever is on it: who reads it can then say what is wrong. Of a further disk it is the
/// first partition, or the whole disk where there are none. A volume of saves is told by its label.
fn storage_of_board(device: &DeviceDir, label: Option<&str>) -> Option<Link> {
    let is_saves = label == Some(SAVES_LABEL);
    let further = if is_saves { Link::Saves } else { Link::Sd };
    let is_first_disk = logical_unit(device)? == 0;
    match device.number("partition", 10) {
        None if is_first_disk => Some(Link::Drive),
        None => (has_medium(device) && !is_partitioned(device)).then_some(further),
        Some(_) if is_first_disk => is_saves.then_some(Link::Saves),
        Some(number) => (is_saves || number == 1).then_some(further),
    }
}

fn is_partitioned(disk: &DeviceDir) -> bool {
    disk.children().any(|dir| dir.has("partition"))
}

fn has_medium(disk: &DeviceDir) -> bool {
    disk.number("size", 10).is_some_and(|sectors| sectors > 0)
}

/// The logical unit that a disk or partition lies on: the last number of its SCSI address `0:0:0:1`.
fn logical_unit(device: &DeviceDir) -> Option<u64> {
    device.path().iter().find_map(|component| {
        let numbers: Vec<u64> = component
            .to_str()?
            .split(':')
            .map(|number| number.parse().ok())
            .collect::<Option<_>>()?;
        (numbers.len() == 4).then(|| numbers[3])
    })
}
