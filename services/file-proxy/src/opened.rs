//! A drive whose device is open: the volume on it, whether it may be changed, and what is to be said of it.

use std::path::Path;

use cpy_board::{Serial, daemon::with_causes};
use cpy_fat::{Caching, FatKind, Finding, Partition, Recovery, RecoveryError, recover};

use crate::device::{Device, Protection};
use crate::journal_file::JournalFile;
use crate::refusal::Refusal;

pub(crate) type Volume = cpy_fat::Volume<cpy_fat::Slice<Device>>;

/// A volume that can be used.
pub(crate) struct Opened {
    pub(crate) volume: Volume,
    pub(crate) protection: Protection,
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
                    notice: String::new(),
                })
            }
        }
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
            Err(RecoveryError::Device(error)) => return Err(Refusal::Unusable(error.to_string())),
            Err(RecoveryError::Journal(error)) => {
                tracing::warn!(%board, %error, "the journal of the drive cannot be used");
            }
        }
        let (mut volume, first) = volume(device, Caching::Owned)?;
        volume.keep_journal(Box::new(journal), first);
        notices.extend(look_over(board, &mut volume).map_err(no_volume)?);
        tracing::info!(%board, "drive opened");
        Ok(Self {
            volume,
            protection: Protection::None,
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

/// Looks whether a volume is in order, and gives back the clusters that a cut save has left to nobody. Returns what is
/// wrong with it, for the board's owner. Of FAT32 only the mark is read that says so: on a large card, reading the
/// tables takes minutes.
fn look_over(board: &Serial, volume: &mut Volume) -> Result<Option<String>, cpy_fat::Error> {
    if volume.kind() == FatKind::Fat32 {
        let is_dirty = volume.is_dirty()?;
        return Ok(is_dirty.then(|| disorder(board, &Finding::Dirty, 0)));
    }
    let mut report = volume.check()?;
    if report.damage().is_none() && report.findings.iter().any(Finding::is_leftover) {
        let clusters = volume.free_unowned()?;
        tracing::info!(%board, clusters, "freed what a cut save had left");
        report = volume.check()?;
    }
    let Some(first) = report.damage().or(report.findings.first()) else {
        return Ok(None);
    };
    tracing::warn!(%board, finding = %first, "the drive is not in order");
    let others = report.findings.len() as u64 - 1 + report.omitted;
    Ok(Some(disorder(board, first, others)))
}

/// What the owner is told of a finding, and of how many others there are.
fn disorder(board: &Serial, first: &Finding, others: u64) -> String {
    let more = match others {
        0 => String::new(),
        others => format!(", and {others} more"),
    };
    if first.is_harmless() {
        format!(
            "The files are whole, but the drive is not in order ({first}{more}): `sudo cpyctl drive repair {board}` \
             mends it."
        )
    } else {
        format!(
            "The drive is damaged ({first}{more}): save its files elsewhere, then `sudo cpyctl drive repair {board}`."
        )
    }
}

/// Why a device that could be opened gives no volume.
fn no_volume(error: cpy_fat::Error) -> Refusal {
    match error {
        cpy_fat::Error::Device(_) => Refusal::Unusable(error.to_string()),
        error => Refusal::NoVolume(error.to_string()),
    }
}
