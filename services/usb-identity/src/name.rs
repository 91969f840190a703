//! The name of a USB device: its serial number, or the name of its port where that cannot be.
//!
//! Two devices with the same serial number must not get it both, though udev handles them side by side. So one gives way
//! to another that has the name already, and to another that came earlier and is not decided yet. The order of coming is
//! the kernel's and the same for whoever looks, and of any two the earlier one is there when the later one looks: so
//! they cannot miss each other. A decided name stays while the device is plugged in, whoever else leaves: the links of
//! a board are made one by one, and must end in one directory.

use std::fmt;

use crate::udev_db::UdevDb;
use crate::usb_device::{NoSerial, UsbDevice};

/// What the owner of the machine should know: why a device is not called by its serial number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    port: String,
    name: String,
    reason: Reason,
}

/// Why it is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Reason {
    #[error("{0}")]
    NoSerial(#[from] NoSerial),
    #[error("the device at {0} has the same serial number")]
    Taken(String),
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { port, name, reason } = self;
        write!(f, "the USB device at {port} is called {name}: {reason}")
    }
}

/// Decides the name of a device among `all` that are plugged in, itself or not. It is a
/// [`Serial`](cpy_board::Serial) in any case.
pub(crate) fn name(
    device: &UsbDevice,
    all: impl IntoIterator<Item = UsbDevice>,
    db: &UdevDb,
) -> (String, Option<Note>) {
    if let Some(name) = db.name(device) {
        return (name, None);
    }
    let reason = match device.serial() {
        Err(reason) => Reason::NoSerial(reason.clone()),
        Ok(serial) => {
            let elder = all.into_iter().find(|other| has_first(other, device, db));
            match elder {
                None => return (serial.to_string(), None),
                Some(elder) => Reason::Taken(elder.dir().name().to_owned()),
            }
        }
    };
    let name = device.port().to_string();
    let note = Note {
        port: device.dir().name().to_owned(),
        name: name.clone(),
        reason,
    };
    (name, Some(note))
}

/// Whether `other` has the serial number of `device` for its name, or will have it.
fn has_first(other: &UsbDevice, device: &UsbDevice, db: &UdevDb) -> bool {
    let (Ok(serial), Ok(others)) = (device.serial(), other.serial()) else {
        return false;
    };
    if others != serial || other.dir() == device.dir() {
        return false;
    }
    match db.name(other) {
        Some(name) => name == serial.as_str(),
        None => other.dir().birth() < device.dir().birth(),
    }
}
