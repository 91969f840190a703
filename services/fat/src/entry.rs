//! One entry of a directory: [`RawEntry`], the 32 bytes on the medium, and [`Entry`], what a person sees of it.
//!
//! The layout is section 6 of Microsoft's FAT specification.

use crate::name::Name;
use crate::numbers::{read_u16, read_u32, write_u16, write_u32};
use crate::short_name::ShortName;
use crate::table::FatKind;
use crate::timestamp::Timestamp;
use crate::version::Version;

/// Bytes of a slot.
pub(crate) const SLOT: usize = 32;

/// The first byte of a slot behind the last one in use, and of one that was deleted.
pub(crate) const END: u8 = 0x00;
pub(crate) const DELETED: u8 = 0xE5;

const READ_ONLY: u8 = 0x01;
const VOLUME_LABEL: u8 = 0x08;
const DIRECTORY: u8 = 0x10;
const ARCHIVE: u8 = 0x20;
/// A part of a long name: read-only, hidden, system and label at once.
pub(crate) const LONG_NAME: u8 = 0x0F;
const ATTRIBUTES: u8 = 0x3F;

/// Whether something is a file or a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It has content.
    File,
    /// It has entries.
    Directory,
}

/// What a directory says about something in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    /// File or directory.
    pub kind: Kind,
    /// Bytes of content; 0 for directories.
    pub size: u32,
    /// When the content was changed.
    pub modified: Timestamp,
}

/// One line of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name, in its own case.
    pub name: Name,
    /// What it is.
    pub metadata: Metadata,
    /// Which content it has; none for directories.
    pub version: Option<Version>,
}

/// A slot of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RawEntry([u8; SLOT]);

impl RawEntry {
    pub(crate) fn from_slice(slot: &[u8]) -> Self {
        let mut bytes = [0; SLOT];
        bytes.copy_from_slice(slot);
        Self(bytes)
    }

    /// An entry that owns no clusters.
    pub(crate) fn new(kind: Kind, name: ShortName, modified: Timestamp) -> Self {
        let mut entry = Self([0; SLOT]);
        entry.0[11] = match kind {
            Kind::File => ARCHIVE,
            Kind::Directory => DIRECTORY,
        };
        entry.rename(name);
        entry.set_modified(modified);
        let (date, time) = modified.to_fat();
        write_u16(&mut entry.0, 14, time);
        write_u16(&mut entry.0, 16, date);
        entry
    }

    pub(crate) fn bytes(&self) -> &[u8; SLOT] {
        &self.0
    }

    pub(crate) fn first_byte(&self) -> u8 {
        self.0[0]
    }

    pub(crate) fn is_long_name_part(&self) -> bool {
        self.0[11] & ATTRIBUTES == LONG_NAME
    }

    pub(crate) fn is_volume_label(&self) -> bool {
        !self.is_long_name_part() && self.0[11] & VOLUME_LABEL != 0
    }

    pub(crate) fn is_protected(&self) -> bool {
        self.kind() == Kind::File && self.0[11] & READ_ONLY != 0
    }

    pub(crate) fn kind(&self) -> Kind {
        if self.0[11] & DIRECTORY == 0 {
            Kind::File
        } else {
            Kind::Directory
        }
    }

    pub(crate) fn short_name(&self) -> ShortName {
        let mut name = [0; 11];
        name.copy_from_slice(&self.0[..11]);
        ShortName::from_bytes(name)
    }

    /// The short name as it is listed where there is no long one.
    pub(crate) fn short_text(&self) -> String {
        self.short_name().decode(self.0[12])
    }

    /// Gives the entry a short name that is meant as it stands.
    pub(crate) fn rename(&mut self, name: ShortName) {
        self.0[..11].copy_from_slice(&name.bytes());
        self.0[12] = 0;
    }

    pub(crate) fn first_cluster(&self, kind: FatKind) -> u32 {
        let low = u32::from(read_u16(&self.0, 26));
        match kind {
            FatKind::Fat12 | FatKind::Fat16 => low,
            FatKind::Fat32 => u32::from(read_u16(&self.0, 20)) << 16 | low,
        }
    }

    pub(crate) fn set_first_cluster(&mut self, number: u32) {
        let [a, b, c, d] = number.to_le_bytes();
        self.0[26..28].copy_from_slice(&[a, b]);
        self.0[20..22].copy_from_slice(&[c, d]);
    }

    pub(crate) fn size(&self) -> u32 {
        read_u32(&self.0, 28)
    }

    pub(crate) fn set_size(&mut self, size: u32) {
        write_u32(&mut self.0, 28, size);
    }

    pub(crate) fn modified(&self) -> Timestamp {
        Timestamp::from_fat(read_u16(&self.0, 24), read_u16(&self.0, 22))
    }

    /// The date and time of change as they stand there.
    pub(crate) fn modified_words(&self) -> u32 {
        read_u32(&self.0, 22)
    }

    /// Sets the times of change and access, and the mark that backups look for.
    pub(crate) fn set_modified(&mut self, modified: Timestamp) {
        let (date, time) = modified.to_fat();
        write_u16(&mut self.0, 22, time);
        write_u16(&mut self.0, 24, date);
        write_u16(&mut self.0, 18, date);
        if self.kind() == Kind::File {
            self.0[11] |= ARCHIVE;
        }
    }

    pub(crate) fn metadata(&self) -> Metadata {
        let kind = self.kind();
        let size = if kind == Kind::File { self.size() } else { 0 };
        Metadata {
            kind,
            size,
            modified: self.modified(),
        }
    }

    /// Whether both say that the same content is there: name, first cluster, size and time.
    pub(crate) fn is_same_content(&self, other: &Self) -> bool {
        let identity = |entry: &Self| {
            let mut bytes = entry.0;
            // Case flags, time of creation and of last access say nothing about the content.
            bytes[12..20].fill(0);
            bytes
        };
        identity(self) == identity(other)
    }
}
