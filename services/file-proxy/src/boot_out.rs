//! `boot_out.txt`: what CircuitPython writes on the drive of its board when it starts.
//!
//! Three lines since CircuitPython 8 (main.c and `supervisor/shared/board.c`), each ended by CR LF:
//!
//! ```text
//! Adafruit CircuitPython 10.0.3 on 2025-10-17; Raspberry Pi Pico with rp2040
//! Board ID:raspberry_pi_pico
//! UID:E6614C311B7E6F35
//! ```

use cpy_board::record::Firmware;

/// The longest file that is looked at; boot.py may print into it at will.
pub(crate) const LONGEST: usize = 16 * 1024;

/// What the file says, or nothing if its first line is not CircuitPython's.
pub(crate) fn parse(content: &[u8]) -> Option<Firmware> {
    let text = String::from_utf8_lossy(content);
    let mut lines = text.lines().map(str::trim);
    let (_, banner) = lines.next()?.split_once("CircuitPython ")?;
    let (release, machine) = banner.split_once("; ")?;
    let (version, build_date) = release.split_once(" on ")?;
    // A board's name may hold " with " itself, a chip's does not.
    let (board_name, mcu_name) = machine.rsplit_once(" with ")?;
    let mut firmware = Firmware {
        version: version.to_owned(),
        build_date: build_date.to_owned(),
        board_name: board_name.to_owned(),
        mcu_name: mcu_name.to_owned(),
        ..Firmware::default()
    };
    for line in lines {
        if let Some(id) = line.strip_prefix("Board ID:") {
            id.trim().clone_into(&mut firmware.board_id);
        } else if let Some(uid) = line.strip_prefix("UID:") {
            uid.trim().clone_into(&mut firmware.uid);
        }
    }
    Some(firmware)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_a_pico_writes() {
        let pico = b"Adafruit CircuitPython 10.0.3 on 2025-10-17; Raspberry Pi Pico with rp2040\r\n\
            Board ID:raspberry_pi_pico\r\nUID:E6614C311B7E6F35\r\nboot.py output:\r\nUID is mine\r\n";
        let firmware = parse(pico).unwrap();
        assert_eq!(
            firmware,
            Firmware {
                version: "10.0.3".into(),
                build_date: "2025-10-17".into(),
                board_name: "Raspberry Pi Pico".into(),
                mcu_name: "rp2040".into(),
                board_id: "raspberry_pi_pico".into(),
                uid: "E6614C311B7E6F35".into(),
            }
        );
    }

    #[test]
    fn a_board_may_have_with_in_its_name() {
        let file = b"Adafruit CircuitPython 9.2.0-beta.1 on 2024-10-02; Feather with Display with esp32s3\n";
        let firmware = parse(file).unwrap();
        assert_eq!(firmware.board_name, "Feather with Display");
        assert_eq!(firmware.mcu_name, "esp32s3");
        assert_eq!(firmware.uid, "");
    }

    #[test]
    fn anything_else_says_nothing() {
        for other in [
            "",
            "hello",
            "CircuitPython ",
            "CircuitPython 1; 2",
            "CircuitPython 1 on 2; 3",
        ] {
            assert_eq!(parse(other.as_bytes()), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(content in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = parse(&content);
        }
    }
}
