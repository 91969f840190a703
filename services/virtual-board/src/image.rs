//! The drive's image as CircuitPython makes it: one FAT partition behind a partition table, one
//! allocation table, and the files that a fresh board carries.
//!
//! A new image is put together in memory and written once. fatfs does the formatting and the
//! files; what it does differently from a board is corrected in the finished sectors.

use std::fs::{self, File, Permissions};
use std::io::{self, Cursor, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use fatfs::{FatType, FileSystem, FormatVolumeOptions, FsOptions};
use tempfile::NamedTempFile;

use crate::{Identity, Options};

const SECTOR: usize = 512;
/// Partition type of a FAT12 partition; CircuitPython names every FAT so.
const PARTITION_TYPE: u8 = 0x01;
const FIRST_SECTOR: u32 = 1;
const ENTRY: usize = 32;
const ATTRIBUTES: usize = 11;
const LONG_NAME: u8 = 0x0f;
const DIRECTORY: u8 = 0x10;

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The file could not be made, read or given its mode.
    #[error("cannot use {path} as a drive")]
    File {
        /// The image.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// No FAT volume of this shape exists.
    #[error("cannot format {sectors} sectors with clusters of {cluster} bytes")]
    Format {
        /// The size asked for.
        sectors: u32,
        /// The cluster size asked for.
        cluster: u32,
        /// What the formatter said.
        #[source]
        source: io::Error,
    },
}

/// The shape and the first contents of a drive.
#[derive(Debug, Clone)]
pub struct Image {
    sectors: u32,
    cluster: u32,
    boot_out: String,
    settings: String,
}

impl Image {
    /// The image that the options ask for.
    #[must_use]
    pub fn new(options: &Options) -> Self {
        Self {
            sectors: options.size,
            cluster: options.cluster_size,
            boot_out: Identity::from(options).boot_out(),
            settings: settings(options),
        }
    }

    /// Makes the image unless the file exists, and gives it the mode that says whether the host
    /// may write to it.
    pub fn ensure(&self, path: &Path, read_only: bool) -> Result<(), ImageError> {
        let failed = |source| ImageError::File {
            path: path.to_owned(),
            source,
        };
        if !path.exists() {
            let bytes = self.bytes().map_err(|source| ImageError::Format {
                sectors: self.sectors,
                cluster: self.cluster,
                source,
            })?;
            write_new(path, &bytes).map_err(failed)?;
        }
        let mode = if read_only { 0o444 } else { 0o644 };
        fs::set_permissions(path, Permissions::from_mode(mode)).map_err(failed)
    }

    fn bytes(&self) -> io::Result<Vec<u8>> {
        // Below this there is no room for the root directory and a file.
        let sectors = self.sectors.saturating_sub(FIRST_SECTOR);
        if sectors < 64 {
            return Err(io::Error::other("too small for a drive"));
        }
        if !matches!(
            self.cluster,
            512 | 1024 | 2048 | 4096 | 8192 | 16384 | 32768
        ) {
            return Err(io::Error::other(
                "a cluster is 512 to 32768 bytes, doubling",
            ));
        }
        let mut volume = vec![0; sectors as usize * SECTOR];
        self.format(&mut volume)?;
        like_a_board(&mut volume);
        let mut image = partition_table(sectors).to_vec();
        image.append(&mut volume);
        Ok(image)
    }

    fn format(&self, volume: &mut [u8]) -> io::Result<()> {
        let shape = FormatVolumeOptions::new()
            .bytes_per_cluster(self.cluster)
            .fats(1)
            .max_root_dir_entries(512)
            .sectors_per_track(63)
            .heads(255)
            .drive_num(0x80)
            .volume_label(*b"CIRCUITPY  ");
        fatfs::format_volume(Cursor::new(&mut *volume), shape)?;
        let fs = FileSystem::new(Cursor::new(&mut *volume), FsOptions::new())?;
        if fs.fat_type() == FatType::Fat32 {
            return Err(io::Error::other("too many clusters for FAT16"));
        }
        let root = fs.root_dir();
        let write = |name: &str, contents: &str| {
            let mut file = root.create_file(name)?;
            file.write_all(contents.as_bytes())?;
            file.flush()
        };
        root.create_dir(".fseventsd")?;
        write(".fseventsd/no_log", "")?;
        write(".metadata_never_index", "")?;
        write(".Trashes", "")?;
        write(".Trash-1000", "")?;
        root.create_dir("sd")?;
        write(
            "sd/placeholder.txt",
            "SD cards mounted at /sd will hide this file from Python.\n",
        )?;
        write("settings.toml", &self.settings)?;
        write("code.py", "print(\"Hello World!\")\n")?;
        root.create_dir("lib")?;
        write("boot_out.txt", &self.boot_out)
    }
}

/// The FAT volume in an image: what is behind the partition table, or all of it where there is
/// none.
pub(crate) fn read_volume(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.read_to_end(&mut bytes)?;
    let entry = bytes.get(446..462).ok_or(io::ErrorKind::UnexpectedEof)?;
    // A boot sector begins with a jump, a partition table does not.
    if entry[4] != 0 && !matches!(bytes[0], 0xeb | 0xe9) {
        let start = u32::from_le_bytes([entry[8], entry[9], entry[10], entry[11]]);
        let start = start as usize * SECTOR;
        if start > bytes.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.drain(..start);
    }
    Ok(bytes)
}

/// Writes a file that is there whole or not at all.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().filter(|parent| *parent != Path::new(""));
    let mut file = NamedTempFile::new_in(directory.unwrap_or(Path::new(".")))?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}

fn settings(options: &Options) -> String {
    let mut lines = String::new();
    let mut add = |key: &str, value: String| lines.extend([key, " = ", &value, "\n"]);
    if let Some(password) = &options.password {
        add("CIRCUITPY_WEB_API_PASSWORD", quoted(password));
    }
    if let Some(port) = options.port {
        add("CIRCUITPY_WEB_API_PORT", port.to_string());
    }
    if let Some(name) = &options.instance_name {
        add("CIRCUITPY_WEB_INSTANCE_NAME", quoted(name));
    }
    lines
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let code = u32::from(c);
                quoted.extend(["\\u", &format!("{code:04x}")]);
            }
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

/// One partition, as the board makes it up when the host reads sector 0.
fn partition_table(sectors: u32) -> [u8; SECTOR] {
    let mut sector = [0; SECTOR];
    let entry = &mut sector[446..462];
    entry[1..4].copy_from_slice(&[0xff, 0xff, 0xff]);
    entry[4] = PARTITION_TYPE;
    entry[5..8].copy_from_slice(&[0xff, 0xff, 0xff]);
    entry[8..12].copy_from_slice(&FIRST_SECTOR.to_le_bytes());
    entry[12..16].copy_from_slice(&sectors.to_le_bytes());
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    sector
}

/// Makes a volume of fatfs's look like one that a board formatted.
fn like_a_board(volume: &mut [u8]) {
    let field = |at: usize| usize::from(u16::from_le_bytes([volume[at], volume[at + 1]]));
    let cluster = usize::from(volume[13]) * SECTOR;
    let root = (field(14) + usize::from(volume[16]) * field(22)) * SECTOR;
    let data = root + field(17) * ENTRY;
    volume[3..11].copy_from_slice(b"MSDOS5.0");
    volume[28..32].copy_from_slice(&FIRST_SECTOR.to_le_bytes());
    // CircuitPython sets the label in the root directory only.
    volume[43..54].copy_from_slice(b"NO NAME    ");
    let directories: Vec<usize> = volume[root..data]
        .chunks_exact(ENTRY)
        .filter(|entry| entry[ATTRIBUTES] == DIRECTORY)
        .map(|entry| usize::from(u16::from_le_bytes([entry[26], entry[27]])))
        .collect();
    for first in directories {
        let start = data + (first - 2) * cluster;
        without_long_dots(&mut volume[start..start + cluster]);
    }
}

/// fatfs 0.3 puts long-name entries before `.` and `..`, where no reader looks for any and fsck
/// sees rubbish. A fresh directory is one cluster; this moves its two first entries to the front.
fn without_long_dots(directory: &mut [u8]) {
    let mut kept: Vec<u8> = Vec::with_capacity(directory.len());
    let mut long_name = Vec::new();
    for entry in directory.chunks_exact(ENTRY) {
        if entry[ATTRIBUTES] == LONG_NAME {
            long_name.extend_from_slice(entry);
            continue;
        }
        if entry[0] != b'.' {
            kept.append(&mut long_name);
        }
        long_name.clear();
        kept.extend_from_slice(entry);
    }
    kept.resize(directory.len(), 0);
    directory.copy_from_slice(&kept);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_passwords_stay_valid_toml() {
        assert_eq!(quoted(r#"a"b\c"#), r#""a\"b\\c""#);
        assert_eq!(quoted("ü\t"), "\"ü\\u0009\"");
    }
}
