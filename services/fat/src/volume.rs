//! A mounted volume: [`Volume`], how it is opened, looked at, and how changes are committed to it.
//!
//! The operations that change it are in modules of their own (`save`, `make_directory`, `delete`, `rename`,
//! `free_unowned`); each puts together one [`Transaction`] and hands it to [`Volume::commit`].

use crate::boot_sector::{Geometry, Place};
use crate::chain::Chain;
use crate::commit::Interrupted;
use crate::device::{SECTOR_SIZE, SectorDevice, Slice};
use crate::directory::{Directory, Record};
use crate::entry::{Entry, Kind, Metadata, RawEntry};
use crate::error::{Damage, Error};
use crate::free_space::FreeSpace;
use crate::info_sector::FreeCount;
use crate::journal::Journal;
use crate::keeper::Keeper;
use crate::medium::Medium;
use crate::numbers::wide;
use crate::path::Path;
use crate::read::Readers;
use crate::recovery::RecoveryError;
use crate::short_name::ShortName;
use crate::table::{Cluster, FatKind};
use crate::timestamp::Timestamp;
use crate::transaction::Transaction;
use crate::version::{EndedVersions, Version};

/// Who writes to the volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caching {
    /// Only this [`Volume`]: what it has read stays true.
    Owned,
    /// Somebody else, at any time: nothing is kept between operations, and changes are refused.
    Foreign,
}

/// How full a volume is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Clusters that are free.
    pub free_clusters: u32,
    /// Clusters that there are.
    pub total_clusters: u32,
    /// Bytes of a cluster.
    pub cluster_size: u32,
}

/// A FAT volume on a device.
pub struct Volume<D> {
    pub(crate) medium: Medium<D>,
    pub(crate) geometry: Geometry,
    pub(crate) space: FreeSpace,
    pub(crate) readers: Readers,
    pub(crate) ended: EndedVersions,
    caching: Caching,
    keeper: Option<Keeper>,
    /// A check has found damage: of what looks like a file's own, something else may have a part.
    pub(crate) is_damaged: bool,
}

impl<D: SectorDevice> Volume<D> {
    /// Opens the volume whose boot sector is the device's first one; see [`crate::Partition`] for devices with
    /// more on them.
    pub fn open(mut device: D, caching: Caching) -> Result<Self, Error> {
        let present = device.sectors();
        let mut boot = [0; SECTOR_SIZE];
        if present > 0 {
            device.read(0, &mut boot)?;
        }
        let geometry = Geometry::parse(&boot, present)?;
        let slice =
            Slice::new(device, 0, geometry.sectors).expect("the geometry lies within the device");
        let mut volume = Self {
            medium: Medium::new(slice),
            space: FreeSpace::new(),
            readers: Readers::default(),
            ended: EndedVersions::default(),
            geometry,
            caching,
            keeper: None,
            is_damaged: false,
        };
        if let Some(next) = volume.stored_free_count()?.and_then(|count| count.next) {
            volume.space.begin_at(next);
        }
        Ok(volume)
    }

    /// Lets a journal keep every change until it is done, for [`recover`](crate::recover). `first` is where the
    /// volume begins on the device that will be recovered. While the journal still has a change that is not at its end,
    /// the next one is refused, unless the first can be brought to its end then.
    pub fn keep_journal(&mut self, journal: Box<dyn Journal>, first: u64) {
        self.keeper = Some(Keeper::new(journal, first));
    }

    /// Whether a journal keeps changes.
    pub(crate) fn has_journal(&self) -> bool {
        self.keeper.is_some()
    }

    /// Gives the device back.
    pub fn into_device(self) -> D {
        self.medium.into_device()
    }

    /// How the volume's table is packed.
    pub fn kind(&self) -> FatKind {
        self.geometry.table.kind()
    }

    /// How many bytes one copy of the volume's table has.
    pub fn table_size(&self) -> u64 {
        let sectors = self.geometry.table.sectors();
        (sectors.end - sectors.start) * wide(SECTOR_SIZE)
    }

    /// How full the volume is.
    pub fn space(&mut self) -> Result<Space, Error> {
        self.begin();
        // Counting a large card's table takes seconds. Where it would have to be done every time, the count
        // that the board keeps is good enough.
        let stored = if self.is_foreign() {
            self.stored_free_count()?.and_then(|count| count.free)
        } else {
            None
        };
        let total_clusters = self.geometry.table.clusters();
        let free_clusters = match stored.filter(|&free| free <= total_clusters) {
            Some(free) => free,
            None => self.free_clusters()?,
        };
        Ok(Space {
            free_clusters,
            total_clusters,
            cluster_size: self.geometry.cluster_size(),
        })
    }

    /// What is in a directory, in the order of its slots.
    pub fn list(&mut self, path: &Path) -> Result<Vec<Entry>, Error> {
        self.begin();
        let directory = self.open_directory(path)?;
        let entry = |record: &Record| record.entry(self.kind());
        Ok(directory.records.iter().filter_map(entry).collect())
    }

    /// Which content is at `path`; none where nothing is.
    pub fn version(&mut self, path: &Path) -> Result<Option<Version>, Error> {
        self.begin();
        match self.locate(path) {
            Ok(found) => {
                let root = RawEntry::new(Kind::Directory, ShortName::DOT, Timestamp::EARLIEST);
                let entry = found.map_or(root, |(_, record)| record.raw);
                Ok(Some(Version::of(&entry, self.kind())))
            }
            Err(Error::NotFound { .. } | Error::NotADirectory { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The path with its names as they stand on the volume, as far as they do: others may lead there as well.
    pub fn stored_path(&mut self, path: &Path) -> Result<Path, Error> {
        self.begin();
        let mut stored = Path::root();
        let mut place = Some(self.geometry.root);
        for name in path.names() {
            let record = match place.take() {
                Some(place) => self.load_directory(place, &stored)?.find(name).cloned(),
                None => None,
            };
            let own = record.as_ref().and_then(|record| record.name.clone());
            stored = stored.join(own.unwrap_or_else(|| name.clone()));
            place = match record.filter(|record| record.raw.kind() == Kind::Directory) {
                Some(record) => Some(self.place_of(&record.raw, &stored)?),
                None => None,
            };
        }
        Ok(stored)
    }

    /// The content that an entry was about is no file's any more.
    pub(crate) fn ended(&mut self, entry: &RawEntry) {
        self.ended.add(entry, self.kind());
    }

    /// What is at `path`.
    pub fn stat(&mut self, path: &Path) -> Result<Metadata, Error> {
        self.begin();
        let root = Metadata {
            kind: Kind::Directory,
            size: 0,
            modified: Timestamp::EARLIEST,
        };
        Ok(self
            .locate(path)?
            .map_or(root, |(_, record)| record.raw.metadata()))
    }

    /// Begins an operation that only looks: what somebody else may have changed is not known any more.
    pub(crate) fn begin(&mut self) {
        if self.is_foreign() {
            self.medium.forget();
            self.space.forget();
        }
    }

    /// Whether somebody else may write to the volume.
    pub(crate) fn is_foreign(&self) -> bool {
        self.caching == Caching::Foreign
    }

    /// Begins an operation that changes something.
    pub(crate) fn begin_change(&mut self) -> Result<(), Error> {
        if self.is_foreign() {
            Err(Error::ReadOnly)
        } else {
            self.settle()
        }
    }

    /// Brings a change that the journal still has to its end.
    pub(crate) fn settle(&mut self) -> Result<(), Error> {
        let Some(keeper) = self.keeper.as_mut().filter(|keeper| keeper.is_owed) else {
            return Ok(());
        };
        let settled = keeper.settle(self.medium.device());
        self.medium.forget();
        self.space.forget();
        settled.map_err(|error| match error {
            RecoveryError::Device(error) => Error::Device(error),
            other => Error::Unsettled(other),
        })
    }

    /// Loads the directory at `place`, which is called `path`.
    pub(crate) fn load_directory(&mut self, place: Place, path: &Path) -> Result<Directory, Error> {
        Directory::load(&self.geometry, &mut self.medium, place).map_err(|broken| broken.at(path))
    }

    /// Loads the directory at `path`.
    pub(crate) fn open_directory(&mut self, path: &Path) -> Result<Directory, Error> {
        let place = self
            .places(path)?
            .pop()
            .expect("the root is always among the places");
        self.load_directory(place, path)
    }

    /// The directories from the root to `path`, both included.
    pub(crate) fn places(&mut self, path: &Path) -> Result<Vec<Place>, Error> {
        let mut places = vec![self.geometry.root];
        let mut here = Path::root();
        for name in path.names() {
            let directory = self.load_directory(places[places.len() - 1], &here)?;
            here = here.join(name.clone());
            let record = directory
                .find(name)
                .ok_or_else(|| Error::NotFound { path: here.clone() })?;
            places.push(self.place_of(&record.raw, &here)?);
        }
        Ok(places)
    }

    /// Where the slots of a directory are, by its entry.
    pub(crate) fn place_of(&self, entry: &RawEntry, path: &Path) -> Result<Place, Error> {
        if entry.kind() == Kind::File {
            return Err(Error::NotADirectory { path: path.clone() });
        }
        let first = self.first_cluster(entry, path)?;
        let value = entry.first_cluster(self.kind());
        let what = Damage::First { value };
        first.map(Place::Chain).ok_or_else(|| Error::Damaged {
            path: path.clone(),
            what,
        })
    }

    /// The first cluster of an entry; `None` when it has none.
    pub(crate) fn first_cluster(
        &self,
        entry: &RawEntry,
        path: &Path,
    ) -> Result<Option<Cluster>, Error> {
        match entry.first_cluster(self.kind()) {
            0 => Ok(None),
            value => match self.geometry.table.cluster(value) {
                Some(cluster) => Ok(Some(cluster)),
                None => Err(Error::Damaged {
                    path: path.clone(),
                    what: Damage::First { value },
                }),
            },
        }
    }

    /// The chain of an entry that is about to lose it. One that cannot be followed to its end, and any on a volume that
    /// is known to be damaged, is left to [`Volume::free_unowned`], which frees only what nothing else owns.
    pub(crate) fn disposable_chain(&mut self, entry: &RawEntry) -> Result<Chain, Error> {
        let number = entry.first_cluster(self.kind());
        let first = self.geometry.table.cluster(number);
        let Some(first) = first.filter(|_| !self.is_damaged) else {
            return Ok(Chain::default());
        };
        let chain = Chain::load(&self.geometry.table, &mut self.medium, first);
        Ok(chain.or_else(|broken| broken.damage().map(|_| Chain::default()))?)
    }

    /// The directory that holds what is at `path`, and its record there; `None` for the root.
    pub(crate) fn locate(&mut self, path: &Path) -> Result<Option<(Directory, Record)>, Error> {
        let Some((parent, name)) = path.split() else {
            return Ok(None);
        };
        let directory = self.open_directory(&parent)?;
        match directory.find(name).cloned() {
            Some(record) => Ok(Some((directory, record))),
            None => Err(Error::NotFound { path: path.clone() }),
        }
    }

    pub(crate) fn transaction<'c>(&self) -> Transaction<'c> {
        Transaction::new(self.geometry.mirror())
    }

    /// Writes a transaction to the medium. `taken` are the clusters that it takes into use, `released` those
    /// that it frees, each in its order.
    pub(crate) fn commit(
        &mut self,
        mut transaction: Transaction<'_>,
        taken: &[&Chain],
        released: &[&Chain],
        path: &Path,
    ) -> Result<(), Error> {
        if self.geometry.info.is_some() {
            self.free_clusters()?;
        }
        let space = self.space.after(taken, released);
        self.stage_free_count(&mut transaction, &space)?;
        self.write(transaction, path)?;
        self.space = space;
        let released = released.iter().filter_map(|chain| chain.first());
        released.for_each(|first| self.readers.released(first));
        Ok(())
    }

    /// Writes the phases of a transaction.
    pub(crate) fn write(&mut self, transaction: Transaction<'_>, path: &Path) -> Result<(), Error> {
        let Err(interrupted) = transaction.commit(&mut self.medium, self.keeper.as_mut(), path)
        else {
            return Ok(());
        };
        // Nobody knows what of it reached the medium.
        self.medium.forget();
        self.space.forget();
        let path = path.clone();
        Err(match interrupted {
            Interrupted::Content(source) => Error::Content { path, source },
            Interrupted::Device(error) => Error::Device(error),
            Interrupted::Unverified => Error::Unverified { path },
            Interrupted::Unrestored { is_kept } => Error::Unrestored { path, is_kept },
            Interrupted::Journal(source) => Error::NoJournal { path, source },
        })
    }

    /// Updates the free count of FAT32 in the last phase, where the table is already as it will be.
    fn stage_free_count(
        &mut self,
        transaction: &mut Transaction<'_>,
        space: &FreeSpace,
    ) -> Result<(), Error> {
        let Some(info) = self.geometry.info else {
            return Ok(());
        };
        let stored = self.stored_free_count()?;
        let count = FreeCount {
            free: space.free(),
            next: Some(space.next()).filter(|next| self.geometry.table.numbers().contains(next)),
        };
        if stored.is_some_and(|stored| stored.free != count.free) {
            let sector = transaction.edit(&mut self.medium, info, &(info..info + 1))?;
            count.write(sector);
        }
        Ok(())
    }

    /// The free count of FAT32, where there is one.
    pub(crate) fn stored_free_count(&mut self) -> Result<Option<FreeCount>, Error> {
        match self.geometry.info {
            Some(info) => Ok(FreeCount::read(
                self.medium.sector(info, &(info..info + 1))?,
            )),
            None => Ok(None),
        }
    }

    /// Refuses what needs more clusters than are free.
    pub(crate) fn ensure_room(&mut self, clusters: u32, path: &Path) -> Result<(), Error> {
        let free = self.free_clusters()?;
        if clusters <= free {
            return Ok(());
        }
        Err(self.no_space(clusters, free, path))
    }

    pub(crate) fn no_space(&self, clusters: u32, free: u32, path: &Path) -> Error {
        let bytes = |clusters: u32| u64::from(clusters) * u64::from(self.geometry.cluster_size());
        Error::NoSpace {
            path: path.clone(),
            needed: bytes(clusters),
            free: bytes(free),
        }
    }
}
