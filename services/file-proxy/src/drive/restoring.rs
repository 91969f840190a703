//! A drive that was wiped: that it was, and all that was lost given back to it.

use std::collections::{BTreeMap, BTreeSet};

use cpy_fat::{Error, Kind, Path, Saved, Source, Timestamp};

use super::{Drive, Stores};
use crate::opened::Volume;
use crate::refusal::Refusal;
use crate::stock::is_stock;
use crate::store::Kept;

/// A drive on which less is left than one file of so many was wiped.
const FEW_LEFT: usize = 5;

impl Drive {
    /// Looks whether the drive that was just opened has lost most of what was copied of it.
    pub(super) fn look_for_wipe(&mut self) -> Result<(), Refusal> {
        if self.serial.is_port() {
            // Another board may be plugged in there.
            return Ok(());
        }
        let mut gone = self.stores.copies.work().map_err(Refusal::History)?;
        let work = gone.len();
        // The first ones that are left tell as much as all of them.
        let few = work.div_ceil(FEW_LEFT);
        let mut left = 0;
        for number in (0..work).rev() {
            if self.read(|volume| is_left(volume, &gone[number]))? {
                gone.remove(number);
                left += 1;
                if left >= few {
                    return Ok(());
                }
            }
        }
        let mut elsewhere = BTreeSet::new();
        self.walk(&Path::root(), |_, entry| {
            elsewhere.extend(entry.version.map(|version| version.to_string()));
            true
        });
        let missing = gone.len();
        // What was only moved is not gone. Empty files are told from each other by their time alone.
        gone.retain(|kept| kept.size == 0 || !elsewhere.contains(&kept.version));
        if left + missing - gone.len() >= few {
            return Ok(());
        }
        if !gone.is_empty() {
            tracing::warn!(board = %self.serial, files = gone.len(), "the drive was wiped");
            let Stores {
                copies, history, ..
            } = &mut self.stores;
            copies.lose(&gone, history).map_err(Refusal::History)?;
        }
        Ok(())
    }

    /// The files that were lost when the drive was wiped, each with its number.
    pub(crate) fn lost(&mut self) -> Result<Vec<(u64, Kept)>, Refusal> {
        let lost = self.stores.copies.lost().map_err(Refusal::History)?;
        let lost = lost.iter().map(|(number, kept)| (*number, kept.clone()));
        Ok(lost.collect())
    }

    /// Gives one of the files that were lost back to the drive. What is there now in its place goes into the history.
    pub(crate) fn give_back(&mut self, number: u64, kept: &Kept) -> Result<(), Refusal> {
        let content = self.stores.copies.open_lost(number);
        let Some(mut content) = content.map_err(Refusal::History)? else {
            return Ok(());
        };
        let path: Path = kept.path.parse().map_err(Error::from)?;
        let modified = Timestamp::from_unix_seconds(kept.modified);
        self.restore(&path, kept.size, &mut content, modified)?;
        self.forget_lost(number)
    }

    /// Saves what was kept of a file, whose directory may be gone as well.
    pub(crate) fn restore(
        &mut self,
        path: &Path,
        length: u64,
        content: &mut dyn Source,
        modified: Timestamp,
    ) -> Result<Saved, Refusal> {
        if let Some((parent, _)) = path.split()
            && !parent.is_root()
        {
            self.make_directory(&parent, modified)?;
        }
        self.save(path, length, content, modified)
    }

    /// Forgets one of the files that were lost.
    pub(crate) fn forget_lost(&mut self, number: u64) -> Result<(), Refusal> {
        let forgotten = self.stores.copies.forget_lost(number);
        forgotten.map_err(Refusal::History)
    }

    /// What is said of files that were lost; nothing where none was.
    pub(super) fn loss(&mut self) -> Option<String> {
        let files = self.stores.copies.lost().map_or(0, BTreeMap::len);
        (files > 0).then(|| {
            format!(
                "The drive was emptied or made anew elsewhere. {} of what was on it: `sudo cpyctl drive restore {}` gives \
                 it back.",
                kept(files),
                self.serial
            )
        })
    }
}

/// How many files there are yet of what was on a drive, as the beginning of a sentence. It need not be all of them: copies
/// have a bound.
pub(super) fn kept(files: usize) -> String {
    match files {
        1 => "1 file is kept".to_owned(),
        files => format!("{files} files are kept"),
    }
}

/// Whether there is a file in the place of this one that is somebody's work.
fn is_left(volume: &mut Volume, kept: &Kept) -> Result<bool, Error> {
    let Ok(path) = kept.path.parse() else {
        return Ok(false);
    };
    match volume.stat(&path) {
        Ok(found) if found.kind == Kind::File => {
            let size = found.size;
            let read = || {
                let mut file = volume.open_file(&path)?;
                let mut content = vec![0; size as usize];
                volume.read_at(&mut file, 0, &mut content)?;
                Ok::<_, Error>(content)
            };
            Ok(!is_stock(&kept.path, size.into(), read)?)
        }
        Ok(_) | Err(Error::NotFound { .. } | Error::NotADirectory { .. }) => Ok(false),
        Err(error @ Error::Device(_)) => Err(error),
        // A damaged drive is no empty one.
        Err(_) => Ok(true),
    }
}
