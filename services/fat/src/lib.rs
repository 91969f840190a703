//! FAT12, FAT16 and FAT32 with long names, over a device of sectors, every change in an order that a cut
//! cannot harm.
//!
//! A [`Volume`] is opened on a [`SectorDevice`] (or on the [`Partition`] of one) and does no input or output
//! of its own. Every change is one transaction: phases of sector writes with a flush between them. Whatever
//! sector write the power, the cable or the process is cut at, what was there before is whole or what was to be
//! there is:
//!
//! | operation | phases, each flushed before the next | what a cut can leave besides |
//! | --- | --- | --- |
//! | save a new file | content in free clusters; table; long-name slots in earlier sectors; the sector with the short entry | an unowned chain, stray long-name slots |
//! | save over a file | content in free clusters; table; the entry's sector; old chain freed | an unowned chain |
//! | a directory grows (part of the others) | zeros in free clusters; table; link from the directory's last cluster | an unowned chain, an empty cluster at the directory's end |
//! | make a directory | its content, and that of the parents that it lacks; table; the outermost one's entry as for a file | unowned chains, stray long-name slots |
//! | delete | the sector with the short entry; its other sectors; the chains of all below | unowned chains, stray long-name slots |
//! | move within a sector | that sector | nothing |
//! | move a small file otherwise | copy of the content; table; new entry; old entry removed; old chain freed | the file under both names, each with its own chain; an unowned chain |
//! | move a directory or a large file otherwise | new entry; `..`; old entry removed | both names on one chain, until the journal finishes it |
//! | save over a file without room beside it | content over the old one; table; entry; rest of the old chain freed | half of each content, until the journal takes it back |
//! | free unowned clusters | table | some of them still unowned |
//! | replace the volume's sectors by a repaired image's | all that differ | some of each, until the journal takes them back |
//!
//! Unowned chains are found by [`Volume::check`] and freed by [`Volume::free_unowned`]; stray long-name slots are
//! skipped by readers and used by the next name. On FAT32 the stored free count, and with two tables the second
//! one, may lag behind after a cut: they are not what is read, and `free_unowned` puts them right.
//!
//! The 12-bit entry of one cluster in 341 lies in two sectors of the table. Directories are not ended there by this crate;
//! where one does end there (another system made it) and has to grow, a next cluster is chosen with which the half-written
//! entry still means "end", if any is free.
//!
//! No order protects from what flash memory does: it erases 4 KiB at a time, so a cut may take what stands beside the
//! sector that is being written. A volume with a [`Journal`] ([`Volume::keep_journal`]) writes every change down there,
//! with what stands around it, before it begins; [`recover`], called when the device is back, finishes the change, or takes
//! it back where it was one in place. Each phase is read back, and written again once if it does not read as it was written.
//! Where it still does not, what was there before is put back, and read back too; where that does not hold either, the
//! journal keeps it, and no other change is made before it is where it belongs.
//!
//! All this holds for a volume that was sound before. Where two files share a chain, saving over or deleting one of them
//! would free the other's clusters too: once [`Volume::check`] has found damage nothing is freed any more, nor saved in
//! its own place.
//!
//! What comes from the medium is believed only as far as it was checked: damage is [`Error::Damaged`], never a
//! panic, a loop, or an access outside the volume.

mod block_loss;
mod boot_sector;
mod chain;
mod check;
mod cluster_set;
mod codepage;
mod commit;
mod delete;
mod device;
mod digest;
mod directory;
mod entry;
mod erase_block;
mod error;
mod finding;
mod free_space;
mod image;
mod info_sector;
mod journal;
mod keeper;
mod long_name;
mod make_directory;
mod medium;
mod name;
mod new_entry;
mod numbers;
mod partition;
mod path;
mod placement;
mod read;
mod recovery;
mod rename;
mod save;
mod save_in_place;
mod short_name;
mod table;
mod timestamp;
mod transaction;
mod version;
mod volume;

pub use boot_sector::NotFat;
pub use device::{MAX_TRANSFER, SECTOR_SIZE, SectorDevice, Slice};
pub use entry::{Entry, Kind, Metadata};
pub use error::{Damage, Error};
pub use finding::{Finding, Report};
pub use journal::Journal;
pub use make_directory::Made;
pub use name::{InvalidName, Name, NameProblem, same_name};
pub use partition::Partition;
pub use path::Path;
pub use read::FileHandle;
pub use recovery::{Recovery, RecoveryError, recover};
pub use save::Saved;
pub use save_in_place::Room;
pub use table::FatKind;
pub use timestamp::Timestamp;
pub use transaction::Source;
pub use version::Version;
pub use volume::{Caching, Space, Volume};
