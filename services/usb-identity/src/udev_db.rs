//! What udev has stored with a device: `/run/udev/data/c189:3` and the like, a line a fact (sd-device's format).

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::identity::NAME;
use crate::usb_device::UsbDevice;

/// More than udev stores with any device.
const LONGEST: u64 = 1 << 16;

/// udev's store.
#[derive(Debug)]
pub(crate) struct UdevDb {
    data: PathBuf,
}

impl UdevDb {
    /// The store below `/run/udev`.
    pub(crate) fn new(run_udev: &Path) -> Self {
        Self {
            data: run_udev.join("data"),
        }
    }

    /// The name that was decided for a device, if it is one that the device can have: its serial, or the one after its port.
    pub(crate) fn name(&self, device: &UsbDevice) -> Option<String> {
        let file = File::open(self.data.join(format!("c{}", device.number()?))).ok()?;
        let mut bytes = Vec::new();
        file.take(LONGEST).read_to_end(&mut bytes).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        let prefix = format!("E:{NAME}=");
        let name = text.lines().find_map(|line| line.strip_prefix(&prefix))?;
        let is_its_own = device.port().as_str() == name
            || device.serial().is_ok_and(|serial| serial.as_str() == name);
        is_its_own.then(|| name.to_owned())
    }
}
