//! What a board's record says after its files were read: `boot_out.txt` and `settings.toml`, each only
//! as far as it could be read and understood.

use cpy_board::record::{Settings, UsbIds};
use cpy_board::{Record, Serial};
use cpy_fat::Path;

use crate::settings::SettingsError;
use crate::{boot_out, settings};

/// Where the settings are on a drive.
pub(crate) const SETTINGS: &str = "/settings.toml";
/// Where CircuitPython introduces itself.
pub(crate) const BOOT_OUT: &str = "/boot_out.txt";

/// The beginning of a file, which is all of it unless it is longer than such a file should be.
pub(crate) struct Beginning {
    pub(crate) bytes: Vec<u8>,
    pub(crate) is_whole: bool,
}

/// What was found at a place on the drive: nothing in there, or the beginning of a file.
pub(crate) type Found = Option<Beginning>;

/// Whether a change at this path may change the record. A name with a tilde may be the short one that FAT
/// gives to `settings.toml` beside its long one.
pub(crate) fn depends_on(path: &Path) -> bool {
    let text = path.to_string();
    let in_root = path.names().len() == 1;
    text.eq_ignore_ascii_case(SETTINGS)
        || text.eq_ignore_ascii_case(BOOT_OUT)
        || (in_root && text.contains('~'))
}

/// The record anew. A file that could not be read (`None`), and settings that cannot be understood, leave
/// what the record said before.
pub(crate) fn retold(
    serial: &Serial,
    mut record: Record,
    usb: Option<UsbIds>,
    boot_out: Option<Found>,
    settings: Option<Found>,
) -> Record {
    record.usb = usb;
    if let Some(found) = boot_out {
        record.firmware = found.and_then(|file| boot_out::parse(&file.bytes));
    }
    match settings.map(understood) {
        Some(Ok(settings)) => {
            record.settings = settings;
            record.settings_problem = None;
        }
        Some(Err(problem)) => {
            tracing::warn!(board = %serial, %problem, "settings keep their last good values");
            record.settings_problem = Some(problem.to_string());
        }
        None => {}
    }
    record
}

fn understood(found: Found) -> Result<Settings, SettingsError> {
    match found {
        None => Ok(Settings::default()),
        Some(file) if file.is_whole => settings::parse(&file.bytes),
        Some(_) => Err(SettingsError::TooLong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Beginning {
        Beginning {
            bytes: text.as_bytes().to_vec(),
            is_whole: true,
        }
    }

    fn after(record: Record, boot_out: Option<Found>, settings: Option<Found>) -> Record {
        retold(&"A1".parse().unwrap(), record, None, boot_out, settings)
    }

    fn port(record: &Record) -> Option<u16> {
        record.settings.port
    }

    #[test]
    fn broken_settings_keep_the_last_good_ones_until_they_are_good_again() {
        let good = after(
            Record::default(),
            None,
            Some(Some(file("CIRCUITPY_WEB_API_PORT = 1"))),
        );
        assert_eq!((port(&good), &good.settings_problem), (Some(1), &None));
        let broken = after(good, None, Some(Some(file("CIRCUITPY_WEB_API_PORT = "))));
        assert_eq!(port(&broken), Some(1));
        assert!(broken.settings_problem.is_some());
        let mended = after(broken, None, Some(Some(file(""))));
        assert_eq!((port(&mended), &mended.settings_problem), (None, &None));
    }

    #[test]
    fn a_file_that_is_gone_says_nothing_and_one_that_cannot_be_read_nothing_new() {
        let banner = "Adafruit CircuitPython 10.0.3 on 2025-10-17; Pico with rp2040\r\n";
        let good = after(Record::default(), Some(Some(file(banner))), None);
        assert!(good.firmware.is_some());
        let unread = after(good.clone(), None, None);
        assert_eq!(unread, good);
        assert!(after(good, Some(None), Some(None)).firmware.is_none());
    }

    #[test]
    fn settings_that_are_too_long_are_a_problem() {
        let long = Some(Some(Beginning {
            bytes: Vec::new(),
            is_whole: false,
        }));
        let record = after(Record::default(), None, long);
        assert!(record.settings_problem.unwrap().contains("longer"));
    }

    #[test]
    fn names_on_a_drive_have_no_case() {
        for (path, depends) in [
            ("/Settings.TOML", true),
            ("/boot_out.txt", true),
            ("/SETTIN~1.TOM", true),
            ("/lib/settings.toml", false),
            ("/lib/SETTIN~1.TOM", false),
        ] {
            assert_eq!(depends_on(&path.parse().unwrap()), depends, "{path}");
        }
    }
}
