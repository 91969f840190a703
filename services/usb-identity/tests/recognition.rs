//! Which devices are a board's, and under which names they are linked.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of a test fails as the test does"
)]

mod support;

use std::fs;
use std::os::unix::fs::symlink;

use cpy_usb_identity::Identity;
use support::{Bench, CONSOLE, Device};

const SERIAL: &[u8] = b"E6614C311B7E6F35";

fn board(bench: &Bench) -> Device<'_> {
    let device = bench.plug("usb1/1-1", Some(SERIAL));
    device.settle();
    device
}

fn linked(link: &str) -> String {
    format!(
        "CPY_GATEWAY_BOARD=E6614C311B7E6F35\n\
         CPY_GATEWAY_LINK=cpy-gateway/E6614C311B7E6F35/{link}\n"
    )
}

const NOT_LINKED: &str = "CPY_GATEWAY_BOARD=E6614C311B7E6F35\n";

#[test]
fn a_console_is_told_by_the_end_of_its_interface_s_string() {
    for string in [CONSOLE, "MyBoard CDC control", "Brett & Söhne CDC control"] {
        let bench = Bench::new();
        let tty = board(&bench).serial_port(string);
        assert_eq!(bench.says(&tty, None), linked("console"));
    }
}

#[test]
fn the_second_port_is_data() {
    let bench = Bench::new();
    let device = board(&bench);
    let console = device.serial_port(CONSOLE);
    let data = device.serial_port("CircuitPython CDC2 control");
    assert_eq!(bench.says(&console, None), linked("console"));
    assert_eq!(bench.says(&data, None), linked("data"));
}

#[test]
fn of_two_consoles_the_first_is_linked() {
    let bench = Bench::new();
    let device = board(&bench);
    let first = device.serial_port(CONSOLE);
    assert_eq!(bench.says(&first, None), linked("console"));
    let second = device.serial_port("Other CDC control");
    assert_eq!(bench.says(&first, None), linked("console"));
    assert_eq!(bench.says(&second, None), NOT_LINKED);
}

#[test]
fn ports_of_other_makers_are_foreign() {
    for string in [
        "CDC Abstract Control Model (ACM)",
        "Board CDC",
        "CDC control",
        "CircuitPython CDC control\n",
        "CircuitPython CDC data",
        "",
        "\n",
    ] {
        let bench = Bench::new();
        let tty = board(&bench).serial_port(string);
        assert_eq!(bench.identify(&tty, None), Identity::Foreign, "{string:?}");
    }
    let bench = Bench::new();
    let device = board(&bench);
    let silent = device.interface("02", None).join("tty/ttyACM0");
    fs::create_dir_all(&silent).unwrap();
    bench.subsystem(&silent, "tty");
    assert_eq!(bench.says(&silent, None), "");
}

#[test]
fn a_board_s_first_disk_is_its_drive_whatever_is_on_it() {
    let bench = Bench::new();
    let device = board(&bench);
    device.serial_port(CONSOLE);
    let storage = device.storage();
    let disk = storage.disk(0, 2049);
    for label in [None, Some("CIRCUITPY"), Some("MY DRIVE"), Some("CPSAVES")] {
        assert_eq!(bench.says(&disk, label), linked("drive"));
    }
    let partition = storage.partition(&disk, 1);
    assert_eq!(bench.says(&disk, None), linked("drive"));
    assert_eq!(bench.says(&partition, Some("CIRCUITPY")), NOT_LINKED);
}

#[test]
fn a_drive_without_a_medium_stays_linked() {
    let bench = Bench::new();
    let device = board(&bench);
    device.serial_port(CONSOLE);
    let disk = device.storage().disk(0, 0);
    assert_eq!(bench.says(&disk, None), linked("drive"));
}

#[test]
fn a_data_port_alone_makes_a_board_too() {
    let bench = Bench::new();
    let device = board(&bench);
    device.serial_port("CircuitPython CDC2 control");
    let disk = device.storage().disk(0, 2049);
    assert_eq!(bench.says(&disk, None), linked("drive"));
}

#[test]
fn a_further_disk_is_linked_when_it_has_a_medium() {
    let bench = Bench::new();
    let device = board(&bench);
    device.serial_port(CONSOLE);
    let storage = device.storage();
    storage.disk(0, 2049);
    let card = storage.disk(1, 0);
    assert_eq!(bench.says(&card, None), NOT_LINKED);
    fs::write(card.join("size"), "15523840\n").unwrap();
    assert_eq!(bench.says(&card, None), linked("sd"));
    let (first, second) = (storage.partition(&card, 1), storage.partition(&card, 2));
    assert_eq!(bench.says(&card, None), NOT_LINKED);
    assert_eq!(bench.says(&first, Some("PHOTOS")), linked("sd"));
    assert_eq!(bench.says(&second, None), NOT_LINKED);
}

#[test]
fn saves_are_told_by_their_label() {
    let bench = Bench::new();
    let device = board(&bench);
    device.serial_port(CONSOLE);
    let storage = device.storage();
    let drive = storage.disk(0, 2049);
    let beside = storage.partition(&drive, 2);
    assert_eq!(bench.says(&beside, Some("CPSAVES")), linked("saves"));
    let bare = storage.disk(1, 128);
    assert_eq!(bench.says(&bare, Some("CPSAVES")), linked("saves"));
    let disk = storage.disk(2, 128);
    let partition = storage.partition(&disk, 1);
    assert_eq!(bench.says(&disk, None), NOT_LINKED);
    assert_eq!(bench.says(&partition, Some("CPSAVES")), linked("saves"));
}

#[test]
fn a_board_with_nothing_but_a_drive_is_told_by_its_label() {
    let bench = Bench::new();
    let storage_alone = board(&bench).storage();
    let disk = storage_alone.disk(0, 2049);
    assert_eq!(bench.says(&disk, Some("CIRCUITPY")), linked("drive"));
    assert_eq!(bench.says(&disk, None), "");
    let partition = storage_alone.partition(&disk, 1);
    assert_eq!(bench.says(&partition, Some("CIRCUITPY")), linked("drive"));
}

#[test]
fn sticks_and_phones_are_foreign() {
    let bench = Bench::new();
    let stick = board(&bench).storage();
    let disk = stick.disk(0, 15_523_840);
    let partition = stick.partition(&disk, 1);
    for label in [
        None,
        Some("HOLIDAY"),
        Some("circuitpy"),
        Some("CIRCUITPY2"),
        Some("CPSAVES"),
    ] {
        assert_eq!(bench.says(&partition, label), "", "{label:?}");
    }
    let phone = bench.plug("usb1/1-2", Some(b"R58M12ABCDE"));
    phone.settle();
    let tty = phone.serial_port("CDC Abstract Control Model (ACM)");
    assert_eq!(bench.says(&tty, None), "");
    let disk = phone.storage().disk(0, 99);
    assert_eq!(bench.says(&disk, Some("PHONE")), "");
}

#[test]
fn a_label_counts_on_usb_mass_storage_only() {
    let bench = Bench::new();
    let inside = bench
        .sys()
        .join("devices/pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0/block/sda");
    fs::create_dir_all(&inside).unwrap();
    bench.subsystem(&inside, "block");
    let image = bench.sys().join("devices/virtual/block/loop0");
    fs::create_dir_all(&image).unwrap();
    bench.subsystem(&image, "block");
    let odd = board(&bench)
        .interface("ff", None)
        .join("host6/target6:0:0/6:0:0:0/block/sdb");
    fs::create_dir_all(&odd).unwrap();
    bench.subsystem(&odd, "block");
    for device in [inside, image, odd] {
        assert_eq!(bench.says(&device, Some("CIRCUITPY")), "");
    }
}

#[test]
fn other_things_on_a_board_are_left_alone() {
    let bench = Bench::new();
    let device = board(&bench);
    device.serial_port(CONSOLE);
    let keys = device.interface("03", Some(b"CircuitPython HID"));
    assert_eq!(bench.says(&keys, None), "");
    let input = keys.join("input/input7");
    fs::create_dir_all(&input).unwrap();
    bench.subsystem(&input, "input");
    assert_eq!(bench.says(&input, None), "");
}

#[test]
fn a_board_behind_hubs_is_called_after_the_nearest_device() {
    let bench = Bench::new();
    bench.hub("usb1/1-1");
    bench.hub("usb1/1-1/1-1.4");
    let device = bench.plug("usb1/1-1/1-1.4/1-1.4.3", None);
    assert_eq!(device.settle(), "usb-1-1_4_3");
    let tty = device.serial_port(CONSOLE);
    assert_eq!(
        bench.says(&tty, None),
        "CPY_GATEWAY_BOARD=usb-1-1_4_3\nCPY_GATEWAY_LINK=cpy-gateway/usb-1-1_4_3/console\n"
    );
}

#[test]
fn hubs_have_no_name() {
    let bench = Bench::new();
    let hub = bench.hub("usb1/1-1");
    assert_eq!(bench.identify(&hub, None), Identity::Foreign);
}

#[test]
fn a_board_without_a_stored_name_is_not_linked_and_said_so() {
    let bench = Bench::new();
    let device = bench.plug("usb1/1-1", Some(SERIAL));
    let tty = device.serial_port(CONSOLE);
    let identity = bench.identify(&tty, None);
    assert_eq!(identity.to_string(), "");
    assert!(identity.remark().unwrap().contains("port 1-1 "));
}

#[test]
fn what_lies_outside_of_the_devices_is_foreign() {
    let bench = Bench::new();
    let device = board(&bench);
    let tty = device.serial_port(CONSOLE);
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("interface"), "X CDC control\n").unwrap();
    let link = device.path.join("1-1:1.9");
    symlink(elsewhere.path(), &link).unwrap();
    let name = bench.sys().join("class/tty/ttyACM0");
    fs::create_dir_all(name.parent().unwrap()).unwrap();
    symlink(&tty, &name).unwrap();
    let roundabout = tty.join("../ttyACM0");
    for path in [
        &link,
        &name,
        &roundabout,
        &device.path.join("gone"),
        &bench.sys().join("devices"),
        &"/".into(),
        &"".into(),
        &"relative".into(),
    ] {
        assert_eq!(bench.says(path, None), "", "{}", path.display());
    }
}

#[test]
fn an_attribute_that_is_a_link_is_not_read() {
    let bench = Bench::new();
    let device = board(&bench);
    let other = bench.sys().join("string");
    fs::write(&other, "X CDC control\n").unwrap();
    let tty = device.serial_port("nothing");
    let string = tty.join("../../interface");
    fs::remove_file(&string).unwrap();
    symlink(&other, &string).unwrap();
    assert_eq!(bench.says(&tty, None), "");
}
