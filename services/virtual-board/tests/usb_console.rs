//! The serial ports of a board on USB.

mod support;
#[path = "support/usb_host.rs"]
mod usb_host;

use cpy_virtual_board::HostAct;
use support::bench;
use usb_host::{CONSOLE_IN, CONSOLE_OUT, UsbHost};

#[test]
fn the_repl_answers_over_usb() {
    let bench = bench();
    let mut host = UsbHost::enumerated(bench.path(), &[]);
    host.set_baud(115_200);
    host.set_dtr(true);
    host.wait_for("Use CTRL-D to reload.\r\n");
    assert_eq!(host.bulk_out(CONSOLE_OUT, b"x"), 0);
    host.wait_for(">>> ");
    assert_eq!(host.bulk_out(CONSOLE_OUT, b"6*7\r"), 0);
    assert_eq!(host.wait_for(">>> "), "6*7\r\n42\r\n>>> ");
    host.unplug().unwrap();
}

#[test]
fn without_dtr_a_board_says_nothing() {
    let bench = bench();
    let mut host = UsbHost::enumerated(bench.path(), &["--flood"]);
    let waiting = host.submit(CONSOLE_IN, 64, &[], [0; 8]);
    host.control_in(0x80, 8, 0, 0, 1);
    assert!(!host.has_ended(waiting));
    host.set_dtr(true);
    assert!(host.wait(waiting).length > 0);
    assert_eq!(host.told(), HostAct::Dtr(true));
    host.set_dtr(false);
    assert_eq!(host.told(), HostAct::Dtr(false));
    let waiting = host.submit(CONSOLE_IN, 64, &[], [0; 8]);
    host.control_in(0x80, 8, 0, 0, 1);
    assert!(!host.has_ended(waiting));
}

#[test]
fn a_flood_stops_at_ctrl_c() {
    let bench = bench();
    let mut host = UsbHost::enumerated(bench.path(), &["--flood"]);
    host.set_dtr(true);
    host.wait_for("lazy dog\r\n");
    assert_eq!(host.bulk_out(CONSOLE_OUT, b"\x03"), 0);
    host.wait_for("KeyboardInterrupt: \r\n");
    host.wait_for("Use CTRL-D to reload.\r\n");
}

#[test]
fn closing_at_1200_baud_is_told_as_the_way_to_the_bootloader() {
    let bench = bench();
    let mut host = UsbHost::enumerated(bench.path(), &[]);
    let coding = host.control_in(0xa1, 0x21, 0, 0, 7).bytes;
    assert_eq!(coding, [0x00, 0xc2, 0x01, 0x00, 0, 0, 8]);
    host.set_baud(1200);
    host.set_dtr(true);
    host.set_dtr(true);
    host.set_dtr(false);
    assert_eq!(
        host.told_so_far(),
        [
            HostAct::Baud(1200),
            HostAct::Dtr(true),
            HostAct::Dtr(false),
            HostAct::Bootloader
        ]
    );
    assert_eq!(HostAct::Baud(1200).to_string(), "baud 1200");
    host.set_baud(115_200);
    host.set_dtr(true);
    host.set_dtr(false);
    assert!(!host.told_so_far().contains(&HostAct::Bootloader));
}

#[test]
fn the_second_port_sends_back_what_it_gets() {
    let bench = bench();
    let mut host = UsbHost::enumerated(bench.path(), &["--data"]);
    assert_eq!(host.bulk_out(0x04, &[1, 2, 3, 4]), 0);
    assert_eq!(host.bulk_in(0x84, 3).bytes, [1, 2, 3]);
    assert_eq!(host.bulk_in(0x84, 64).bytes, [4]);
    // It has a line of its own, which is not the console's.
    assert_eq!(host.control_out(0x21, 0x22, 1, 2, &[]), 0);
    assert_eq!(host.told_so_far(), []);
}
