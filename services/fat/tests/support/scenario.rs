//! Changes to a drive that a cut may come into.

use cpy_fat::{Error, SectorDevice, Volume};

use super::tree::Tree;
use super::{bytes, noon, path, save};

pub(crate) type Drive = Volume<Box<dyn SectorDevice>>;

/// A change, and the drive that it happens to.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) prepare: fn(&mut Drive),
    pub(crate) change: fn(&mut Drive) -> Result<(), Error>,
    /// Whether a cut may leave this state between the old one and the new one.
    pub(crate) between: fn(&Tree, old: &Tree, new: &Tree) -> bool,
}

pub(crate) fn never(_: &Tree, _: &Tree, _: &Tree) -> bool {
    false
}

/// The content may be there under both names.
pub(crate) fn both_names(tree: &Tree, old: &Tree, new: &Tree) -> bool {
    let mut both = old.clone();
    both.extend(new.clone());
    *tree == both
}

pub(crate) fn scatter(drive: &mut Drive) {
    save(drive, "/code.py", &bytes(1, 3000)).unwrap();
    drive.make_directory(&path("/lib/inner"), noon()).unwrap();
    for number in 0..5 {
        save(
            drive,
            &format!("/lib/module number {number}.mpy"),
            &bytes(number, 600),
        )
        .unwrap();
        save(drive, &format!("/filler {number}"), &bytes(number, 1500)).unwrap();
    }
    for number in (0..5).step_by(2) {
        drive.delete(&path(&format!("/filler {number}"))).unwrap();
    }
}

/// Leaves one slot free at the end of the last sector of `/lib`.
pub(crate) fn fill_sector(drive: &mut Drive) {
    scatter(drive);
    for number in 0..60 {
        let directory = drive.list(&path("/lib")).unwrap();
        // `.` and `..`, the directory `inner` of two slots, modules of three, one slot for each plain name.
        let plain = directory
            .iter()
            .filter(|entry| entry.name.as_str().starts_with('F'))
            .count();
        if (2 + 2 + 5 * 3 + plain) % 16 == 15 {
            return;
        }
        save(drive, &format!("/lib/F{number}"), b"").unwrap();
    }
    panic!("no sector was filled");
}

/// Fills the one cluster of `/lib`, and all clusters that its table sector has room for.
fn fill_cluster_and_go_far(drive: &mut Drive) {
    drive.make_directory(&path("/lib"), noon()).unwrap();
    for number in 0..14 {
        save(drive, &format!("/lib/F{number}"), b"").unwrap();
    }
    let clusters = (drive.space().unwrap().free_clusters - 20).min(400);
    save(
        drive,
        "/far",
        &bytes(1, usize::try_from(clusters).unwrap() * 512),
    )
    .unwrap();
}

/// Saves a file of so many clusters, the last one not full.
fn try_save_clusters(drive: &mut Drive, seed: u64, clusters: u32) -> Result<(), Error> {
    let size = drive.space()?.cluster_size * clusters - 100;
    let content = bytes(seed, usize::try_from(size).unwrap());
    save(drive, "/large", &content).map(|_| ())
}

fn save_clusters(drive: &mut Drive, seed: u64, clusters: u32) {
    scatter(drive);
    try_save_clusters(drive, seed, clusters).unwrap();
}

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "save a file in a directory that grows by a far cluster",
        prepare: fill_cluster_and_go_far,
        change: |drive| {
            save(drive, "/lib/a name that takes a few slots", &bytes(7, 900)).map(|_| ())
        },
        between: never,
    },
    Scenario {
        name: "save a new file",
        prepare: scatter,
        change: |drive| save(drive, "/a new file.txt", &bytes(7, 9000)).map(|_| ()),
        between: never,
    },
    Scenario {
        name: "save an empty new file",
        prepare: scatter,
        change: |drive| save(drive, "/EMPTY", b"").map(|_| ()),
        between: never,
    },
    Scenario {
        name: "save over a file",
        prepare: scatter,
        change: |drive| save(drive, "/code.py", &bytes(8, 7000)).map(|_| ()),
        between: never,
    },
    Scenario {
        name: "save a longer content over a large file",
        prepare: |drive| save_clusters(drive, 1, 9),
        change: |drive| try_save_clusters(drive, 2, 11),
        between: never,
    },
    Scenario {
        name: "save a shorter content over a large file",
        prepare: |drive| save_clusters(drive, 1, 9),
        change: |drive| try_save_clusters(drive, 2, 7),
        between: never,
    },
    Scenario {
        name: "save a content of the same length over a large file",
        prepare: |drive| save_clusters(drive, 1, 9),
        change: |drive| try_save_clusters(drive, 2, 9),
        between: never,
    },
    Scenario {
        name: "empty a file",
        prepare: scatter,
        change: |drive| save(drive, "/code.py", b"").map(|_| ()),
        between: never,
    },
    Scenario {
        name: "save a file whose name lies in two sectors",
        prepare: fill_sector,
        change: |drive| {
            save(drive, "/lib/a name that takes a few slots", &bytes(7, 900)).map(|_| ())
        },
        between: never,
    },
    Scenario {
        name: "save a file whose name lies in three sectors",
        prepare: fill_sector,
        change: |drive| {
            save(drive, &format!("/lib/{}", "x".repeat(255)), &bytes(7, 900)).map(|_| ())
        },
        between: never,
    },
    Scenario {
        name: "delete a file whose name lies in three sectors",
        prepare: |drive| {
            fill_sector(drive);
            save(drive, &format!("/lib/{}", "x".repeat(255)), &bytes(7, 900)).unwrap();
        },
        change: |drive| drive.delete(&path(&format!("/lib/{}", "X".repeat(255)))),
        between: never,
    },
    Scenario {
        name: "make a directory",
        prepare: scatter,
        change: |drive| {
            drive
                .make_directory(&path("/a new directory"), noon())
                .map(|_| ())
        },
        between: never,
    },
    Scenario {
        name: "make directories with parents",
        prepare: fill_sector,
        change: |drive| {
            drive
                .make_directory(&path("/lib/inner/a/b/c"), noon())
                .map(|_| ())
        },
        between: never,
    },
    Scenario {
        name: "make directories with names that take more than a cluster",
        prepare: scatter,
        change: |drive| {
            let long = format!("/{0}/{1}/{0}", "d".repeat(250), "e".repeat(200));
            drive.make_directory(&path(&long), noon()).map(|_| ())
        },
        between: never,
    },
    Scenario {
        name: "delete a file",
        prepare: scatter,
        change: |drive| drive.delete(&path("/code.py")),
        between: never,
    },
    Scenario {
        name: "delete a tree",
        prepare: fill_sector,
        change: |drive| drive.delete(&path("/lib")),
        between: never,
    },
    Scenario {
        name: "move a file within its sector",
        prepare: |drive| {
            save(drive, "/code.py", &bytes(1, 3000)).unwrap();
        },
        change: |drive| drive.rename(&path("/code.py"), &path("/main.py")),
        between: never,
    },
    Scenario {
        name: "move a directory within its sector",
        prepare: |drive| {
            drive.make_directory(&path("/lib/sub"), noon()).unwrap();
        },
        change: |drive| drive.rename(&path("/lib"), &path("/lib as it was")),
        between: never,
    },
    Scenario {
        name: "move a file to another directory",
        prepare: fill_sector,
        change: |drive| drive.rename(&path("/code.py"), &path("/lib/inner/as it was.py")),
        between: both_names,
    },
    Scenario {
        name: "move a file to another sector of its directory",
        prepare: fill_sector,
        change: |drive| {
            drive.rename(
                &path("/lib/F0"),
                &path(&format!("/lib/{}", "y".repeat(200))),
            )
        },
        between: both_names,
    },
];
