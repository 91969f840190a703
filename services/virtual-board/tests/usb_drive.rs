//! The drive of a board on USB, as a host's SCSI commands find it.

mod support;
#[path = "support/usb_host.rs"]
mod usb_host;

use std::fs;

use cpy_virtual_board::HostAct;
use support::bench;
use usb_host::{CONSOLE_OUT, DRIVE_IN, DRIVE_OUT, Data, STALLED, UsbHost, sectors};

const NO_MEDIUM: (u8, u8, u8) = (2, 0x3a, 0);

#[test]
fn a_picos_drive_answers_as_a_pico() {
    let bench = bench();
    let mut host = UsbHost::enumerated(bench.path(), &[]);
    let inquiry = host.scsi(0, &[0x12, 0, 0, 0, 36, 0], Data::In(36));
    assert_eq!((inquiry.status, inquiry.residue), (0, 0));
    assert_eq!(inquiry.bytes[..8], [0, 0x80, 2, 2, 31, 0, 0, 0]);
    assert_eq!(&inquiry.bytes[8..], b"RaspberrPico            1.0 ");
    assert_eq!(host.scsi(0, &[0; 6], Data::None).status, 0);
    let capacity = host.scsi(0, &[0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0], Data::In(8));
    assert_eq!(capacity.bytes, [0, 0, 8, 0, 0, 0, 2, 0]);
    let formats = host.scsi(0, &[0x23, 0, 0, 0, 0, 0, 0, 0, 252, 0], Data::In(252));
    assert_eq!(formats.bytes, [0, 0, 0, 8, 0, 0, 8, 1, 2, 0, 2, 0]);
    assert_eq!((formats.status, formats.residue), (0, 240));
    let mode = host.scsi(0, &[0x1a, 0, 0x3f, 0, 192, 0], Data::In(192));
    assert_eq!(mode.bytes, [3, 0, 0, 0]);
    assert_eq!(mode.residue, 188);
    // The board's own drive may be locked in, a card may not.
    let prevent = [0x1e, 0, 0, 0, 1, 0];
    assert_eq!(host.scsi(0, &prevent, Data::None).status, 0);
    assert_eq!(host.scsi(1, &prevent, Data::None).status, 1);
    // SYNCHRONIZE CACHE: there is none.
    let synchronize = [0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(host.scsi(0, &synchronize, Data::None).status, 1);
    assert_eq!(host.sense(0), (5, 0x20, 0));
    assert_eq!(host.sense(0), (0, 0, 0), "told once");
}

#[test]
fn the_second_drive_has_no_medium_unless_it_is_given_one() {
    let bench = bench();
    let mut host = UsbHost::enumerated(bench.path(), &[]);
    assert_eq!(host.scsi(1, &[0; 6], Data::None).status, 1);
    assert_eq!(host.sense(1), NO_MEDIUM);
    assert_eq!(host.scsi(2, &[0; 6], Data::None).status, 1);
    drop(host);
    let card = bench.path().join("card.img");
    fs::write(&card, [9; 2048]).unwrap();
    let arguments = ["--second-lun", card.to_str().unwrap()];
    let mut host = UsbHost::enumerated(bench.path(), &arguments);
    let sector = host.scsi(1, &sectors(0x28, 3, 1), Data::In(512));
    assert_eq!((sector.status, &sector.bytes[..]), (0, &[9; 512][..]));
}

#[test]
fn the_host_reads_the_image_and_not_past_its_end() {
    let bench = bench();
    let mut host = UsbHost::enumerated(bench.path(), &[]);
    let image = fs::read(&host.image).unwrap();
    let mut whole = Vec::new();
    for first in (0..2049).step_by(128) {
        let count = (2049 - first).min(128);
        let end = host.read(first, u16::try_from(count).unwrap());
        assert_eq!((end.status, end.residue), (0, 0));
        whole.extend(end.bytes);
    }
    assert!(whole == image, "what is read is the image");
    let past = host.read(2048, 2);
    assert_eq!((past.status, past.residue), (1, 1024));
    assert_eq!(past.bytes, []);
    assert_eq!(host.sense(0), NO_MEDIUM);
    assert_eq!(host.read(u32::MAX, 2).status, 1);
}

#[test]
fn a_read_may_come_in_pieces() {
    let bench = bench();
    let mut host = UsbHost::enumerated(bench.path(), &[]);
    let mut block = b"USBCtag.".to_vec();
    block.extend(2048_u32.to_le_bytes());
    block.extend([0x80, 0, 10]);
    block.extend(sectors(0x28, 0, 4));
    block.resize(31, 0);
    let transfers = [
        host.submit(DRIVE_OUT, 0, &block, [0; 8]),
        host.submit(DRIVE_IN, 1536, &[], [0; 8]),
        host.submit(DRIVE_IN, 512, &[], [0; 8]),
        host.submit(DRIVE_IN, 13, &[], [0; 8]),
    ];
    let lengths = transfers.map(|transfer| host.wait(transfer).length);
    assert_eq!(lengths, [31, 1536, 512, 13]);
}

#[test]
fn a_saved_program_is_in_the_image_and_runs_after_a_reload() {
    let bench = bench();
    let mut host = UsbHost::enumerated(bench.path(), &[]);
    host.set_dtr(true);
    host.wait_for("Use CTRL-D to reload.\r\n");
    let mut image = fs::read(&host.image).unwrap();
    let old = b"Hello World!";
    let at = image
        .windows(old.len())
        .position(|window| window == old)
        .unwrap();
    image[at..at + old.len()].copy_from_slice(b"Hello Saved!");
    let first = at / 512;
    // Four sectors around it: only one of them is changed.
    let bytes = &image[first * 512..(first + 4) * 512];
    let end = host.write(u32::try_from(first).unwrap(), bytes);
    assert_eq!((end.status, end.residue), (0, 0));
    assert!(fs::read(&host.image).unwrap() == image);
    host.wait_for("Hello Saved!\r\n");
    assert!(host.told_so_far().contains(&HostAct::Reload));
}

#[test]
fn the_volumes_dirty_bit_does_not_reload() {
    let bench = bench();
    let mut host = UsbHost::enumerated(bench.path(), &[]);
    host.set_dtr(true);
    host.wait_for("Use CTRL-D to reload.\r\n");
    let boot = host.read(1, 1).bytes;
    assert_eq!(host.write(1, &boot).status, 0);
    assert_eq!(host.bulk_out(CONSOLE_OUT, b"x"), 0);
    // Keys would wait for a reload that is due.
    let seen = host.wait_for(">>> ");
    assert!(!seen.contains("soft reboot"), "{seen:?}");
}

#[test]
fn a_write_protected_drive_says_so_and_stays_as_it_is() {
    let bench = bench();
    let mut host = UsbHost::enumerated(bench.path(), &["--read-only"]);
    let mode = host.scsi(0, &[0x1a, 0, 0x3f, 0, 4, 0], Data::In(4));
    assert_eq!(mode.bytes, [3, 0, 0x80, 0]);
    let before = fs::read(&host.image).unwrap();
    let end = host.write(40, &[1; 1024]);
    assert_eq!((end.status, end.residue), (1, 1024));
    assert_eq!(host.sense(0), (7, 0x27, 0));
    assert!(fs::read(&host.image).unwrap() == before);
    assert_eq!(host.read(0, 1).status, 0);
}

#[test]
fn an_ejected_drive_is_gone_until_the_device_is_configured_again() {
    let bench = bench();
    let mut host = UsbHost::enumerated(bench.path(), &[]);
    let eject = [0x1b, 0, 0, 0, 2, 0];
    assert_eq!(host.scsi(0, &eject, Data::None).status, 0);
    assert_eq!(host.told(), HostAct::Ejected);
    assert_eq!(host.scsi(0, &[0; 6], Data::None).status, 1);
    assert_eq!(host.sense(0), NO_MEDIUM);
    assert_eq!(host.read(0, 1).status, 1);
    let load = [0x1b, 0, 0, 0, 3, 0];
    assert_eq!(host.scsi(0, &load, Data::None).status, 1);
    assert_eq!(host.control_out(0x00, 9, 1, 0, &[]), 0);
    assert_eq!(host.scsi(0, &[0; 6], Data::None).status, 0);
}

#[test]
fn a_broken_command_stalls_the_drive_until_it_is_reset() {
    let bench = bench();
    let mut host = UsbHost::enumerated(bench.path(), &[]);
    for broken in [&b"USBC"[..], &[0; 31], &[b'U'; 64]] {
        assert_eq!(host.bulk_out(DRIVE_OUT, broken), 0, "it arrives");
        assert_eq!(host.bulk_in(DRIVE_IN, 13).status, STALLED);
        assert_eq!(host.bulk_out(DRIVE_OUT, &[0; 31]), STALLED);
        host.clear_halt(DRIVE_IN);
        assert_eq!(host.bulk_in(DRIVE_IN, 13).status, STALLED, "not enough");
        host.reset_drive();
        assert_eq!(host.scsi(0, &[0; 6], Data::None).status, 0);
    }
}

#[test]
fn host_and_drive_have_to_agree_on_what_is_moved() {
    const PHASE_ERROR: u8 = 2;
    let bench = bench();
    let mut host = UsbHost::enumerated(bench.path(), &[]);
    let before = fs::read(&host.image).unwrap();
    let (read, write) = (sectors(0x28, 0, 2), sectors(0x2a, 0, 2));
    assert_eq!(host.scsi(0, &read, Data::None).status, PHASE_ERROR);
    assert_eq!(host.scsi(0, &read, Data::In(512)).status, PHASE_ERROR);
    assert_eq!(
        host.scsi(0, &read, Data::Out(&[0; 1024])).status,
        PHASE_ERROR
    );
    assert_eq!(host.scsi(0, &write, Data::In(1024)).status, PHASE_ERROR);
    assert_eq!(
        host.scsi(0, &write, Data::Out(&[0; 512])).status,
        PHASE_ERROR
    );
    // More than is wanted is allowed, and is not written.
    let end = host.scsi(0, &read, Data::In(2048));
    assert_eq!((end.status, end.bytes.len(), end.residue), (0, 1024, 1024));
    let same = &before[..1024];
    let end = host.scsi(0, &write, Data::Out(&[same, &[0xff; 512]].concat()));
    assert_eq!((end.status, end.residue), (0, 512));
    // Bytes for a command that takes none.
    let end = host.scsi(0, &[0; 6], Data::In(64));
    assert_eq!((end.status, end.residue), (0, 64));
    assert!(fs::read(&host.image).unwrap() == before);
}
