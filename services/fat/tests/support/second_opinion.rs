//! What others say of an image: mtools and the fatfs crate read it, fsck.vfat checks it.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::time::UNIX_EPOCH;

use super::image::{Image, run};
use super::tree::{Node, Tree, outline, read_tree};

/// The lines in which fsck.vfat finds fault with a volume.
pub(crate) fn fsck(volume: &Path) -> BTreeSet<String> {
    let mut command = Command::new("fsck.vfat");
    command.arg("-n").arg(volume).env("LC_ALL", "C.UTF-8");
    let output = command
        .output()
        .expect("fsck.vfat can be run: these tests need dosfstools");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let is_summary = |line: &str| line.starts_with("fsck.fat ") || line.contains(" files, ");
    text.lines()
        .filter(|line| !is_summary(line))
        .map(str::to_owned)
        .collect()
}

/// What a volume's check says before anything happened to it, to tell old faults from new ones.
pub(crate) struct Baseline(BTreeSet<String>);

impl Baseline {
    pub(crate) fn of(volume: &Path) -> Self {
        Self(fsck(volume))
    }

    /// Fails when fsck.vfat finds more than it did.
    pub(crate) fn assert_nothing_new(&self, volume: &Path, after: &str) {
        let now = fsck(volume);
        let new: Vec<_> = now.difference(&self.0).collect();
        assert!(new.is_empty(), "after {after} fsck.vfat finds {new:#?}");
    }
}

/// Fails unless everybody sees `expected` on the image.
pub(crate) fn assert_all_agree(image: &Image, expected: &Tree, baseline: &Baseline, after: &str) {
    let mut volume = image.open();
    assert_same(
        &read_tree(&mut volume).unwrap(),
        expected,
        &format!("we, after {after}"),
    );
    let report = volume.check().unwrap();
    assert!(
        report.is_clean(),
        "after {after} our check finds {:#?}",
        report.findings
    );
    let bare = image.volume_file();
    baseline.assert_nothing_new(&bare, after);
    assert_same(
        &mtools_tree(image),
        expected,
        &format!("mtools, after {after}"),
    );
    let file = fs::File::options().read(true).write(true).open(&bare);
    assert_same(
        &fatfs_tree(file.unwrap()),
        expected,
        &format!("fatfs, after {after}"),
    );
}

fn assert_same(seen: &Tree, expected: &Tree, by: &str) {
    if seen == expected {
        return;
    }
    let same_lines = outline(seen) == outline(expected);
    let hint = if same_lines {
        "the contents differ"
    } else {
        ""
    };
    panic!(
        "seen by {by}:\n{}expected:\n{}{hint}",
        outline(seen),
        outline(expected)
    );
}

/// All that mcopy copies out of an image.
pub(crate) fn mtools_tree(image: &Image) -> Tree {
    let target = image.scratch();
    let _ = fs::remove_dir_all(&target);
    fs::create_dir(&target).unwrap();
    let drive = format!("{}@@{}", image.file().display(), image.offset());
    let listing = run(Command::new("mdir").args(["-a", "-b", "-i", &drive, "::"]));
    // mcopy fails on a pattern that means nothing.
    if !listing.trim().is_empty() {
        run(Command::new("mcopy")
            .args(["-s", "-m", "-n", "-i", &drive, "::*"])
            .arg(&target));
    }
    let mut tree = Tree::new();
    collect(&target, "", &mut tree);
    tree
}

fn collect(directory: &Path, above: &str, tree: &mut Tree) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{above}/{}", entry.file_name().to_str().unwrap());
        let metadata = entry.metadata().unwrap();
        if metadata.is_dir() {
            collect(&entry.path(), &path, tree);
            tree.insert(path, Node::Directory);
        } else {
            let modified = metadata
                .modified()
                .unwrap()
                .duration_since(UNIX_EPOCH)
                .unwrap()
                .as_secs();
            tree.insert(
                path,
                Node::File {
                    content: fs::read(entry.path()).unwrap(),
                    modified,
                },
            );
        }
    }
}

/// All that the fatfs crate reads from a bare volume.
pub(crate) fn fatfs_tree<T: fatfs::ReadWriteSeek>(volume: T) -> Tree {
    let system = fatfs::FileSystem::new(volume, fatfs::FsOptions::new()).unwrap();
    let mut tree = Tree::new();
    walk_fatfs(&system.root_dir(), "", &mut tree);
    tree
}

fn walk_fatfs<T: fatfs::ReadWriteSeek>(
    directory: &fatfs::Dir<'_, T>,
    above: &str,
    tree: &mut Tree,
) {
    for entry in directory.iter() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if name == "." || name == ".." {
            continue;
        }
        let path = format!("{above}/{name}");
        if entry.is_dir() {
            walk_fatfs(&entry.to_dir(), &path, tree);
            tree.insert(path, Node::Directory);
        } else {
            let mut content = Vec::new();
            entry.to_file().read_to_end(&mut content).unwrap();
            let (date, time) = (entry.modified().date, entry.modified().time);
            let civil = time::Date::from_calendar_date(
                i32::from(date.year),
                time::Month::try_from(u8::try_from(date.month).unwrap()).unwrap(),
                u8::try_from(date.day).unwrap(),
            );
            let seconds =
                i64::from(time.hour) * 3600 + i64::from(time.min) * 60 + i64::from(time.sec);
            let midnight = civil.unwrap().midnight().assume_utc().unix_timestamp();
            let modified = u64::try_from(midnight + seconds).unwrap();
            tree.insert(path, Node::File { content, modified });
        }
    }
}
