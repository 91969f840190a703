//! Reading a file in pieces: [`FileHandle`], and [`Readers`], which tells handles that their content is gone.
//!
//! A reader that comes back for the next piece must never get one of another content. So each piece begins with
//! a look at the entry (and ends with another one where somebody else may write); and, as a later content may by chance begin
//! at the same cluster with the same size and time, the handle also learns when its chain is freed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use crate::chain::follow;
use crate::device::{MAX_TRANSFER, SECTOR_SIZE, SectorDevice};
use crate::entry::{Kind, Metadata, RawEntry, SLOT};
use crate::error::{Damage, Error};
use crate::numbers::{at_most, wide};
use crate::path::Path;
use crate::table::Cluster;
use crate::version::Version;
use crate::volume::Volume;

/// An open file. It belongs to the volume that opened it.
#[derive(Debug)]
pub struct FileHandle {
    path: Path,
    /// Where the entry is.
    sector: u64,
    offset: usize,
    /// What the entry said.
    entry: RawEntry,
    first: Option<Cluster>,
    /// A cluster of the chain and its index there, so that reading on does not begin at the start.
    position: Option<(u32, Cluster)>,
    is_released: Arc<AtomicBool>,
    version: Version,
}

impl FileHandle {
    /// What the directory said when the file was opened.
    pub fn metadata(&self) -> Metadata {
        self.entry.metadata()
    }

    /// Which content it reads.
    pub fn version(&self) -> Version {
        self.version
    }

    fn damaged(&self, what: Damage) -> Error {
        Error::Damaged {
            path: self.path.clone(),
            what,
        }
    }
}

/// The chains that open handles read.
#[derive(Debug, Default)]
pub(crate) struct Readers(Vec<(Cluster, Weak<AtomicBool>)>);

impl Readers {
    fn register(&mut self, first: Cluster, is_released: &Arc<AtomicBool>) {
        self.0.retain(|(_, flag)| flag.strong_count() > 0);
        self.0.push((first, Arc::downgrade(is_released)));
    }

    /// Tells the readers of the chain that begins at `first` that it is free.
    pub(crate) fn released(&mut self, first: Cluster) {
        for (_, flag) in self.0.iter().filter(|(reading, _)| *reading == first) {
            if let Some(flag) = flag.upgrade() {
                flag.store(true, Ordering::Relaxed);
            }
        }
    }
}

impl<D: SectorDevice> Volume<D> {
    /// Opens a file for reading.
    pub fn open_file(&mut self, path: &Path) -> Result<FileHandle, Error> {
        self.begin();
        let located = self
            .locate(path)?
            .filter(|(_, record)| record.raw.kind() == Kind::File);
        let (directory, record) =
            located.ok_or_else(|| Error::IsADirectory { path: path.clone() })?;
        let first = self.first_cluster(&record.raw, path)?;
        let (sector, offset) = directory.locate(record.short_slot());
        let is_released = Arc::new(AtomicBool::new(false));
        if let Some(first) = first {
            self.readers.register(first, &is_released);
        }
        let position = first.map(|first| (0, first));
        let version = Version::of(&record.raw, self.kind());
        Ok(FileHandle {
            version,
            path: path.clone(),
            sector,
            offset,
            entry: record.raw,
            first,
            position,
            is_released,
        })
    }

    /// Reads from `offset` on as much as fits `into`, at most [`MAX_TRANSFER`] bytes; 0 at the end of the file.
    pub fn read_at(
        &mut self,
        handle: &mut FileHandle,
        offset: u32,
        into: &mut [u8],
    ) -> Result<usize, Error> {
        self.ensure_unchanged(handle)?;
        let left = u64::from(handle.entry.size().saturating_sub(offset));
        let wanted = at_most(left, into.len().min(MAX_TRANSFER));
        let into = &mut into[..wanted];
        let mut done = 0;
        while done < into.len() {
            let at = u64::from(offset) + wide(done);
            done += self.read_run(handle, at, &mut into[done..])?;
        }
        if self.is_foreign() {
            self.ensure_unchanged(handle)?;
        }
        Ok(into.len())
    }

    /// Looks whether the entry still says what it said when the file was opened.
    fn ensure_unchanged(&mut self, handle: &FileHandle) -> Result<(), Error> {
        self.begin();
        let sector = self
            .medium
            .sector(handle.sector, &(handle.sector..handle.sector + 1))?;
        let entry = RawEntry::from_slice(&sector.bytes()[handle.offset..][..SLOT]);
        if handle.is_released.load(Ordering::Relaxed) || !entry.is_same_content(&handle.entry) {
            return Err(Error::Changed {
                path: handle.path.clone(),
            });
        }
        Ok(())
    }

    /// Reads at `offset` as far as the clusters there follow each other on the medium.
    fn read_run(
        &mut self,
        handle: &mut FileHandle,
        offset: u64,
        into: &mut [u8],
    ) -> Result<usize, Error> {
        let cluster_size = u64::from(self.geometry.cluster_size());
        let number = u32::try_from(offset / cluster_size).expect("a file has at most 2^32 bytes");
        let within = offset % cluster_size;
        let first = self.seek(handle, number)?;
        let wanted = u32::try_from((within + wide(into.len())).div_ceil(cluster_size))
            .expect("a transfer has at most 2^32 bytes");
        let mut count = 1;
        while count < wanted {
            let next = self.seek(handle, number + count)?;
            if next.number() != first.number() + count {
                break;
            }
            count += 1;
        }
        let bytes = at_most(u64::from(count) * cluster_size - within, into.len());
        let start = self.geometry.extent(first, count).start + within / wide(SECTOR_SIZE);
        let skipped = at_most(within % wide(SECTOR_SIZE), SECTOR_SIZE);
        if skipped == 0 && bytes.is_multiple_of(SECTOR_SIZE) {
            self.medium.read(start, &mut into[..bytes])?;
        } else {
            let mut whole = vec![0; (skipped + bytes).next_multiple_of(SECTOR_SIZE)];
            self.medium.read(start, &mut whole)?;
            into[..bytes].copy_from_slice(&whole[skipped..skipped + bytes]);
        }
        Ok(bytes)
    }

    /// The cluster with the index `number`, from the last one that was asked for if that is not behind it.
    fn seek(&mut self, handle: &mut FileHandle, number: u32) -> Result<Cluster, Error> {
        let needed = self.geometry.clusters_for(handle.entry.size());
        let start = handle.first.map(|first| (0, first));
        let Some((mut at, mut cluster)) = handle.position.filter(|&(at, _)| at <= number).or(start)
        else {
            return Err(handle.damaged(Damage::TooShort { needed, found: 0 }));
        };
        while at < number {
            cluster = match follow(&self.geometry.table, &mut self.medium, cluster) {
                Ok(Some(next)) => next,
                Ok(None) => {
                    return Err(handle.damaged(Damage::TooShort {
                        needed,
                        found: at + 1,
                    }));
                }
                Err(broken) => return Err(broken.at(&handle.path)),
            };
            at += 1;
        }
        handle.position = Some((at, cluster));
        Ok(cluster)
    }
}
