//! What udev is told of one device: [`Identity`], from what one [`Machine`] says of itself.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use crate::link::{Link, Part};
use crate::name::{Note, name};
use crate::sysfs::DeviceDir;
use crate::udev_db::UdevDb;
use crate::usb_device::UsbDevice;

/// The property of a USB device that holds the decided name.
pub(crate) const NAME: &str = "CPY_GATEWAY_NAME";
/// The property of a tty, disk or partition that says whose it is.
const BOARD: &str = "CPY_GATEWAY_BOARD";
/// The property of a tty, disk or partition that is to be linked, and how, below `/dev`.
const LINK: &str = "CPY_GATEWAY_LINK";

/// The places where the kernel and udev say what is plugged in.
#[derive(Debug)]
pub struct Machine {
    devices: PathBuf,
    usb: PathBuf,
    db: UdevDb,
}

/// What is to be said of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Nothing: it is no board's.
    Foreign,
    /// A USB device and the name that it has from now on, should it be a board.
    UsbDevice {
        /// The name.
        name: String,
        /// Why that is not its serial number.
        note: Option<Note>,
    },
    /// A tty, disk or partition of a board.
    OfBoard {
        /// The board's directory.
        board: String,
        /// The name in it, if it gets one.
        link: Option<&'static str>,
    },
    /// A tty, disk or partition of a board that has no name: udev was not asked about the USB device, or could
    /// not ask.
    Unnamed {
        /// The USB port.
        port: String,
    },
}

impl Machine {
    /// The machine whose sysfs and udev directory are here: `/sys` and `/run/udev`.
    pub fn new(sys: &Path, run_udev: &Path) -> io::Result<Self> {
        let sys = fs::canonicalize(sys)?;
        Ok(Self {
            devices: sys.join("devices"),
            usb: sys.join("bus/usb/devices"),
            db: UdevDb::new(run_udev),
        })
    }

    /// What is to be said of the device whose directory in sysfs is `path`. `label` is that of the file system on it.
    /// What has just been unplugged is nobody's.
    pub fn identify(&self, path: &Path, label: Option<&str>) -> Identity {
        let Some(device) = DeviceDir::new(&self.devices, path) else {
            return Identity::Foreign;
        };
        if let Some(usb) = UsbDevice::at(device.clone()) {
            let (name, note) = name(&usb, self.usb_devices(), &self.db);
            return Identity::UsbDevice { name, note };
        }
        let mut above = path
            .ancestors()
            .skip(1)
            .map_while(|path| DeviceDir::new(&self.devices, path));
        let Some(usb) = above.find_map(UsbDevice::at) else {
            return Identity::Foreign;
        };
        match (Part::of(&device, &usb, label), self.db.name(&usb)) {
            (Part::Foreign, _) => Identity::Foreign,
            (Part::OfBoard(link), Some(board)) => Identity::OfBoard {
                board,
                link: link.map(Link::as_str),
            },
            (Part::OfBoard(_), None) => Identity::Unnamed {
                port: usb.dir().name().to_owned(),
            },
        }
    }

    fn usb_devices(&self) -> impl Iterator<Item = UsbDevice> {
        let entries = fs::read_dir(&self.usb).into_iter().flatten().flatten();
        entries
            .filter(|entry| is_device_name(&entry.file_name()))
            .filter_map(|entry| DeviceDir::behind(&self.devices, &entry.path()))
            .filter_map(UsbDevice::at)
    }
}

/// The directory lists interfaces, `1-1:1.0`, and root hubs, `usb1`, too: most of what there is, and not looked at.
fn is_device_name(name: &OsStr) -> bool {
    let name = name.as_bytes();
    !name.contains(&b':') && !name.starts_with(b"usb")
}

impl Identity {
    /// What a person should read in the log.
    pub fn remark(&self) -> Option<String> {
        match self {
            Self::UsbDevice { note, .. } => note.as_ref().map(ToString::to_string),
            Self::Unnamed { port } => Some(format!(
                "the board at USB port {port} has no name yet: udevadm trigger makes udev look again"
            )),
            Self::Foreign | Self::OfBoard { .. } => None,
        }
    }
}

/// As udev's `IMPORT{program}` reads it: a line a property.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign | Self::Unnamed { .. } => Ok(()),
            Self::UsbDevice { name, .. } => writeln!(f, "{NAME}={name}"),
            Self::OfBoard { board, link } => {
                writeln!(f, "{BOARD}={board}")?;
                match link {
                    Some(link) => writeln!(f, "{LINK}=cpy-gateway/{board}/{link}"),
                    None => Ok(()),
                }
            }
        }
    }
}
