//! What USB devices say of themselves: serial numbers, the strings of interfaces, labels of drives. Whatever it is, a
//! name is one component of a path and no two devices have one, udev is told a line a property, and hosts get names of
//! the form, each its own.
//!
//! The input: a few lines: the serial numbers of two devices, the string of an interface, a label.

#![no_main]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use cpy_board::{Hostname, Serial};
use cpy_usb_identity::{Identity, Machine};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

thread_local! {
    static BENCH: Bench = Bench::new();
}

/// A machine with two devices, made of files.
struct Bench {
    root: TempDir,
    devices: [PathBuf; 2],
    tty: PathBuf,
}

fuzz_target!(|input: &[u8]| {
    let lines: Vec<&[u8]> = input.splitn(4, |byte| *byte == b'\n').collect();
    let line = |number: usize| lines.get(number).copied().unwrap_or_default();
    BENCH.with(|bench| names(bench, line));
    let serials: BTreeSet<Serial> = String::from_utf8_lossy(input)
        .split('\n')
        .filter_map(|text| text.parse().ok())
        .collect();
    let hosts = Hostname::assign(&serials);
    let distinct: BTreeSet<&str> = hosts.values().map(Hostname::as_str).collect();
    assert_eq!(
        (hosts.len(), distinct.len()),
        (serials.len(), serials.len())
    );
    for host in distinct {
        assert_eq!(host.parse::<Hostname>().unwrap().as_str(), host);
    }
});

fn names<'a>(bench: &Bench, line: impl Fn(usize) -> &'a [u8]) {
    for (number, device) in bench.devices.iter().enumerate() {
        fs::write(device.join("serial"), [line(number), b"\n"].concat()).unwrap();
    }
    let interface = bench.tty.ancestors().nth(2).unwrap();
    fs::write(interface.join("interface"), [line(2), b"\n"].concat()).unwrap();
    let sys = bench.root.path().join("sys");
    let machine = Machine::new(&sys, &bench.root.path().join("run/udev")).unwrap();
    let mut taken = BTreeSet::new();
    for device in &bench.devices {
        let identity = machine.identify(device, None);
        let told = identity.to_string();
        let Identity::UsbDevice { name, note } = identity else {
            panic!("no device: {identity:?}");
        };
        assert!(name.parse::<Serial>().is_ok(), "{name:?}");
        assert_eq!(told, format!("CPY_GATEWAY_NAME={name}\n"));
        let note = note.map(|note| note.to_string());
        assert!(note.is_none_or(|note| !note.chars().any(char::is_control)));
        let elder = taken.is_empty();
        assert!(
            taken.insert(name.clone()) || !elder,
            "two devices are {name}"
        );
        // udev keeps it.
        let number = fs::read_to_string(device.join("dev")).unwrap();
        let kept = bench
            .root
            .path()
            .join("run/udev/data")
            .join(format!("c{}", number.trim_end()));
        fs::write(kept, format!("E:{told}")).unwrap();
    }
    assert_eq!(taken.len(), 2, "{taken:?}");
    let label = String::from_utf8_lossy(line(3));
    let told = machine.identify(&bench.tty, Some(&label)).to_string();
    for property in told.lines() {
        let (_, value) = property.split_once('=').expect("a property");
        let legal = |c: char| c.is_ascii_alphanumeric() || "-_/".contains(c);
        assert!(value.chars().all(legal), "{told:?}");
    }
    for stored in fs::read_dir(bench.root.path().join("run/udev/data")).unwrap() {
        fs::remove_file(stored.unwrap().path()).unwrap();
    }
}

impl Bench {
    fn new() -> Self {
        // In memory, where there is such a place.
        let root = tempfile::tempdir_in("/dev/shm")
            .or_else(|_| tempfile::tempdir())
            .unwrap();
        let sys = fs::canonicalize(root.path()).unwrap().join("sys");
        fs::create_dir_all(sys.join("bus/usb/devices")).unwrap();
        fs::create_dir_all(root.path().join("run/udev/data")).unwrap();
        let devices = ["1-1", "1-2"].map(|name| plug(&sys, name));
        let interface = devices[0].join("1-1:1.0");
        let tty = interface.join("tty/ttyACM0");
        fs::create_dir_all(&tty).unwrap();
        belongs(&sys, &interface, "usb");
        belongs(&sys, &tty, "tty");
        fs::write(interface.join("bInterfaceClass"), "02\n").unwrap();
        fs::write(interface.join("bInterfaceNumber"), "00\n").unwrap();
        Self { root, devices, tty }
    }
}

fn plug(sys: &Path, name: &str) -> PathBuf {
    let device = sys.join("devices/pci0000:00/0000:00:14.0/usb1").join(name);
    fs::create_dir_all(&device).unwrap();
    belongs(sys, &device, "usb");
    let number = &name[2..];
    let dev = format!("189:{number}");
    for (attribute, value) in [
        ("busnum", "1"),
        ("devnum", number),
        ("dev", &dev),
        ("idVendor", "239a"),
        ("idProduct", "80f4"),
        ("bDeviceClass", "ef"),
    ] {
        fs::write(device.join(attribute), format!("{value}\n")).unwrap();
    }
    symlink(&device, sys.join("bus/usb/devices").join(name)).unwrap();
    device
}

fn belongs(sys: &Path, device: &Path, subsystem: &str) {
    let target = sys.join("bus").join(subsystem);
    fs::create_dir_all(&target).unwrap();
    symlink(target, device.join("subsystem")).unwrap();
}
