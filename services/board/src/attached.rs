//! What is plugged in: the boards directory as it stands at one moment.
//!
//! A board is a directory named after its serial that holds links called `console` and `drive`. udev
//! makes and removes them on a Pi, a test or the demo makes them elsewhere; nothing else decides what
//! a board is. This module reads that directory and believes nothing it finds: a link that dangles,
//! loops, or leads to something else than its name says is not there.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::Serial;

/// A board that is plugged in, with at least one usable endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// Who it is: the name of its directory.
    pub serial: Serial,
    /// Its CDC console, a character device.
    pub console: Option<Endpoint>,
    /// Its mass storage, a block device or, where there is no hardware, an image file.
    pub drive: Option<Endpoint>,
}

/// A link in a board's directory and what it led to when it was looked at.
///
/// Two endpoints are equal when the same link still leads to the same device: a board that was
/// unplugged and plugged again between two looks has another one. A link that udev has only made
/// anew, as it does whenever somebody triggers it, is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The link, `<boards_dir>/<serial>/<name>`: what a daemon opens.
    pub path: PathBuf,
    /// Of a link that tells more than its device does.
    link: Option<Identity>,
    device: Identity,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Identity {
    filesystem: u64,
    inode: u64,
    device: u64,
    /// Seconds and nanoseconds of the last change of the inode. Devices change theirs with use, so it
    /// counts for links only, which are made anew at every plug.
    changed: Option<(i64, i64)>,
}

/// Every attached board, by serial.
pub type AttachedBoards = BTreeMap<Serial, Attached>;

/// Reads the boards directory. One that does not exist holds no boards: udev makes it with the first.
pub fn scan(boards_dir: &Path) -> io::Result<AttachedBoards> {
    let entries = match fs::read_dir(boards_dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(AttachedBoards::new()),
        entries => entries?,
    };
    let mut boards = AttachedBoards::new();
    for entry in entries {
        let entry = entry?;
        let Some(serial) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<Serial>().ok())
        else {
            continue;
        };
        let board = Attached {
            console: Endpoint::look(&entry.path().join("console"), is_console),
            drive: Endpoint::look(&entry.path().join("drive"), is_drive),
            serial: serial.clone(),
        };
        if board.console.is_some() || board.drive.is_some() {
            boards.insert(serial, board);
        }
    }
    Ok(boards)
}

impl Endpoint {
    /// The endpoint behind a link, if it is there and of the right kind. Every error of the look-up
    /// (a dangling link, a loop, a directory that has just gone) means that it is not.
    fn look(path: &Path, is_right_kind: fn(&Metadata) -> bool) -> Option<Self> {
        let link = fs::symlink_metadata(path).ok()?;
        let device = fs::metadata(path).ok().filter(is_right_kind)?;
        Some(Self {
            path: path.to_owned(),
            link: link_counts(&link, &device).then(|| Identity::of(&link, true)),
            device: Identity::of(&device, false),
        })
    }
}

impl Identity {
    fn of(metadata: &Metadata, with_change_time: bool) -> Self {
        Self {
            filesystem: metadata.dev(),
            inode: metadata.ino(),
            device: metadata.rdev(),
            changed: with_change_time.then(|| (metadata.ctime(), metadata.ctime_nsec())),
        }
    }
}

/// Whether a replug shows in the link alone. It does for a PTY, whose number is given again, and for
/// an image, which stays. A device node beside the link, both in /dev, is made by the kernel for one
/// plug and never has the number of an earlier one.
fn link_counts(link: &Metadata, device: &Metadata) -> bool {
    device.is_file() || device.dev() != link.dev()
}

fn is_console(metadata: &Metadata) -> bool {
    metadata.file_type().is_char_device()
}

fn is_drive(metadata: &Metadata) -> bool {
    metadata.file_type().is_block_device() || metadata.is_file()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn board_dir(boards: &Path, serial: &str) -> PathBuf {
        let dir = boards.join(serial);
        fs::create_dir_all(&dir).unwrap();
        dir
    }

    fn only(boards: &Path) -> Attached {
        let mut found = scan(boards).unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        found.pop_first().unwrap().1
    }

    #[test]
    fn a_missing_directory_holds_no_boards() {
        let dir = tempfile::tempdir().unwrap();
        assert!(scan(&dir.path().join("never")).unwrap().is_empty());
    }

    #[test]
    fn links_to_a_device_and_an_image_make_a_board() {
        let dir = tempfile::tempdir().unwrap();
        let board = board_dir(dir.path(), "E6614C311B7E6F35");
        symlink("/dev/null", board.join("console")).unwrap();
        fs::write(dir.path().join("image"), b"sectors").unwrap();
        symlink(dir.path().join("image"), board.join("drive")).unwrap();
        let found = only(dir.path());
        assert_eq!(found.serial.as_str(), "E6614C311B7E6F35");
        assert_eq!(found.console.unwrap().path, board.join("console"));
        assert_eq!(found.drive.unwrap().path, board.join("drive"));
    }

    #[test]
    fn links_that_dangle_loop_or_lie_are_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let board = board_dir(dir.path(), "A1");
        symlink("/nonexistent/tty", board.join("console")).unwrap();
        symlink("drive", board.join("drive")).unwrap();
        assert!(scan(dir.path()).unwrap().is_empty());
        fs::remove_file(board.join("console")).unwrap();
        fs::remove_file(board.join("drive")).unwrap();
        symlink("/dev/null", board.join("drive")).unwrap();
        symlink("/proc/version", board.join("console")).unwrap();
        assert!(scan(dir.path()).unwrap().is_empty());
    }

    #[test]
    fn names_that_are_no_serial_are_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        for odd in ["a b", "x.y", "ü"] {
            symlink("/dev/null", board_dir(dir.path(), odd).join("console")).unwrap();
        }
        fs::write(dir.path().join("file"), b"").unwrap();
        assert!(scan(dir.path()).unwrap().is_empty());
    }

    #[test]
    fn links_to_device_nodes_beside_them_do_not_count() {
        let dir = tempfile::tempdir().unwrap();
        let image = dir.path().join("image");
        fs::write(&image, b"sectors").unwrap();
        let link = dir.path().join("link");
        symlink(&image, &link).unwrap();
        let [node, image, far, beside] = [Path::new("/dev/null"), &image, &link, Path::new("/dev")]
            .map(|path| fs::symlink_metadata(path).unwrap());
        assert!(!link_counts(&beside, &node));
        assert!(link_counts(&far, &node));
        assert!(link_counts(&far, &image));
    }

    #[test]
    fn a_link_made_anew_is_another_endpoint() {
        let dir = tempfile::tempdir().unwrap();
        let link = board_dir(dir.path(), "A1").join("console");
        symlink("/dev/null", &link).unwrap();
        let before = only(dir.path());
        assert_eq!(only(dir.path()), before);
        fs::remove_file(&link).unwrap();
        symlink("/dev/null", &link).unwrap();
        assert_ne!(only(dir.path()), before);
    }
}
