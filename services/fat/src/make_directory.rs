//! Making directories, with the parents that are missing. Each one is complete on the medium before its entry.

use crate::boot_sector::Place;
use crate::chain::Chain;
use crate::device::SectorDevice;
use crate::directory::Directory;
use crate::entry::{Kind, RawEntry, SLOT};
use crate::error::Error;
use crate::medium::Sector;
use crate::name::Name;
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
        let mut made = Made::Existed(Kind::Directory);
        for (depth, name) in (1..).zip(path.names()) {
            let directory = self.load_directory(place, &here)?;
            here = here.join(name.clone());
            place = match directory.find(name) {
                Some(record) if record.raw.kind() == Kind::File && depth == path.names().len() => {
                    return Ok(Made::Existed(Kind::File));
                }
                Some(record) => self.place_of(&record.raw, &here)?,
                None => {
                    // Rather none of the parents than some of them.
                    let missing = u32::try_from(path.names().len() - depth + 1).unwrap_or(u32::MAX);
                    self.ensure_room(missing, path)?;
                    made = Made::Created;
                    self.make_one(directory, name, &here, modified)?
                }
            };
        }
        Ok(made)
    }

    fn make_one(
        &mut self,
        parent: Directory,
        name: &Name,
        path: &Path,
        modified: Timestamp,
    ) -> Result<Place, Error> {
        let above = self.geometry.parent_number(parent.place);
        let mut new = self.plan_entry(parent, name, 1, path)?;
        let Some(cluster) = self.choose_for_directory(None, &new.growth)? else {
            return Err(self.no_space(1, 0, path));
        };
        let mut chain = Chain::default();
        chain.push(cluster);
        let mut entry = RawEntry::new(Kind::Directory, new.name.short, modified);
        entry.set_first_cluster(cluster.number());

        let mut transaction = self.transaction();
        let mut content = first_sector(cluster, above, modified);
        for sector in self.geometry.extent(cluster, 1) {
            transaction.put(sector, std::mem::replace(&mut content, Sector::ZERO));
        }
        new.stage(self, &mut transaction, &chain, entry)?;
        self.commit(transaction, &[&new.growth, &chain], &[], path)?;
        Ok(Place::Chain(cluster))
    }
}

/// The entries `.` and `..` that a directory begins with.
fn first_sector(own: Cluster, above: u32, modified: Timestamp) -> Sector {
    let mut sector = Sector::ZERO;
    let dots = [(ShortName::DOT, own.number()), (ShortName::DOT_DOT, above)];
    for (slot, (name, number)) in sector.bytes_mut().chunks_exact_mut(SLOT).zip(dots) {
        let mut entry = RawEntry::new(Kind::Directory, name, modified);
        entry.set_first_cluster(number);
        slot.copy_from_slice(entry.bytes());
    }
    sector
}
