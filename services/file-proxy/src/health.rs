//! Whether a drive that is being opened is in order, and what its owner is told where it is not. Nothing is repaired
//! here but what a cut save of this gateway's own has left.

use cpy_board::Serial;
use cpy_board::status::DriveHealth;
use cpy_fat::{Error, Finding};

use crate::opened::Volume;

/// The largest table that is looked at. On a full drive with two of them a look reads five times as much, which takes two
/// and a half seconds over full-speed USB (about 1 MB/s).
const LARGEST_TABLE: u64 = 512 * 1024;

/// Looks at a volume, and gives back the clusters that a cut save has left to nobody. Of a large FAT32 card only the mark
/// is read that says that something may be wrong: reading its tables may take minutes.
pub(crate) fn look_over(
    board: &Serial,
    volume: &mut Volume,
) -> Result<(DriveHealth, Option<String>), Error> {
    if volume.table_size() > LARGEST_TABLE {
        return Ok(if volume.is_dirty()? {
            diagnosis(board, &Finding::Dirty, 0)
        } else {
            (DriveHealth::Sound, None)
        });
    }
    let mut report = volume.check()?;
    // Where anything else is found, somebody else has left it, and clusters that seem to be nobody's may be all that is
    // left of something.
    let is_freed =
        |finding: &Finding| matches!(finding, Finding::Unowned { .. } | Finding::FreeCount { .. });
    let findings = &report.findings;
    if findings.iter().any(is_freed) && findings.iter().all(Finding::is_leftover) {
        match volume.free_unowned() {
            Ok(clusters) => {
                tracing::info!(%board, clusters, "freed what a cut save had left");
                report = volume.check()?;
            }
            // They may be the change's that is still in the journal.
            Err(Error::Unsettled(_)) => {}
            Err(error) => return Err(error),
        }
    }
    let Some(first) = report.damage().or(report.findings.first()) else {
        return Ok((DriveHealth::Sound, None));
    };
    tracing::warn!(%board, finding = %first, "the drive is not in order");
    let others = report.findings.len() as u64 - 1 + report.omitted;
    Ok(diagnosis(board, first, others))
}

/// What is said of the gravest finding, and of how many others there are.
fn diagnosis(board: &Serial, first: &Finding, others: u64) -> (DriveHealth, Option<String>) {
    let more = match others {
        0 => String::new(),
        others => format!(", and {others} more"),
    };
    if first.is_harmless() {
        let sentence = format!(
            "The files are whole, but the drive is not in order ({first}{more}): `sudo cpyctl drive repair {board}` \
             mends it."
        );
        (DriveHealth::Disordered, Some(sentence))
    } else {
        let sentence = format!(
            "The drive is damaged ({first}{more}): save its files elsewhere, then `sudo cpyctl drive repair {board}`."
        );
        (DriveHealth::Damaged, Some(sentence))
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::Cursor;
    use std::os::unix::fs::FileExt;
    use std::path::PathBuf;
    use std::process::Command;

    use cpy_fat::{Caching, Path, SECTOR_SIZE, Slice, Timestamp};

    use super::*;
    use crate::device::Device;

    /// A FAT32 volume of clusters of one sector, with two files.
    struct Card {
        _directory: tempfile::TempDir,
        image: PathBuf,
    }

    impl Card {
        fn new(mebibytes: u32) -> Self {
            let directory = tempfile::tempdir().unwrap();
            let image = directory.path().join("image");
            let mut mkfs = Command::new("mkfs.vfat");
            mkfs.args(["-F", "32", "-s", "1", "-S", "512", "-a", "-C"]);
            let made = mkfs.arg(&image).arg((mebibytes << 10).to_string());
            let made = made.output().unwrap();
            assert!(made.status.success(), "{made:?}");
            let card = Self {
                _directory: directory,
                image,
            };
            let mut volume = card.open();
            for name in ["/A.PY", "/B.PY"] {
                let path: Path = name.parse().unwrap();
                let modified = Timestamp::from_unix_seconds(1_760_702_400);
                let mut content = Cursor::new([b'x'; 2000]);
                volume.save(&path, 2000, &mut content, modified).unwrap();
            }
            card
        }

        fn open(&self) -> Volume {
            let device = Device::open(&self.image).unwrap();
            let sectors = fs::metadata(&self.image).unwrap().len() / SECTOR_SIZE as u64;
            Volume::open(Slice::new(device, 0, sectors).unwrap(), Caching::Owned).unwrap()
        }

        fn look_over(&self) -> (DriveHealth, Option<String>) {
            look_over(&"A1".parse().unwrap(), &mut self.open()).unwrap()
        }

        fn write(&self, at: u64, bytes: &[u8]) {
            let image = File::options().write(true).open(&self.image).unwrap();
            image.write_all_at(bytes, at).unwrap();
        }

        /// Sets the entry of a cluster in both tables.
        fn link(&self, cluster: u64, value: u32) {
            let mut boot = [0; SECTOR_SIZE];
            let image = File::open(&self.image).unwrap();
            image.read_exact_at(&mut boot, 0).unwrap();
            let first = u64::from(u16::from_le_bytes([boot[14], boot[15]]));
            let length = u64::from(u32::from_le_bytes(boot[36..40].try_into().unwrap()));
            for table in [first, first + length] {
                let at = table * SECTOR_SIZE as u64 + 4 * cluster;
                self.write(at, &value.to_le_bytes());
            }
        }

        /// Where the entry of this short name is.
        fn entry(&self, short: &[u8; 11]) -> u64 {
            let bytes = fs::read(&self.image).unwrap();
            let entry = bytes.chunks(32).position(|slot| slot.starts_with(short));
            entry.unwrap() as u64 * 32
        }
    }

    const END: u32 = 0x0FFF_FFFF;

    #[test]
    fn what_a_cut_save_has_left_on_fat32_is_freed() {
        let card = Card::new(34);
        card.link(5000, 5001);
        card.link(5001, END);
        assert_eq!(card.open().check().unwrap().findings.len(), 2);
        assert_eq!(card.look_over(), (DriveHealth::Sound, None));
        assert!(card.open().check().unwrap().is_clean());
        // The free count of others is a hint, and no reason to say anything.
        card.write(SECTOR_SIZE as u64 + 488, &7_u32.to_le_bytes());
        assert_eq!(card.look_over(), (DriveHealth::Sound, None));
        assert!(card.open().check().unwrap().is_clean());
    }

    #[test]
    fn two_files_on_one_chain_of_fat32_are_told() {
        let card = Card::new(34);
        let (mut cluster, image) = ([0; 2], File::open(&card.image).unwrap());
        let first = |name| card.entry(name) + 26;
        image
            .read_exact_at(&mut cluster, first(b"A       PY "))
            .unwrap();
        card.write(first(b"B       PY "), &cluster);
        let (health, sentence) = card.look_over();
        let sentence = sentence.unwrap();
        assert_eq!(health, DriveHealth::Damaged, "{sentence}");
        assert!(sentence.contains("shares cluster"), "{sentence}");
    }

    #[test]
    fn of_a_table_that_takes_long_to_read_only_the_mark_is_looked_at() {
        let card = Card::new(80);
        assert!(card.open().table_size() > LARGEST_TABLE);
        card.link(5000, END);
        assert_eq!(card.look_over(), (DriveHealth::Sound, None));
        assert!(!card.open().check().unwrap().is_clean());
        // The mark that the volume was not put away properly.
        card.link(1, END & !0x0800_0000);
        let (health, sentence) = card.look_over();
        assert_eq!(health, DriveHealth::Disordered, "{sentence:?}");
    }
}
