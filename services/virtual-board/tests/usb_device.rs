//! The device that a host finds: descriptors, requests, the life of a transfer.

mod support;
#[path = "support/usb_host.rs"]
mod usb_host;

use cpy_virtual_board::BoardError;
use support::bench;
use usb_host::{CONSOLE_IN, STALLED, UNLINKED, UsbHost};

#[test]
fn a_pico_is_found_as_circuitpython_describes_it() {
    let bench = bench();
    let mut host = UsbHost::new(bench.path(), &[]);
    // As Linux asks: more than there is, then what the header says.
    let device = host.control_in(0x80, 6, 0x0100, 0, 64).bytes;
    assert_eq!(
        device,
        [
            18, 1, 0, 2, 0, 0, 0, 64, 0x9a, 0x23, 0xf4, 0x80, 0, 1, 1, 2, 3, 1
        ]
    );
    let head = host.control_in(0x80, 6, 0x0200, 0, 9).bytes;
    let length = u16::from_le_bytes([head[2], head[3]]);
    let whole = host.control_in(0x80, 6, 0x0200, 0, length).bytes;
    assert_eq!(whole.len(), usize::from(length));
    assert_eq!(whole[..9], head);
    assert_eq!(whole[4], 6, "interfaces");
    assert_eq!(host.string(1), "Raspberry Pi");
    assert_eq!(host.string(2), "Pico");
    assert_eq!(host.string(3), "E6614C311B7E6F35");
    assert_eq!(
        host.interface_names(),
        [
            "CircuitPython CDC control",
            "CircuitPython CDC data",
            "CircuitPython Mass Storage",
            "CircuitPython HID",
            "CircuitPython Audio",
            "CircuitPython MIDI"
        ]
    );
    // No device qualifier: this is no device for high speed.
    assert_eq!(host.control_in(0x80, 6, 0x0600, 0, 10).status, STALLED);
    assert_eq!(host.control_in(0x80, 8, 0, 0, 1).bytes, [0]);
    assert_eq!(host.control_out(0x00, 9, 2, 0, &[]), STALLED);
    assert_eq!(host.control_out(0x00, 9, 1, 0, &[]), 0);
    assert_eq!(host.control_in(0x80, 8, 0, 0, 1).bytes, [1]);
    assert_eq!(host.control_in(0x81, 6, 0x2200, 3, 255).bytes.len(), 156);
    assert_eq!(host.control_in(0xa1, 0xfe, 0, 2, 1).bytes, [1], "drives");
    host.unplug().unwrap();
}

#[test]
fn options_add_and_remove_functions() {
    for (arguments, names) in [
        (&["--no-drive"][..], &["CDC control", "CDC data"][..]),
        (&["--no-console"], &["Mass Storage"]),
        (
            &["--data"],
            &[
                "CDC control",
                "CDC data",
                "CDC2 control",
                "CDC2 data",
                "Mass Storage",
            ],
        ),
        (
            &["--two-consoles", "--no-drive"],
            &["CDC control", "CDC data", "CDC control", "CDC data"],
        ),
    ] {
        let bench = bench();
        let arguments = [arguments, &["--bare"]].concat();
        let mut host = UsbHost::new(bench.path(), &arguments);
        let names: Vec<String> = names
            .iter()
            .map(|name| format!("CircuitPython {name}"))
            .collect();
        assert_eq!(host.interface_names(), names, "{arguments:?}");
    }
}

#[test]
fn a_stick_is_a_drive_and_nothing_else() {
    let bench = bench();
    std::fs::write(bench.path().join("drive.img"), [7; 1024]).unwrap();
    let mut host = UsbHost::new(bench.path(), &["--stick"]);
    let device = host.control_in(0x80, 6, 0x0100, 0, 18).bytes;
    assert_eq!(device[8..12], [0x81, 0x07, 0x67, 0x55]);
    assert_eq!(host.string(1), "SanDisk");
    assert_eq!(host.interface_names(), [""; 0]);
    let configuration = host.control_in(0x80, 6, 0x0200, 0, 255).bytes;
    assert_eq!(configuration.len(), 9 + 9 + 7 + 7);
}

#[test]
fn any_text_can_be_a_serial_or_a_name() {
    for serial in ["", "..", "a/b", "$(reboot)", "ü\n\u{1f40d}"] {
        let bench = bench();
        let arguments = [
            "--serial",
            serial,
            "--product",
            "P\"ico",
            "--manufacturer",
            "",
        ];
        let more = ["--interface-prefix", "Feather", "--usb-id", "1209:0001"];
        let mut host = UsbHost::new(bench.path(), &[&arguments[..], &more].concat());
        assert_eq!(host.string(3), serial);
        assert_eq!(host.string(2), "P\"ico");
        assert_eq!(host.string(1), "");
        assert_eq!(host.interface_names()[0], "Feather CDC control");
        let device = host.control_in(0x80, 6, 0x0100, 0, 18).bytes;
        assert_eq!(device[8..12], [0x09, 0x12, 0x01, 0x00]);
    }
    let bench = bench();
    let mut host = UsbHost::new(bench.path(), &["--serial", &"9".repeat(200)]);
    assert_eq!(host.string(3), "9".repeat(126));
}

#[test]
fn a_transfer_waits_until_it_is_taken_back() {
    let bench = bench();
    let mut host = UsbHost::enumerated(bench.path(), &[]);
    let waiting = host.submit(CONSOLE_IN, 64, &[], [0; 8]);
    let other = host.submit(0x81, 64, &[], [0; 8]);
    // The board has seen both when this is answered.
    host.control_in(0x80, 8, 0, 0, 1);
    assert!(!host.has_ended(waiting) && !host.has_ended(other));
    assert_eq!(host.unlink(waiting).status, UNLINKED);
    // Once more: there is nothing left to take back.
    assert_eq!(host.unlink(waiting).status, 0);
    host.control_in(0x80, 8, 0, 0, 1);
    assert!(!host.has_ended(waiting) && !host.has_ended(other));
    host.unplug().unwrap();
}

#[test]
fn an_endpoint_stalls_at_the_hosts_wish() {
    let bench = bench();
    let mut host = UsbHost::enumerated(bench.path(), &[]);
    assert_eq!(host.control_out(0x02, 3, 0, 0x82, &[]), 0);
    assert_eq!(host.control_in(0x82, 0, 0, 0x82, 2).bytes, [1, 0]);
    assert_eq!(host.bulk_in(CONSOLE_IN, 64).status, STALLED);
    host.clear_halt(CONSOLE_IN);
    assert_eq!(host.control_in(0x82, 0, 0, 0x82, 2).bytes, [0, 0]);
}

#[test]
fn the_power_can_be_cut_amid_the_enumeration() {
    for count in 0..4_u16 {
        let bench = bench();
        let cut = count.to_string();
        let mut host = UsbHost::new(bench.path(), &["--cut-enumeration", &cut]);
        for _ in 0..count {
            assert_eq!(host.control_in(0x80, 6, 0x0100, 0, 18).bytes.len(), 18);
        }
        host.board_end().unwrap();
    }
}

#[test]
fn a_host_that_talks_rubbish_is_left() {
    let bench = bench();
    let mut host = UsbHost::new(bench.path(), &[]);
    host.say(&[0xff; 48]);
    assert!(matches!(host.board_end(), Err(BoardError::Usb(_))));
}

#[test]
fn a_host_that_goes_ends_the_board() {
    let bench = bench();
    let mut host = UsbHost::enumerated(bench.path(), &[]);
    host.hang_up();
    host.board_end().unwrap();
}
