//! Board records: what a board's own files say of it, one TOML file per board in the runtime directory.
//!
//! file-proxy writes them, because it reads `boot_out.txt` and `settings.toml`; everybody else reads
//! and follows them with [`Records`]. A record outlives the unplugging of its board, so that the board
//! is known at once when it comes back; what is plugged in, [`attached`](crate::attached) says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::{Deserialize, Serialize};

use crate::{DirWatch, Password, Serial, WatchError, atomic_file, toml_error};

/// Records hold passwords: the daemons' group reads them, nobody else.
const MODE: u32 = 0o640;
const SUFFIX: &str = ".toml";

/// What a board's drive says of the board.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// The ids of its USB device, where it has one.
    pub usb: Option<UsbIds>,
    /// From `boot_out.txt`, if there is one that can be read.
    pub firmware: Option<Firmware>,
    /// From `settings.toml`.
    pub settings: Settings,
    /// Why `settings.toml` could not be used, in a sentence; `settings` then holds the last good ones.
    pub settings_problem: Option<String>,
}

/// The vendor and product id of a USB device: version.json's `creator_id` and `creation_id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsbIds {
    /// idVendor.
    pub vendor: u16,
    /// idProduct.
    pub product: u16,
}

/// What `boot_out.txt` says, in the order of its lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Firmware {
    /// `10.0.3`
    pub version: String,
    /// `2025-10-17`
    pub build_date: String,
    /// `Raspberry Pi Pico`
    pub board_name: String,
    /// `rp2040`
    pub mcu_name: String,
    /// `raspberry_pi_pico`
    pub board_id: String,
    /// The chip's unique id in hex, as the board prints it.
    pub uid: String,
}

/// The settings of the web workflow that a board carries in its `settings.toml`
/// (CircuitPython, environment.rst).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// `CIRCUITPY_WEB_API_PASSWORD`
    pub password: Option<Password>,
    /// `CIRCUITPY_WEB_API_PORT`
    pub port: Option<u16>,
    /// `CIRCUITPY_WEB_INSTANCE_NAME`
    pub instance_name: Option<String>,
}

impl Record {
    /// What its owner calls the board, or else its maker: the instance name of its service (RFC 6763, section
    /// 4.1.1), if the board says any.
    pub fn instance_name(&self) -> Option<&str> {
        let named = self.settings.instance_name.as_deref();
        let kind = self.firmware.as_ref().map(|f| f.board_name.as_str());
        let given = |name: &&str| !name.is_empty();
        named.filter(given).or(kind.filter(given))
    }

    /// Writes the board's record into the records directory.
    pub fn write(&self, records_dir: &Path, serial: &Serial) -> io::Result<()> {
        let text = toml::to_string(self).map_err(io::Error::other)?;
        atomic_file::replace(&path_of(records_dir, serial), text.as_bytes(), MODE)
    }

    /// The board's record, if it has one. One that cannot be read is reported in the log.
    pub fn read(records_dir: &Path, serial: &Serial) -> Option<Self> {
        toml_error::read(&path_of(records_dir, serial)).unwrap_or_else(|error| {
            tracing::error!(board = %serial, %error, "cannot read a board's record");
            None
        })
    }

    /// Every record in the directory. One that cannot be read is left out.
    pub fn read_all(records_dir: &Path) -> BTreeMap<Serial, Self> {
        let entries = fs::read_dir(records_dir).into_iter().flatten().flatten();
        let serials = entries.filter_map(|entry| {
            entry
                .file_name()
                .to_str()?
                .strip_suffix(SUFFIX)?
                .parse::<Serial>()
                .ok()
        });
        serials
            .filter_map(|serial| Some((serial.clone(), Self::read(records_dir, &serial)?)))
            .collect()
    }
}

/// Follows the records directory.
#[derive(Debug)]
pub struct Records {
    directory: PathBuf,
    watch: DirWatch,
    started: bool,
}

impl Records {
    /// Follows `records_dir`, which need not exist yet.
    pub fn new(records_dir: impl Into<PathBuf>) -> Result<Self, WatchError> {
        Ok(Self {
            directory: records_dir.into(),
            watch: DirWatch::new()?,
            started: false,
        })
    }

    /// Every record, at once the first time and then after each burst of changes.
    pub async fn changes(&mut self) -> BTreeMap<Serial, Record> {
        if self.started {
            self.watch.changed().await;
        }
        self.started = true;
        loop {
            let records = Record::read_all(&self.directory);
            if !self.watch.set([self.directory.as_path()]) {
                return records;
            }
        }
    }
}

fn path_of(records_dir: &Path, serial: &Serial) -> PathBuf {
    records_dir.join(format!("{serial}{SUFFIX}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    fn record() -> Record {
        Record {
            usb: Some(UsbIds {
                vendor: 0x239a,
                product: 0x80f4,
            }),
            firmware: Some(Firmware {
                board_name: "A \"board\"\n".into(),
                ..Firmware::default()
            }),
            settings: Settings {
                password: Some("pä:ss".to_owned().try_into().unwrap()),
                port: Some(80),
                instance_name: None,
            },
            settings_problem: Some("settings.toml, line 3: no value".into()),
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let serial: Serial = "A1".parse().unwrap();
        record().write(dir.path(), &serial).unwrap();
        assert_eq!(Record::read_all(dir.path())[&serial], record());
        assert_eq!(Record::read(dir.path(), &serial), Some(record()));
        assert_eq!(Record::read(dir.path(), &"B2".parse().unwrap()), None);
    }

    #[test]
    fn a_broken_record_does_not_hide_the_others() {
        let dir = tempfile::tempdir().unwrap();
        record().write(dir.path(), &"A1".parse().unwrap()).unwrap();
        fs::write(dir.path().join("B2.toml"), "not toml at all").unwrap();
        fs::write(dir.path().join("..toml"), "").unwrap();
        assert_eq!(Record::read_all(dir.path()).len(), 1);
    }

    #[tokio::test]
    async fn changes_are_followed_from_before_the_directory_exists() {
        let dir = tempfile::tempdir().unwrap();
        let records_dir = dir.path().join("run/boards");
        let mut records = Records::new(&records_dir).unwrap();
        assert!(records.changes().await.is_empty());
        let serial: Serial = "A1".parse().unwrap();
        let deadline = Duration::from_secs(10);
        record().write(&records_dir, &serial).unwrap();
        while timeout(deadline, records.changes())
            .await
            .expect("not seen")
            .is_empty()
        {}
        Record::default().write(&records_dir, &serial).unwrap();
        while timeout(deadline, records.changes())
            .await
            .expect("not seen")[&serial]
            == record()
        {}
        fs::remove_file(path_of(&records_dir, &serial)).unwrap();
        while !timeout(deadline, records.changes())
            .await
            .expect("not seen")
            .is_empty()
        {}
    }
}
