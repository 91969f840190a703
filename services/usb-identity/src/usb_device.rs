//! A USB device in sysfs: what it says of itself, and where it is plugged in.

use cpy_board::Serial;
use cpy_board::serial::{PORT_PREFIX, SerialError};

use crate::sysfs::DeviceDir;

/// The class of hubs (USB class codes, usb.org).
const HUB: u64 = 0x09;

/// A USB device that is no hub.
#[derive(Clone, Debug)]
pub(crate) struct UsbDevice {
    dir: DeviceDir,
    port: Serial,
    serial: Result<Serial, NoSerial>,
}

/// Why a device's serial number cannot be its name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoSerial {
    /// The device has none.
    #[error("it has no serial number")]
    Absent,
    /// The number is not text.
    #[error("its serial number is no text")]
    NotText,
    /// The number could lead out of a directory, or is longer than any can be.
    #[error("{0}")]
    Invalid(#[from] SerialError),
    /// The number has the form that names after ports have.
    #[error("its serial number looks like the name of a port")]
    PortLike,
}

impl UsbDevice {
    /// The device in this directory, if it is one. The kernel calls a device after its port: `1-1.4` is port 4 of the hub
    /// at port 1 of bus 1.
    pub(crate) fn at(dir: DeviceDir) -> Option<Self> {
        if dir.subsystem()? != "usb" || !dir.has("devnum") {
            return None;
        }
        if dir.number("bDeviceClass", 16)? == HUB {
            return None;
        }
        let port = format!("{PORT_PREFIX}{}", dir.name().replace('.', "_"));
        Some(Self {
            port: port.parse().ok()?,
            serial: serial(&dir),
            dir,
        })
    }

    pub(crate) fn dir(&self) -> &DeviceDir {
        &self.dir
    }

    /// The name after the port: no two devices have it at a time.
    pub(crate) fn port(&self) -> &Serial {
        &self.port
    }

    /// The serial number, where it can be a name.
    pub(crate) fn serial(&self) -> Result<&Serial, &NoSerial> {
        self.serial.as_ref()
    }

    /// Its device number as udev's store calls it: `189:3`.
    pub(crate) fn number(&self) -> Option<String> {
        let number = String::from_utf8(self.dir.attribute("dev")?).ok()?;
        let is_number = number.bytes().all(|b| b.is_ascii_digit() || b == b':');
        is_number.then_some(number)
    }

    /// Its interfaces as far as the kernel shows them yet, each `1-1:1.0` and the like. It shows them in the order
    /// of their numbers and gives each to its driver before it shows the next.
    pub(crate) fn interfaces(&self) -> impl Iterator<Item = DeviceDir> {
        self.dir.children().filter(|dir| dir.name().contains(':'))
    }
}

fn serial(dir: &DeviceDir) -> Result<Serial, NoSerial> {
    let bytes = dir.attribute("serial").ok_or(NoSerial::Absent)?;
    let text = String::from_utf8(bytes).map_err(|_| NoSerial::NotText)?;
    if text.is_empty() {
        return Err(NoSerial::Absent);
    }
    let serial: Serial = text.parse()?;
    let is_port_like = text
        .get(..PORT_PREFIX.len())
        .is_some_and(|beginning| beginning.eq_ignore_ascii_case(PORT_PREFIX));
    if is_port_like {
        return Err(NoSerial::PortLike);
    }
    Ok(serial)
}
