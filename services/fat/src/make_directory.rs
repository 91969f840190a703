//! Making directories, with the parents that are missing: all of them are complete on the medium, each within the other,
//! before the outermost one gets its entry.

use crate::chain::Chain;
use crate::device::SectorDevice;
use crate::directory::{Directory, SLOTS_PER_SECTOR};
use crate::entry::{Kind, RawEntry, SLOT};
use crate::error::Error;
use crate::medium::Sector;
use crate::name::Name;
use crate::new_entry::NameSlots;
use crate::path::Path;
use crate::short_name::ShortName;
use crate::table::Cluster;
use crate::timestamp::Timestamp;
use crate::volume::Volume;

/// What making a directory did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// The directory is new.
    Created,
    /// Something has the name already.
    Existed(Kind),
}

impl<D: SectorDevice> Volume<D> {
    /// Makes the directory `path` and the parents that it lacks.
    pub fn make_directory(&mut self, path: &Path, modified: Timestamp) -> Result<Made, Error> {
        self.begin_change()?;
        let mut place = self.geometry.root;
        let mut here = Path::root();
        for (depth, name) in path.names().iter().enumerate() {
            let directory = self.load_directory(place, &here)?;
            here = here.join(name.clone());
            let is_last = depth + 1 == path.names().len();
            place = match directory.find(name) {
                Some(record) if record.raw.kind() == Kind::File && is_last => {
                    return Ok(Made::Existed(Kind::File));
                }
                Some(record) => self.place_of(&record.raw, &here)?,
                None => {
                    self.make_nested(directory, &path.names()[depth..], path, modified)?;
                    return Ok(Made::Created);
                }
            };
        }
        Ok(Made::Existed(Kind::Directory))
    }

    /// Makes directories in `parent`, each of `names` within the one before.
    fn make_nested(
        &mut self,
        parent: Directory,
        names: &[Name],
        path: &Path,
        modified: Timestamp,
    ) -> Result<(), Error> {
        let per_cluster = self.geometry.slots_per_cluster();
        let mut above = self.geometry.parent_number(parent.place);
        // What lies in each directory besides its dots: the next one's name.
        let inner: Vec<Option<NameSlots<'_>>> = names[1..]
            .iter()
            .map(|name| Some(NameSlots::new(name, |_| false)))
            .chain([None])
            .collect();
        let clusters = inner.iter().map(|inner| {
            let slots = DOTS + inner.as_ref().map_or(0, NameSlots::count);
            slots.div_ceil(per_cluster)
        });
        let clusters: Vec<usize> = clusters.collect();
        let needed = u32::try_from(clusters.iter().sum::<usize>()).unwrap_or(u32::MAX);
        let mut new = self.plan_entry(parent, &names[0], needed, path)?;
        let mut chains: Vec<Chain> = Vec::new();
        let mut taken = new.growth.clone();
        for &clusters in &clusters {
            let mut chain = Chain::default();
            for _ in 0..clusters {
                let cluster = self.choose_for_directory(None, &taken)?;
                let cluster = cluster.ok_or_else(|| self.no_space(needed, 0, path))?;
                taken.push(cluster);
                chain.push(cluster);
            }
            chains.push(chain);
        }

        let entry_of = |chain: &Chain, name| {
            let mut entry = RawEntry::new(Kind::Directory, name, modified);
            entry.set_first_cluster(first_number(chain));
            entry
        };
        let mut transaction = self.transaction();
        for (number, inner) in inner.iter().enumerate() {
            let own = first_number(&chains[number]);
            let mut slots = dots(own, above, modified).to_vec();
            if let Some(inner) = inner {
                slots.extend(inner.fill(entry_of(&chains[number + 1], inner.short)));
            }
            let mut content = slots.chunks(SLOTS_PER_SECTOR).map(sector_of);
            for extent in chains[number].extents(&self.geometry) {
                for sector in extent {
                    transaction.put(sector, content.next().unwrap_or(Sector::ZERO));
                }
            }
            above = own;
        }
        let entry = entry_of(&chains[0], new.name.short);
        new.stage(self, &mut transaction, &chains, entry)?;
        let taken: Vec<&Chain> = [&new.growth].into_iter().chain(&chains).collect();
        self.commit(transaction, &taken, &[], path)
    }
}

/// How many slots `.` and `..` take.
const DOTS: usize = 2;

fn first_number(chain: &Chain) -> u32 {
    chain.first().map_or(0, Cluster::number)
}

/// The entries `.` and `..` that a directory begins with.
fn dots(own: u32, above: u32, modified: Timestamp) -> [RawEntry; DOTS] {
    [(ShortName::DOT, own), (ShortName::DOT_DOT, above)].map(|(name, number)| {
        let mut entry = RawEntry::new(Kind::Directory, name, modified);
        entry.set_first_cluster(number);
        entry
    })
}

/// A sector that begins with these slots.
fn sector_of(slots: &[RawEntry]) -> Sector {
    let mut sector = Sector::ZERO;
    for (slot, entry) in sector.bytes_mut().chunks_exact_mut(SLOT).zip(slots) {
        slot.copy_from_slice(entry.bytes());
    }
    sector
}
