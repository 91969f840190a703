//! What can go wrong, in words for the person whose drive it is: [`Error`] for an operation, [`Damage`] for
//! a chain of clusters that cannot be followed.

use std::io;

use crate::boot_sector::NotFat;
use crate::finding::Finding;
use crate::name::InvalidName;
use crate::path::Path;
use crate::recovery::RecoveryError;

/// Why an operation did not happen. Whatever it was but [`Error::Unrestored`], the old content is whole.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing has this name.
    #[error("there is no {path}")]
    NotFound {
        /// What was looked for.
        path: Path,
    },
    /// The name is taken.
    #[error("{path} exists already")]
    Exists {
        /// Whose name it is.
        path: Path,
    },
    /// A file where a directory is needed.
    #[error("{path} is a file, not a directory")]
    NotADirectory {
        /// The file.
        path: Path,
    },
    /// A directory where a file is needed.
    #[error("{path} is a directory, not a file")]
    IsADirectory {
        /// The directory.
        path: Path,
    },
    /// Too few free clusters. Counted in bytes of whole clusters.
    #[error("there is no room for {path}: it needs {needed} bytes, {free} are free")]
    NoSpace {
        /// What was to be stored.
        path: Path,
        /// Bytes that it takes, directories that must grow included.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// A directory that cannot grow has no room for another name.
    #[error("the directory {path} is full: it cannot hold another name")]
    DirectoryFull {
        /// The directory.
        path: Path,
    },
    /// No name on a FAT volume.
    #[error(transparent)]
    InvalidName(#[from] InvalidName),
    /// The file that is being read is not the one that was opened.
    #[error("{path} was changed while it was read")]
    Changed {
        /// The file.
        path: Path,
    },
    /// FAT files end at 4 GiB - 1.
    #[error("{path} is too large: {size} bytes are more than a FAT file can have")]
    TooLarge {
        /// The file.
        path: Path,
        /// The size that it was to have.
        size: u64,
    },
    /// The volume contradicts itself here.
    #[error("the drive is damaged at {path}: {what}")]
    Damaged {
        /// What was being followed.
        path: Path,
        /// What is wrong there.
        what: Damage,
    },
    /// The volume has damage elsewhere that makes this operation unsafe.
    #[error(
        "the drive is damaged, and freeing clusters could lose what a repair would find: {first}"
    )]
    Unsound {
        /// The first finding of the check.
        first: Box<Finding>,
    },
    /// There is no FAT volume on the device.
    #[error("this is no FAT drive: {0}")]
    NotFat(#[from] NotFat),
    /// The volume was opened for reading only.
    #[error("the drive is read-only: another computer may be writing to it")]
    ReadOnly,
    /// The file carries the read-only mark.
    #[error("{path} is marked read-only")]
    Protected {
        /// The file.
        path: Path,
    },
    /// What was to be saved could not be had in full; the volume is as it was.
    #[error("the new content of {path} did not arrive in full")]
    Content {
        /// The file that was to be saved.
        path: Path,
        /// What the reader said.
        #[source]
        source: io::Error,
    },
    /// What was written reads back as something else.
    #[error(
        "the drive did not keep what was written for {path}: its memory may be worn out; what was there before was put back"
    )]
    Unverified {
        /// What was to be changed.
        path: Path,
    },
    /// Neither what was written nor what was there before reads back.
    #[error(
        "the drive did not keep what was written for {path}, nor what was there before: its memory may be worn out, and \
         {path} may be damaged{}",
        fate(*.is_kept)
    )]
    Unrestored {
        /// What was to be changed.
        path: Path,
        /// Whether the journal keeps what was there before, for another try.
        is_kept: bool,
    },
    /// An earlier change is still to be brought to its end, or to be cleared from the journal.
    #[error("the drive cannot be changed while the gateway's journal has an earlier change: {0}")]
    Unsettled(#[source] RecoveryError),
    /// The old content would be written over, and there is no journal that could have it meanwhile.
    #[error("what {path} holds would be written over, and cannot be kept elsewhere meanwhile")]
    NoJournal {
        /// What was to be changed; the root, where that is all of the volume.
        path: Path,
        /// What the journal said.
        #[source]
        source: io::Error,
    },
    /// What was to replace the volume is not what a repair makes of it.
    #[error("the image is not one of this drive: too much of it is different")]
    OtherVolume,
    /// A directory cannot move into itself.
    #[error("{from} cannot move to {to}, which lies within it")]
    IntoItself {
        /// The directory.
        from: Path,
        /// The place within it.
        to: Path,
    },
    /// The root can be neither deleted nor moved.
    #[error("the root directory can be neither deleted nor moved")]
    Root,
    /// The device failed.
    #[error("the drive does not answer as it should: {0}")]
    Device(#[from] io::Error),
}

/// What becomes of what could not be put back.
fn fate(is_kept: bool) -> &'static str {
    if is_kept {
        "; what it held is kept, and is put back when the board is plugged in again and its memory holds it"
    } else {
        ""
    }
}

/// What is wrong with a chain of clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// It comes back to where it was.
    #[error("its chain of clusters is a loop, through cluster {cluster}")]
    Loop {
        /// A cluster of the loop.
        cluster: u32,
    },
    /// It leaves the volume.
    #[error("cluster {cluster} is followed by {value}, which does not exist")]
    OutOfRange {
        /// The last good cluster.
        cluster: u32,
        /// What its table entry says.
        value: u32,
    },
    /// It runs into a cluster that the table calls free.
    #[error("its chain of clusters runs into cluster {cluster}, which is free")]
    Free {
        /// The free cluster.
        cluster: u32,
    },
    /// It runs into a cluster that the table calls bad.
    #[error("its chain of clusters runs into cluster {cluster}, which is marked as bad")]
    Bad {
        /// The bad cluster.
        cluster: u32,
    },
    /// Its entry points to no cluster of the volume.
    #[error("its first cluster is {value}, which does not exist")]
    First {
        /// What the entry says.
        value: u32,
    },
    /// There are fewer clusters than the size needs.
    #[error("its size needs {needed} clusters, and it has {found}")]
    TooShort {
        /// What the size needs.
        needed: u32,
        /// What the chain has.
        found: u32,
    },
    /// There are more clusters than the size needs.
    #[error("its size needs {needed} clusters, and it has {found}")]
    TooLong {
        /// What the size needs.
        needed: u32,
        /// What the chain has.
        found: u32,
    },
    /// A directory with more than 65536 slots.
    #[error("the directory is longer than FAT allows")]
    EndlessDirectory,
}
