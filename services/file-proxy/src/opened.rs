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

    /// Whether what it holds can be copied: nobody else writes to it meanwhile, and it leads nowhere that is not its own.
    pub(crate) fn may_be_copied(&self) -> bool {
        self.protection == Protection::None && self.health != DriveHealth::Damaged
    }

    /// Opens a drive that nobody else writes to.
    fn open_own(
        board: &Serial,
        mut device: Device,
        mut journal: JournalFile,
    ) -> Result<Self, Refusal> {
        let mut notices = Vec::new();
        match recover(&mut device, &mut journal) {
            Ok(Recovery::Nothing) => {}
            Ok(Recovery::Finished) => {
                tracing::info!(%board, "a change that was cut off is finished");
            }
            Ok(Recovery::TakenBack) => {
                tracing::info!(%board, "a change that was cut off is undone");
            }
            Ok(Recovery::ChangedElsewhere) => {
                tracing::warn!(%board, "a change was cut off, and the drive was changed elsewhere since");
                notices.push(
                    "A change to the drive was cut off when the board was unplugged, and something else has written to \
                     it since: look whether your files are as they should be."
                        .to_owned(),
                );
            }
            Err(error @ RecoveryError::Unverified) => {
                tracing::error!(%board, %error, "a change that was cut off cannot be brought to its end");
                notices.push(format!(
                    "A change to the drive was cut off, and cannot be brought to its end: {error}. Its files can be read, as \
                     far as they are whole, and nothing can be changed; what the change has taken the place of is kept."
                ));
            }
            Err(RecoveryError::Device(error)) => return Err(Refusal::Unusable(error.to_string())),
            Err(RecoveryError::Journal(error)) => {
                // It may hold the only copy of something: it is not written over.
                return Err(Refusal::Unusable(format!(
                    "the gateway's journal of it, which may hold a change that was cut off, cannot be read ({error})"
                )));
            }
        }
        let (mut volume, first) = volume(device, Caching::Owned)?;
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
