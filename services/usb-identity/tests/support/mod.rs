//! A sysfs made of files, in the shape that Debian's kernels 6.1 and 6.12 show for boards, and udev's store beside it.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::cell::Cell;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use cpy_usb_identity::{Identity, Machine};
use tempfile::TempDir;

pub(crate) const CONSOLE: &str = "CircuitPython CDC control";
const CONTROLLER: &str = "devices/pci0000:00/0000:00:14.0";

/// A machine with nothing but a root hub.
pub(crate) struct Bench {
    root: TempDir,
    plugged: Cell<u32>,
}

/// A USB device in it.
pub(crate) struct Device<'a> {
    pub(crate) path: PathBuf,
    bench: &'a Bench,
    number: String,
    interfaces: Cell<u32>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("sys/bus/usb/devices")).unwrap();
        fs::create_dir_all(root.path().join("run/udev/data")).unwrap();
        let bench = Self {
            root,
            plugged: Cell::new(0),
        };
        bench.hub("usb1");
        bench
    }

    pub(crate) fn sys(&self) -> PathBuf {
        fs::canonicalize(self.root.path()).unwrap().join("sys")
    }

    /// A hub, by the names of those above it and its own: `usb1/1-1`.
    pub(crate) fn hub(&self, place: &str) -> PathBuf {
        let hub = self.plug(place, Some(b"0000:00:14.0"));
        fs::write(hub.path.join("bDeviceClass"), "09\n").unwrap();
        hub.path
    }

    /// A device with these bytes for a serial number, as the kernel shows them: with a newline behind.
    pub(crate) fn plug(&self, place: &str, serial: Option<&[u8]>) -> Device<'_> {
        let path = self.sys().join(CONTROLLER).join(place);
        let minor = self.plugged.replace(self.plugged.get() + 1);
        let number = format!("189:{minor}");
        fs::create_dir_all(&path).unwrap();
        self.subsystem(&path, "usb");
        for (attribute, value) in [
            ("busnum", "1"),
            ("devnum", &(minor + 1).to_string()),
            ("dev", &number),
            ("idVendor", "239a"),
            ("idProduct", "80f4"),
            ("bDeviceClass", "ef"),
            (
                "uevent",
                "DEVTYPE=usb_device\nDRIVER=usb\nPRODUCT=239a/80f4/100",
            ),
        ] {
            fs::write(path.join(attribute), format!("{value}\n")).unwrap();
        }
        if let Some(serial) = serial {
            fs::write(path.join("serial"), [serial, b"\n"].concat()).unwrap();
        }
        let link = self
            .sys()
            .join("bus/usb/devices")
            .join(path.file_name().unwrap());
        symlink(&path, link).unwrap();
        Device {
            path,
            bench: self,
            number,
            interfaces: Cell::new(0),
        }
    }

    pub(crate) fn subsystem(&self, device: &Path, name: &str) {
        let target = self.sys().join("bus").join(name);
        fs::create_dir_all(&target).unwrap();
        symlink(target, device.join("subsystem")).unwrap();
    }

    pub(crate) fn identify(&self, path: &Path, label: Option<&str>) -> Identity {
        let machine = Machine::new(&self.sys(), &self.root.path().join("run/udev")).unwrap();
        machine.identify(path, label)
    }

    /// What udev would read: the properties, a line each.
    pub(crate) fn says(&self, path: &Path, label: Option<&str>) -> String {
        self.identify(path, label).to_string()
    }
}

impl<'a> Device<'a> {
    /// The name that is decided now, which is not stored.
    pub(crate) fn name(&self) -> String {
        match self.bench.identify(&self.path, None) {
            Identity::UsbDevice { name, .. } => name,
            other => panic!("expected a name, got {other:?}"),
        }
    }

    /// What the owner is told about the name.
    pub(crate) fn remark(&self) -> Option<String> {
        self.bench.identify(&self.path, None).remark()
    }

    /// udev's rules run for the device: the name is decided and stored.
    pub(crate) fn settle(&self) -> String {
        let properties = self.bench.says(&self.path, None);
        let name = properties.trim_end();
        self.store(&format!("I:4212345\nE:{name}\nE:ID_BUS=usb\nG:seat\n"));
        self.name()
    }

    pub(crate) fn store(&self, text: &str) {
        let data = self.bench.root.path().join("run/udev/data");
        fs::write(data.join(format!("c{}", self.number)), text).unwrap();
    }

    pub(crate) fn unplug(self) {
        let name = self.path.file_name().unwrap();
        fs::remove_file(self.bench.sys().join("bus/usb/devices").join(name)).unwrap();
        fs::remove_dir_all(&self.path).unwrap();
        let data = self.bench.root.path().join("run/udev/data");
        let _ = fs::remove_file(data.join(format!("c{}", self.number)));
    }

    /// Whether the kernel showed this one before the other, by the numbers that it gave their directories.
    pub(crate) fn is_elder_than(&self, other: &Device) -> bool {
        fs::metadata(&self.path).unwrap().ino() < fs::metadata(&other.path).unwrap().ino()
    }

    /// The next interface, of a class and with a string.
    pub(crate) fn interface(&self, class: &str, string: Option<&[u8]>) -> PathBuf {
        let number = self.interfaces.replace(self.interfaces.get() + 1);
        let name = self.path.file_name().unwrap().to_str().unwrap();
        let interface = self.path.join(format!("{name}:1.{number}"));
        fs::create_dir(&interface).unwrap();
        self.bench.subsystem(&interface, "usb");
        fs::write(interface.join("bInterfaceClass"), format!("{class}\n")).unwrap();
        fs::write(
            interface.join("bInterfaceNumber"),
            format!("{number:02x}\n"),
        )
        .unwrap();
        if let Some(string) = string {
            fs::write(interface.join("interface"), [string, b"\n"].concat()).unwrap();
        }
        interface
    }

    /// A control interface with a tty, and the data interface behind it, which has none.
    pub(crate) fn serial_port(&self, string: &str) -> PathBuf {
        let control = self.interface("02", Some(string.as_bytes()));
        self.interface("0a", None);
        let tty = control.join("tty/ttyACM0");
        fs::create_dir_all(&tty).unwrap();
        self.bench.subsystem(&tty, "tty");
        tty
    }

    /// A mass storage interface.
    pub(crate) fn storage(&self) -> Storage<'a> {
        let interface = self.interface("08", Some(b"CircuitPython Mass Storage"));
        Storage {
            bench: self.bench,
            host: interface.join("host6"),
        }
    }
}

/// The disks of a mass storage interface.
pub(crate) struct Storage<'a> {
    bench: &'a Bench,
    host: PathBuf,
}

impl Storage<'_> {
    /// The disk of a logical unit, with so many sectors.
    pub(crate) fn disk(&self, unit: u32, sectors: u64) -> PathBuf {
        let letter = ["a", "b", "c"][unit as usize];
        let address = format!("6:0:0:{unit}");
        let disk = self
            .host
            .join("target6:0:0")
            .join(&address)
            .join("block")
            .join(format!("sd{letter}"));
        fs::create_dir_all(&disk).unwrap();
        self.bench.subsystem(&disk, "block");
        fs::write(disk.join("size"), format!("{sectors}\n")).unwrap();
        fs::create_dir(disk.join("queue")).unwrap();
        disk
    }

    /// A partition of a disk.
    pub(crate) fn partition(&self, disk: &Path, number: u32) -> PathBuf {
        let name = disk.file_name().unwrap().to_str().unwrap();
        let partition = disk.join(format!("{name}{number}"));
        fs::create_dir(&partition).unwrap();
        self.bench.subsystem(&partition, "block");
        fs::write(partition.join("partition"), format!("{number}\n")).unwrap();
        fs::write(partition.join("size"), "2048\n").unwrap();
        partition
    }
}
