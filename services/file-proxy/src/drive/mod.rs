//! A drive: the device of one board, the volume on it, and what the volume says of the board. Lives
//! on its [`Worker`](crate::worker::Worker)'s thread and may block there.

use std::path::PathBuf;

use cpy_board::{Record, Serial};
use cpy_fat::{Entry, FileHandle, Kind, Made, Path, Room, Saved, Source, Timestamp, Version};

use crate::board_record::{self, BOOT_OUT, Beginning, Found, SETTINGS};
use crate::copies::{By, Copies};
use crate::device::{Protection, says_write_protected};
use crate::history::History;
use crate::journal_file::JournalFile;
use crate::opened::{Opened, Volume};
use crate::precondition::Precondition;
use crate::refusal::Refusal;
use crate::{boot_out, settings, usb};

mod copying;
mod keeping;
mod restoring;
mod soundness;
mod status;

use copying::Copying;
pub(crate) use soundness::PIECE_SECTORS;

/// Bytes that are read from a drive at a time. USB pays per command, and other requests get their turn in between.
pub(crate) const PIECE: usize = 128 * 1024;
const _: () = assert!(PIECE <= cpy_fat::MAX_TRANSFER, "a piece is one read");

/// One attached drive. It is opened by the first operation, and again after the device has failed.
pub(crate) struct Drive {
    serial: Serial,
    device: PathBuf,
    stores: Stores,
    opened: Option<Opened>,
    /// A write was refused: the drive is the board's, whatever the system said when it was opened.
    refused_a_write: bool,
    /// Why the drive could not be opened the last time, where it could not.
    unopened: Option<String>,
    /// Why the record cannot be written, where it cannot.
    unrecorded: Option<String>,
    /// Why versions of files cannot be kept, where they cannot.
    unkept: Option<String>,
    copying: Copying,
}

/// Where things about a drive are kept beside it.
pub(crate) struct Stores {
    /// The records of all boards.
    pub(crate) records_dir: PathBuf,
    pub(crate) journal: JournalFile,
    pub(crate) history: History,
    pub(crate) copies: Copies,
}

impl Drive {
    /// The drive at the link `device` of the board `serial`, not opened yet.
    pub(crate) fn new(serial: Serial, device: PathBuf, stores: Stores) -> Self {
        Self {
            serial,
            device,
            stores,
            opened: None,
            refused_a_write: false,
            unopened: None,
            unrecorded: None,
            unkept: None,
            copying: Copying::default(),
        }
    }

    /// Whose drive it is.
    pub(crate) fn serial(&self) -> &Serial {
        &self.serial
    }

    /// Lets go of the device. The next operation opens it again.
    pub(crate) fn close(&mut self) {
        self.opened = None;
        self.copying = Copying::default();
    }

    /// Opens the device if it is not open, reads what the board says of itself, and says whether trying
    /// again later could help.
    pub(crate) fn look(&mut self) -> bool {
        let unusable = matches!(self.open(), Err(Refusal::Unusable(_)));
        if self.unrecorded.is_some() {
            self.write_record();
        }
        unusable || self.unrecorded.is_some()
    }

    /// What is in this directory.
    pub(crate) fn list(&mut self, path: &Path) -> Result<Vec<Entry>, Refusal> {
        self.read(|volume| volume.list(path))
    }

    /// Opens a file for [`Drive::read_at`].
    pub(crate) fn open_file(&mut self, path: &Path) -> Result<FileHandle, Refusal> {
        self.read(|volume| volume.open_file(path))
    }

    /// Reads an opened file from `offset` on: as much as fits, at most [`cpy_fat::MAX_TRANSFER`] bytes.
    pub(crate) fn read_at(
        &mut self,
        file: &mut FileHandle,
        offset: u32,
        into: &mut [u8],
    ) -> Result<usize, Refusal> {
        self.read(|volume| volume.read_at(file, offset, into))
    }

    /// Whether a file of this length could be saved now, and how long it may be.
    pub(crate) fn room_for(&mut self, path: &Path, length: Option<u64>) -> Result<u64, Refusal> {
        self.change(&[], |volume| {
            if let Some((parent, _)) = path.split()
                && volume.stat(&parent)?.kind == Kind::File
            {
                return Err(cpy_fat::Error::NotADirectory { path: parent });
            }
            match volume.stat(path) {
                Ok(found) if found.kind == Kind::Directory => {
                    return Err(cpy_fat::Error::IsADirectory { path: path.clone() });
                }
                Ok(_) | Err(cpy_fat::Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
            let Room { beside, in_place } = volume.room_for(path)?;
            let room = in_place.max(beside);
            match length {
                Some(needed) if needed > room => Err(cpy_fat::Error::NoSpace {
                    path: path.clone(),
                    needed,
                    free: room,
                }),
                _ => Ok(room),
            }
        })
    }

    /// Which content a file has now; none where there is nothing.
    pub(crate) fn version(&mut self, path: &Path) -> Result<Option<Version>, Refusal> {
        self.read(|volume| volume.version(path))
    }

    /// Refuses what a request wants to do to a path that is not as it expects.
    pub(crate) fn expect(
        &mut self,
        path: &Path,
        precondition: &Precondition,
    ) -> Result<(), Refusal> {
        let now = self.version(path)?;
        precondition.check(now)
    }

    /// Saves a whole file.
    pub(crate) fn save(
        &mut self,
        path: &Path,
        length: u64,
        content: &mut dyn Source,
        modified: Timestamp,
    ) -> Result<Saved, Refusal> {
        let path = &self.stored(path);
        let by = self.keep(path)?;
        self.change(&[(path, by)], |volume| {
            volume.save(path, length, content, modified)
        })
    }

    /// Makes a directory and what is missing above it.
    pub(crate) fn make_directory(
        &mut self,
        path: &Path,
        modified: Timestamp,
    ) -> Result<Made, Refusal> {
        self.change(&[], |volume| volume.make_directory(path, modified))
    }

    /// Deletes a file, or a directory with all that is in it.
    pub(crate) fn delete(&mut self, path: &Path) -> Result<(), Refusal> {
        let path = &self.stored(path);
        let by = self.keep(path)?;
        self.change(&[(path, by)], |volume| volume.delete(path))?;
        self.drop_copies(path, by);
        Ok(())
    }

    /// Gives a file or directory another place.
    pub(crate) fn rename(&mut self, from: &Path, to: &Path) -> Result<(), Refusal> {
        let from = &self.stored(from);
        let to = &match to.split() {
            Some((parent, name)) => self.stored(&parent).join(name.clone()),
            None => to.clone(),
        };
        for (path, metadata) in self.files_below(from, u64::MAX).0 {
            self.keep_copy(&path, metadata);
        }
        let both = [(from, By::Gateway), (to, By::Gateway)];
        self.change(&both, |volume| volume.rename(from, to))?;
        self.drop_copies(from, By::Gateway);
        Ok(())
    }

    /// Writes the board's record anew, if what stands on the drive changes it. Where there is no volume, the
    /// record says at least that the board was looked at: it has no password of its own then.
    fn write_record(&mut self) {
        let (mut boot_out, mut settings) = (None, None);
        if let Some(opened) = &mut self.opened {
            boot_out = beginning(&mut opened.volume, BOOT_OUT, boot_out::LONGEST).ok();
            settings = match beginning(&mut opened.volume, SETTINGS, settings::LONGEST) {
                Err(cpy_fat::Error::Device(_)) => return,
                found => found.ok(),
            };
        }
        let before = Record::read(&self.stores.records_dir, &self.serial);
        let usb = usb::ids_of(&self.device);
        let old = before.clone().unwrap_or_default();
        let record = board_record::retold(&self.serial, old, usb, boot_out, settings);
        if before.as_ref() == Some(&record) {
            self.unrecorded = None;
            return;
        }
        let result = record.write(&self.stores.records_dir, &self.serial);
        let error = result.err().map(|error| error.to_string());
        if let Some(error) = error.as_ref().filter(|_| error != self.unrecorded) {
            tracing::error!(board = %self.serial, error, "cannot write the board's record, trying again");
        }
        self.unrecorded = error;
    }

    fn is_the_boards(&self) -> bool {
        self.opened
            .as_ref()
            .is_some_and(|opened| opened.protection == Protection::WriteProtected)
    }

    fn read<T>(
        &mut self,
        operation: impl FnOnce(&mut Volume) -> Result<T, cpy_fat::Error>,
    ) -> Result<T, Refusal> {
        let opened = self.open()?;
        let result = operation(&mut opened.volume);
        result.map_err(|error| self.failed(error))
    }

    /// Runs an operation that changes the drive, and follows up where it touched what the record says.
    fn change<T>(
        &mut self,
        touched: &[(&Path, By)],
        operation: impl FnOnce(&mut Volume) -> Result<T, cpy_fat::Error>,
    ) -> Result<T, Refusal> {
        let opened = self.open()?;
        if opened.protection == Protection::WriteProtected {
            return Err(Refusal::WriteProtected);
        }
        let result = operation(&mut opened.volume);
        let done = result.map_err(|error| self.failed(error))?;
        for (path, by) in touched {
            self.copying.changed(path, *by);
        }
        if touched
            .iter()
            .any(|(path, _)| board_record::depends_on(path))
        {
            self.write_record();
        }
        Ok(done)
    }

    fn failed(&mut self, error: cpy_fat::Error) -> Refusal {
        let cpy_fat::Error::Device(cause) = &error else {
            return error.into();
        };
        tracing::warn!(board = %self.serial, error = %cause, "the drive failed");
        self.close();
        if says_write_protected(cause) {
            self.refused_a_write = true;
            return Refusal::WriteProtected;
        }
        error.into()
    }

    fn open(&mut self) -> Result<&mut Opened, Refusal> {
        if self.opened.is_none() {
            let journal = self.stores.journal.clone();
            match Opened::open(&self.serial, &self.device, journal, self.refused_a_write) {
                Ok(opened) => {
                    let may_be_copied = opened.may_be_copied();
                    self.opened = Some(opened);
                    self.unopened = None;
                    self.write_record();
                    // Who had the drive before a quick replug may have kept something to its end.
                    self.stores.history.reread();
                    self.stores.copies.reread();
                    if may_be_copied {
                        self.begin_copying();
                    }
                }
                Err(refusal) => {
                    let reason = refusal.to_string();
                    // It is tried again and again, and said once.
                    if self.unopened.as_ref() != Some(&reason) {
                        tracing::warn!(board = %self.serial, reason, "the drive cannot be used");
                        self.unopened = Some(reason);
                    }
                    // What cannot be opened now may hold a password: it gets no record before it was read.
                    if matches!(refusal, Refusal::NoVolume(_)) {
                        self.write_record();
                    }
                    return Err(refusal);
                }
            }
        }
        self.opened.as_mut().ok_or(Refusal::Internal)
    }

    /// Looks at what was copied of a drive that was just opened, and has the rest copied.
    fn begin_copying(&mut self) {
        if let Err(refusal) = self.look_for_wipe() {
            tracing::warn!(board = %self.serial, %refusal, "what was copied of the drive cannot be compared");
            return;
        }
        // What others have changed meanwhile they have changed at once, as far as is known here.
        self.stores.history.begin_change();
        self.copying = Copying::all();
    }
}

/// The beginning of a file; none if it is not there.
fn beginning(volume: &mut Volume, path: &str, longest: usize) -> Result<Found, cpy_fat::Error> {
    let path: Path = path.parse().expect("a valid name");
    let mut file = match volume.open_file(&path) {
        Ok(file) => file,
        Err(cpy_fat::Error::NotFound { .. } | cpy_fat::Error::IsADirectory { .. }) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let size = file.metadata().size as usize;
    let mut bytes = vec![0; size.min(longest)];
    volume.read_at(&mut file, 0, &mut bytes)?;
    let is_whole = size <= longest;
    Ok(Some(Beginning { bytes, is_whole }))
}

#[cfg(test)]
mod tests {
    use cpy_board::status::DriveState;

    use super::*;

    const SECTOR: usize = cpy_fat::SECTOR_SIZE;

    /// The status of a whole disk of 100 sectors with these entries, of (type, first, sectors), in its table.
    fn reason(mark: [u8; 2], entries: &[(u8, u8, u8)]) -> String {
        let dir = tempfile::tempdir().unwrap();
        let image = dir.path().join("image");
        let mut bytes = vec![0; 100 * SECTOR];
        for (slot, &(kind, first, sectors)) in entries.iter().enumerate() {
            let entry = &mut bytes[446 + slot * 16..][..16];
            (entry[4], entry[8], entry[12]) = (kind, first, sectors);
        }
        bytes[510..512].copy_from_slice(&mark);
        std::fs::write(&image, bytes).unwrap();
        let serial = "A1".parse().unwrap();
        let stores = Stores {
            records_dir: dir.path().to_owned(),
            journal: JournalFile::new(dir.path().join("journal")),
            history: History::new(
                dir.path().join("history"),
                cpy_board::config::History::default(),
            ),
            copies: Copies::new(dir.path().join("copies"), dir.path().join("lost"), 0),
        };
        let status = Drive::new(serial, image, stores).status();
        assert_eq!(status.state, DriveState::Unreadable);
        status.reason
    }

    #[test]
    fn a_disk_without_a_volume_is_refused_in_a_sentence() {
        let mark = [0x55, 0xAA];
        for (mark, entries, expected) in [
            ([0, 0], &[][..], "neither a partition table nor a volume"),
            (mark, &[], "no partition with a FAT volume"),
            (mark, &[(0xEE, 1, 99)], "a GUID partition table"),
            (mark, &[(1, 1, 200)], "partition 1 ends at sector 201"),
            (mark, &[(1, 1, 99)], "no partition with a FAT volume"),
        ] {
            let reason = reason(mark, entries);
            assert!(reason.starts_with("The board's drive cannot be read: "));
            assert!(reason.contains(expected), "{reason}");
        }
    }
}
