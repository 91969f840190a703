//! A drive whose device is open: the volume on it, whether it may be changed, and what is to be said of it.

use std::path::Path;

use cpy_board::status::DriveHealth;
use cpy_board::{Serial, daemon::with_causes};
use cpy_fat::{Caching, Partition, Recovery, RecoveryError, recover};

use crate::device::{Device, Protection};
use crate::health;
use crate::journal_file::JournalFile;
use crate::refusal::Refusal;

pub(crate) type Volume = cpy_fat::Volume<cpy_fat::Slice<Device>>;

/// A volume that can be used.
pub(crate) struct Opened {
    pub(crate) volume: Volume,
    pub(crate) protection: Protection,
    /// What a look at it has found.
    pub(crate) health: DriveHealth,
    /// What its owner should know, in sentences; empty when there is nothing.
    pub(crate) notice: String,
}

impl Opened {
    /// Opens the drive of a board. A change that was cut when the drive went is brought to its end first.
    pub(crate) fn open(
        board: &Serial,
        device: &Path,
        journal: JournalFile,
        is_write_protected: bool,
    ) -> Result<Self, Refusal> {
        let mut device =
            Device::open(device).map_err(|error| Refusal::Unusable(with_causes(&error)))?;
        if is_write_protected {
            device.assume_write_protected();
        }
        match device.protection() {
            Protection::None => Self::open_own(board, device, journal),
            Protection::WriteProtected => {
                let (volume, _) = volume(device, Caching::Foreign)?;
                tracing::info!(%board, "drive opened, write-protected");
                Ok(Self {
                    volume,
                    protection: Protection::WriteProtected,
                    health: DriveHealth::Sound,
                    notice: String::new(),
                })
            }
        }
    }

    /// Whether files on it are not whole, or lead to what is not their own.
    pub(crate) fn is_damaged(&self) -> bool {
        self.health == DriveHealth::Damaged
    }

    /// Whether what it holds can be copied: nobody else writes to it meanwhile, and it leads nowhere that is not its own.
    pub(crate) fn may_be_copied(&self) -> bool {
        self.protection == Protection::None && !self.is_damaged()
    }

    /// Opens a drive that nobody else writes to.
    fn open_own(
        board: &Serial,
        mut device: Device,
        mut journal: JournalFile,
    ) -> Result<Self, Refusal> {
        let mut notices = Vec::new();
        // Whether the journal still has a change, so that the volume refuses others.
        let mut is_owed = false;
        match recover(&mut device, &mut journal) {
            Ok(done) => {
                let is_set_aside = done.is_set_aside();
                notices.extend(news(board, done));
                if is_set_aside {
                    let aside = journal.aside();
                    notices.push(format!(
                        "It is also set aside, as sectors, in {}.",
                        aside.display()
                    ));
                }
            }
            Err(RecoveryError::Undiscarded { done, source }) => {
                tracing::error!(%board, error = %source, "the journal cannot be cleared of an earlier change");
                notices.extend(news(board, done));
                notices.push(format!(
                    "The gateway's journal cannot be cleared of an earlier change ({source}): files can be read, and \
                     nothing can be changed until it can be."
                ));
                is_owed = true;
            }
            Err(error @ (RecoveryError::Unverified | RecoveryError::Unwritable(_))) => {
                tracing::error!(%board, %error, "a change that was cut off cannot be brought to its end");
                notices.push(format!(
                    "A change to the drive was cut off, and cannot be brought to its end: {error}. Its files can be read, as \
                     far as they are whole, and nothing can be changed until that is over; what was there before is kept in \
                     the gateway's journal."
                ));
                is_owed = true;
            }
            Err(RecoveryError::Device(error)) => return Err(Refusal::Unusable(error.to_string())),
            Err(RecoveryError::Journal(error)) => {
                // It may hold the only copy of something: it is not written over.
                return Err(Refusal::Unusable(format!(
                    "the gateway's journal of it, which may hold a change that was cut off, cannot be read ({error})"
                )));
            }
        }
        let (mut volume, first) =
            volume(device, Caching::Owned).map_err(|refusal| match refusal {
                // Nobody is to make it anew before that.
                Refusal::NoVolume(reason) if is_owed => {
                    Refusal::Unusable(format!("{reason}. {}", notices.join(" ")))
                }
                other => other,
            })?;
        volume.keep_journal(Box::new(journal), first);
        let (health, disorder) = health::look_over(board, &mut volume).map_err(no_volume)?;
        notices.extend(disorder);
        tracing::info!(%board, "drive opened");
        Ok(Self {
            volume,
            protection: Protection::None,
            health,
            notice: notices.join(" "),
        })
    }
}

/// What is to be said of a recovery.
fn news(board: &Serial, done: Recovery) -> Option<String> {
    match done {
        Recovery::Nothing => None,
        Recovery::Finished => {
            tracing::info!(%board, "a change that was cut off is finished");
            None
        }
        Recovery::TakenBack => {
            tracing::info!(%board, "a change that was cut off is undone");
            None
        }
        Recovery::ChangedElsewhere { path, is_set_aside } => {
            tracing::warn!(%board, %path, "a change was cut off, and the drive was changed elsewhere since");
            let what = if path.is_root() {
                String::new()
            } else {
                format!(" ({path})")
            };
            let advice = match is_set_aside {
                false => "look whether your files are as they should be.".to_owned(),
                true if path.is_root() => "half of the change may be there.".to_owned(),
                true => format!(
                    "half of the old file and half of the new one may be there. `cpyctl history {board} '{path}'` lists \
                     what it held before, as far as that is kept."
                ),
            };
            Some(format!(
                "A change to the drive{what} was cut off when the board was unplugged, and something else has written to it since: \
                 {advice}"
            ))
        }
    }
}

/// The volume on a device, and where it begins.
fn volume(mut device: Device, caching: Caching) -> Result<(Volume, u64), Refusal> {
    let partition = Partition::find(&mut device).map_err(no_volume)?;
    let slice = partition
        .slice(device)
        .expect("the partition was found on this device");
    let volume = Volume::open(slice, caching).map_err(no_volume)?;
    Ok((volume, partition.first_sector()))
}

/// Why a device that could be opened gives no volume.
fn no_volume(error: cpy_fat::Error) -> Refusal {
    match error {
        cpy_fat::Error::Device(_) => Refusal::Unusable(error.to_string()),
        error => Refusal::NoVolume(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::{Cursor, Write};
    use std::os::fd::AsRawFd;
    use std::process::Command;

    use cpy_fat::{Journal, Timestamp};
    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

    use super::*;

    /// An image with a volume.
    fn image(directory: &Path) -> std::path::PathBuf {
        let image = directory.join("image");
        let mut mkfs = Command::new("mkfs.vfat");
        let made = mkfs.arg("-C").arg(&image).arg("1024").output().unwrap();
        assert!(made.status.success(), "{made:?}");
        image
    }

    fn save(volume: &mut Volume, at: &str, content: &str) -> Result<(), cpy_fat::Error> {
        let modified = Timestamp::from_unix_seconds(1_760_702_400);
        let size = content.len() as u64;
        let mut content = Cursor::new(content);
        volume.save(&at.parse().unwrap(), size, &mut content, modified)?;
        Ok(())
    }

    #[test]
    fn a_file_that_was_cut_in_place_and_changed_elsewhere_is_named_with_where_its_old_content_is() {
        let dir = tempfile::tempdir().unwrap();
        let (image, record) = (image(dir.path()), dir.path().join("journal"));
        let (mut before, first) = volume(Device::open(&image).unwrap(), Caching::Owned).unwrap();
        let space = before.space().unwrap();
        let size = space.cluster_size * space.free_clusters;
        save(&mut before, "/code.py", &"o".repeat(size as usize)).unwrap();
        before.keep_journal(Box::new(Keeping(JournalFile::new(&record))), first);
        save(&mut before, "/code.py", &"n".repeat(size as usize)).unwrap();
        drop(before);
        let (mut elsewhere, _) = volume(Device::open(&image).unwrap(), Caching::Owned).unwrap();
        elsewhere.delete(&"/code.py".parse().unwrap()).unwrap();
        drop(elsewhere);
        let journal = JournalFile::new(&record);
        let board = "A1".parse().unwrap();
        let opened = Opened::open(&board, &image, journal.clone(), false).unwrap();
        for words in [
            "A change to the drive (/code.py) was cut off",
            "something else has written to it since",
            "`cpyctl history A1 '/code.py'`",
            journal.aside().to_str().unwrap(),
        ] {
            assert!(opened.notice.contains(words), "{words}: {}", opened.notice);
        }
        assert!(journal.aside().exists());
        drop(opened);
        let again = Opened::open(&board, &image, journal, false).unwrap();
        assert_eq!(again.notice, "");
    }

    /// A journal whose discarded records stay.
    struct Keeping(JournalFile);

    impl Journal for Keeping {
        fn keep(
            &mut self,
            write: &mut dyn FnMut(&mut dyn Write) -> std::io::Result<()>,
        ) -> std::io::Result<()> {
            self.0.keep(write)
        }
        fn kept(&mut self) -> std::io::Result<Option<Box<dyn std::io::Read + '_>>> {
            Ok(None)
        }
        fn append(&mut self, bytes: &[u8]) -> std::io::Result<()> {
            self.0.append(bytes)
        }
        fn discard(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn where_the_journal_cannot_be_cleared_the_drive_is_served_for_reading() {
        let dir = tempfile::tempdir().unwrap();
        let (image, record) = (image(dir.path()), dir.path().join("journal"));
        let (mut before, first) = volume(Device::open(&image).unwrap(), Caching::Owned).unwrap();
        before.keep_journal(Box::new(Keeping(JournalFile::new(&record))), first);
        save(&mut before, "/code.py", "new").unwrap();
        drop(before);
        // A file that can be read, and not made shorter.
        let sealed = memfd_create("journal", MemfdFlags::ALLOW_SEALING).unwrap();
        let mut sealed = File::from(sealed);
        sealed.write_all(&fs::read(&record).unwrap()).unwrap();
        fcntl_add_seals(&sealed, SealFlags::SHRINK).unwrap();
        let journal = JournalFile::new(format!("/proc/self/fd/{}", sealed.as_raw_fd()));
        let board = "A1".parse().unwrap();
        let open = || Opened::open(&board, &image, journal.clone(), false);
        for _ in 0..2 {
            let mut opened = open().unwrap();
            assert!(
                opened.notice.contains("cannot be cleared"),
                "{}",
                opened.notice
            );
            assert!(
                !opened.notice.contains("cannot be read"),
                "{}",
                opened.notice
            );
            opened.volume.stat(&"/code.py".parse().unwrap()).unwrap();
            let refused = save(&mut opened.volume, "/code.py", "newer").unwrap_err();
            assert!(refused.to_string().contains("journal"), "{refused}");
        }
        // Where there is no volume nobody is told to make one.
        fs::write(&image, vec![0; 1 << 20]).unwrap();
        assert!(matches!(open(), Err(Refusal::Unusable(_))));
    }
}
