//! The names that USB devices get, with serial numbers good, bad and shared.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of a test fails as the test does"
)]

mod support;

use cpy_board::Serial;
use proptest::prelude::*;
use support::{Bench, CONSOLE};

const SERIAL: &[u8] = b"E6614C311B7E6F35";

fn alone(serial: Option<&[u8]>) -> (String, Option<String>) {
    let bench = Bench::new();
    let device = bench.plug("usb1/1-1", serial);
    (device.name(), device.remark())
}

#[test]
fn a_good_serial_number_is_the_name() {
    for good in [
        SERIAL,
        b"df60bcf4_9c5a",
        b"0",
        &[b'A'; 126],
        b"usb",
        b"USBX-1",
    ] {
        let name = String::from_utf8(good.to_vec()).unwrap();
        assert_eq!(alone(Some(good)), (name, None));
    }
}

#[test]
fn a_bad_serial_number_is_refused_in_words() {
    for (bad, reason) in [
        (&b".."[..], "'.'"),
        (b"a/b", "'/'"),
        (b"/", "'/'"),
        (b"", "no serial number"),
        (b"a b", "' '"),
        (b"A1 ", "' '"),
        (b"A1\n", "'\\n'"),
        (b"\nA1", "'\\n'"),
        (b"$(reboot)", "'$'"),
        (b"%n", "'%'"),
        (b"A1\0", "'\\0'"),
        ("ü".as_bytes(), "'ü'"),
        (b"A\xff\xfe", "no text"),
        (&[b'A'; 200], "200 characters"),
        (b"usb-1-1_4", "looks like the name of a port"),
        (b"USB-1-2", "looks like the name of a port"),
        (b"usb-", "looks like the name of a port"),
    ] {
        let (name, remark) = alone(Some(bad));
        assert_eq!(name, "usb-1-1", "{bad:?}");
        let remark = remark.unwrap();
        assert!(remark.contains(reason), "{remark}");
        assert_eq!(remark.lines().count(), 1, "{remark}");
    }
    let (name, remark) = alone(None);
    assert_eq!(name, "usb-1-1");
    assert!(remark.unwrap().contains("no serial number"));
}

#[test]
fn of_two_that_come_at_once_the_elder_has_the_serial_number() {
    let bench = Bench::new();
    let first = bench.plug("usb1/1-1", Some(SERIAL));
    let second = bench.plug("usb1/1-2", Some(SERIAL));
    // Neither is stored yet: as when two of udev's workers decide side by side.
    let mut names = [first.name(), second.name()];
    if second.is_elder_than(&first) {
        names.reverse();
    }
    assert_eq!(names[0], "E6614C311B7E6F35");
    assert!(names[1].starts_with("usb-1-"), "{names:?}");
    let younger = if second.is_elder_than(&first) {
        &first
    } else {
        &second
    };
    assert!(younger.remark().unwrap().contains("same serial number"));
}

#[test]
fn who_has_the_serial_number_keeps_it_from_all_others() {
    let bench = Bench::new();
    let holder = bench.plug("usb1/1-1", Some(SERIAL));
    holder.settle();
    for place in ["usb1/1-2", "usb1/1-3"] {
        let late = bench.plug(place, Some(SERIAL));
        let port = format!("usb-{}", place.strip_prefix("usb1/").unwrap());
        assert_eq!(late.settle(), port);
    }
    assert_eq!(holder.settle(), "E6614C311B7E6F35");
}

#[test]
fn a_name_stays_when_another_device_leaves() {
    let bench = Bench::new();
    let holder = bench.plug("usb1/1-1", Some(SERIAL));
    holder.settle();
    let other = bench.plug("usb1/1-2", Some(SERIAL));
    other.settle();
    holder.unplug();
    assert_eq!(other.settle(), "usb-1-2");
    let tty = other.serial_port(CONSOLE);
    assert!(bench.says(&tty, None).ends_with("usb-1-2/console\n"));
}

#[test]
fn who_comes_back_gets_the_serial_number_back() {
    let bench = Bench::new();
    let holder = bench.plug("usb1/1-1", Some(SERIAL));
    holder.settle();
    let other = bench.plug("usb1/1-2", Some(SERIAL));
    other.settle();
    holder.unplug();
    let back = bench.plug("usb1/1-1", Some(SERIAL));
    assert_eq!(back.settle(), "E6614C311B7E6F35");
    assert_eq!(other.settle(), "usb-1-2");
}

#[test]
fn serial_numbers_that_differ_in_case_are_two() {
    let bench = Bench::new();
    let lower = bench.plug("usb1/1-1", Some(b"abcdef"));
    let upper = bench.plug("usb1/1-2", Some(b"ABCDEF"));
    assert_eq!(
        (lower.settle(), upper.settle()),
        ("abcdef".into(), "ABCDEF".into())
    );
}

#[test]
fn a_hub_s_serial_number_is_nobody_s_name() {
    let bench = Bench::new();
    bench.hub("usb1/1-1");
    let device = bench.plug("usb1/1-2", Some(b"0000_14"));
    assert_eq!(device.name(), "0000_14");
}

#[test]
fn a_stored_name_that_is_not_the_device_s_own_is_not_believed() {
    let bench = Bench::new();
    let device = bench.plug("usb1/1-1", Some(SERIAL));
    for stored in ["../../etc", "OTHER", "usb-1-2", "", "E6614C311B7E6F35 "] {
        device.store(&format!("E:CPY_GATEWAY_NAME={stored}\n"));
        assert_eq!(device.name(), "E6614C311B7E6F35");
        let tty = bench.says(&device.path, None);
        assert_eq!(tty, "CPY_GATEWAY_NAME=E6614C311B7E6F35\n");
    }
    device.store("\u{0}\u{ff}not a store\nE:CPY_GATEWAY_NAME=usb-1-1");
    assert_eq!(device.name(), "usb-1-1");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_the_serial_number_the_name_is_one_path_component(
        serial in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let bench = Bench::new();
        let device = bench.plug("usb1/1-1", Some(&serial));
        let name = device.settle();
        prop_assert!(name.parse::<Serial>().is_ok());
        let tty = device.serial_port(CONSOLE);
        let expected = format!(
            "CPY_GATEWAY_BOARD={name}\nCPY_GATEWAY_LINK=cpy-gateway/{name}/console\n"
        );
        prop_assert_eq!(bench.says(&tty, None), expected);
    }

    #[test]
    fn whatever_order_devices_are_decided_in_no_two_share_a_name(
        order in Just((0..6_usize).collect::<Vec<_>>()).prop_shuffle(),
        unplugged in 0..6_usize,
    ) {
        let bench = Bench::new();
        let mut devices: Vec<_> = (1..=6)
            .map(|port| Some(bench.plug(&format!("usb1/1-{port}"), Some(SERIAL))))
            .collect();
        for &index in &order[..3] {
            devices[index].as_ref().unwrap().settle();
        }
        devices[unplugged].take().unwrap().unplug();
        let again = bench.plug(&format!("usb1/1-{}", unplugged + 1), Some(SERIAL));
        devices[unplugged] = Some(again);
        let mut names: Vec<String> = order
            .iter()
            .map(|&index| devices[index].as_ref().unwrap().settle())
            .collect();
        names.sort();
        names.dedup();
        prop_assert_eq!(names.len(), 6);
    }
}
