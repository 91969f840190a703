//! Every operation on every shape of volume, and what mtools, fsck.vfat and the fatfs crate say of it afterwards.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of a test fails as the test does"
)]

mod support;

use std::collections::HashSet;
use std::io::Cursor;

use cpy_fat::FatKind::{Fat12, Fat16, Fat32};
use cpy_fat::{Caching, Error, Kind, Made, Saved, Timestamp};
use support::image::{Image, SHAPES, SMALL_SHAPES, Shape};
use support::journal::MemoryJournal;
use support::second_opinion::{Baseline, assert_all_agree};
use support::tree::{Node, Tree, read_file};
use support::{Repeated, bytes, noon, path, save};

/// A volume, and what should be on it.
struct Bench {
    image: Image,
    baseline: Baseline,
    tree: Tree,
}

impl Bench {
    fn new(shape: Shape) -> Self {
        let image = Image::new(shape);
        let baseline = Baseline::of(&image.volume_file());
        Self {
            image,
            baseline,
            tree: Tree::new(),
        }
    }

    fn agree(&self, after: &str) {
        assert_all_agree(&self.image, &self.tree, &self.baseline, after);
    }

    /// A content of noon; a second one is later than the one whose place it takes.
    fn expect_file(&mut self, at: &str, content: &[u8]) {
        let modified = match self.tree.get(at) {
            Some(Node::File { modified, .. }) => modified + 2,
            _ => noon().unix_seconds(),
        };
        self.tree.insert(
            at.to_owned(),
            Node::File {
                content: content.to_vec(),
                modified,
            },
        );
    }

    fn save(&mut self, at: &str, content: &[u8]) -> Saved {
        let saved = save(&mut self.image.open(), at, content).unwrap();
        self.expect_file(at, content);
        saved
    }

    fn make_directory(&mut self, at: &str) {
        assert_eq!(
            self.image.open().make_directory(&path(at), noon()).unwrap(),
            Made::Created
        );
        let slashes = at
            .match_indices('/')
            .map(|(end, _)| &at[..end])
            .filter(|parent| !parent.is_empty());
        for made in slashes.chain([at]) {
            self.tree.insert(made.to_owned(), Node::Directory);
        }
    }
}

#[test]
fn every_operation_leaves_a_volume_that_all_readers_agree_on() {
    for shape in SHAPES {
        let mut bench = Bench::new(shape);
        bench.agree("formatting");
        assert_eq!(bench.save("/code.py", b"print('hello')\n"), Saved::Created);
        bench.save("/BOOT.TXT", &bytes(1, 513));
        bench.save("/settings.toml", b"");
        bench.save("/größe und 名前.txt", &bytes(2, 20_000));
        bench.agree("saving new files");
        assert_eq!(bench.save("/code.py", &bytes(3, 70_001)), Saved::Replaced);
        bench.save("/BOOT.TXT", b"");
        bench.save("/settings.toml", b"A = 1\n");
        bench.agree("saving over files");
        bench.make_directory("/lib/adafruit_display_text/deep");
        bench.make_directory("/LIB2");
        bench.agree("making directories");
        for number in 0..40 {
            bench.save(
                &format!("/lib/a module with a long name {number}.mpy"),
                &bytes(number, 700),
            );
        }
        bench.agree("filling a directory");

        let mut volume = bench.image.open();
        volume
            .delete(&path("/lib/a module with a long name 7.mpy"))
            .unwrap();
        volume.delete(&path("/LIB2")).unwrap();
        bench.tree.remove("/lib/a module with a long name 7.mpy");
        bench.tree.remove("/LIB2");
        bench.agree("deleting a file and an empty directory");

        let mut volume = bench.image.open();
        volume.rename(&path("/code.py"), &path("/main.py")).unwrap();
        volume
            .rename(&path("/settings.toml"), &path("/lib/settings of old.toml"))
            .unwrap();
        volume
            .rename(
                &path("/lib/adafruit_display_text"),
                &path("/moved directory"),
            )
            .unwrap();
        for (from, to) in [
            ("/code.py", "/main.py"),
            ("/settings.toml", "/lib/settings of old.toml"),
            ("/lib/adafruit_display_text", "/moved directory"),
            ("/lib/adafruit_display_text/deep", "/moved directory/deep"),
        ] {
            let node = bench.tree.remove(from).unwrap();
            bench.tree.insert(to.to_owned(), node);
        }
        bench.agree("moving");

        bench.image.open().delete(&path("/LIB/")).unwrap();
        bench.tree.retain(|path, _| !path.starts_with("/lib"));
        bench.agree("deleting a directory with all that is in it");
        for at in [
            "/main.py",
            "/boot.txt",
            "/GRÖSSE UND 名前.TXT",
            "/moved directory",
        ] {
            let result = bench.image.open().delete(&path(at));
            assert_eq!(result.is_err(), at.contains("SS"), "{at}: {result:?}");
        }
        bench
            .image
            .open()
            .delete(&path("/GRÖßE und 名前.TXT"))
            .unwrap();
        bench.tree.clear();
        bench.agree("deleting everything");
    }
}

#[test]
fn a_deleted_tree_gives_all_its_room_back() {
    for shape in SHAPES {
        let image = Image::new(shape);
        let mut volume = image.open();
        let before = volume.space().unwrap();
        volume.make_directory(&path("/a/b/c"), noon()).unwrap();
        save(&mut volume, "/a/b/c/d.txt", &bytes(1, 100_000)).unwrap();
        save(&mut volume, "/a/b/c/d.txt", &bytes(2, 50_000)).unwrap();
        assert!(volume.space().unwrap().free_clusters < before.free_clusters);
        volume.delete(&path("/a")).unwrap();
        assert_eq!(volume.space().unwrap(), before);
        assert_eq!(image.open().space().unwrap(), before);
    }
}

#[test]
fn mkfs_and_we_agree_on_the_kind_of_volume() {
    let kinds = SHAPES.map(|shape| Image::new(shape).open().kind());
    assert_eq!(
        kinds,
        [Fat12, Fat12, Fat12, Fat12, Fat16, Fat16, Fat32, Fat32]
    );
}

#[test]
fn what_mtools_wrote_is_read() {
    for shape in SHAPES {
        let bench = Bench::new(shape);
        let drive = format!("{}@@{}", bench.image.file().display(), bench.image.offset());
        let mtools = |tool: &str| {
            let mut command = std::process::Command::new(tool);
            command.args(["-i", &drive]);
            command
        };
        let source = bench.image.scratch();
        std::fs::write(&source, bytes(5, 3000)).unwrap();
        support::image::run(mtools("mmd").args(["::sub", "::Long Directory Name"]));
        for target in [
            "::sub/lower.txt",
            "::UPPER.TXT",
            "::sub/a name that is long.text",
            "::Ünïcode.txt",
        ] {
            support::image::run(mtools("mcopy").arg(&source).arg(target));
        }
        let mut volume = bench.image.open();
        for at in [
            "/sub/lower.txt",
            "/upper.txt",
            "/sub/A NAME that is long.TEXT",
            "/ünïcode.txt",
        ] {
            assert_eq!(
                read_file(&mut volume, &path(at)).unwrap(),
                bytes(5, 3000),
                "{at}"
            );
        }
        let mut names: Vec<_> = volume
            .list(&path("/"))
            .unwrap()
            .iter()
            .map(|e| e.name.to_string())
            .collect();
        names.sort();
        assert_eq!(
            names,
            ["Long Directory Name", "UPPER.TXT", "sub", "Ünïcode.txt"]
        );
        assert!(volume.check().unwrap().is_clean());
        save(&mut volume, "/sub/ours.txt", b"text").unwrap();
        assert_eq!(
            support::image::run(mtools("mtype").arg("::sub/ours.txt")),
            "text"
        );
    }
}

#[test]
fn errors_say_what_is_in_the_way() {
    let image = Image::new(Shape::Board);
    let mut volume = image.open();
    save(&mut volume, "/file.txt", b"x").unwrap();
    volume.make_directory(&path("/dir/sub"), noon()).unwrap();
    let not_found = |result: Result<Saved, Error>| matches!(result, Err(Error::NotFound { .. }));
    assert!(not_found(save(&mut volume, "/nowhere/file.txt", b"x")));
    assert!(matches!(
        save(&mut volume, "/file.txt/x", b"x"),
        Err(Error::NotADirectory { .. })
    ));
    assert!(matches!(
        save(&mut volume, "/dir", b"x"),
        Err(Error::IsADirectory { .. })
    ));
    assert!(matches!(
        save(&mut volume, "/", b"x"),
        Err(Error::IsADirectory { .. })
    ));
    assert!(matches!(
        volume.open_file(&path("/dir")),
        Err(Error::IsADirectory { .. })
    ));
    assert!(matches!(
        volume.list(&path("/file.txt")),
        Err(Error::NotADirectory { .. })
    ));
    assert!(matches!(volume.delete(&path("/")), Err(Error::Root)));
    assert!(matches!(
        volume.delete(&path("/gone")),
        Err(Error::NotFound { .. })
    ));
    let mut rename = |from: &str, to: &str| volume.rename(&path(from), &path(to));
    assert!(matches!(
        rename("/gone", "/new"),
        Err(Error::NotFound { .. })
    ));
    assert!(matches!(
        rename("/file.txt", "/nowhere/x"),
        Err(Error::NotFound { .. })
    ));
    assert!(matches!(
        rename("/file.txt", "/DIR"),
        Err(Error::Exists { .. })
    ));
    assert!(matches!(
        rename("/dir", "/dir/sub/dir"),
        Err(Error::IntoItself { .. })
    ));
    assert!(matches!(
        rename("/dir", "/dir/new"),
        Err(Error::IntoItself { .. })
    ));
    assert!(matches!(rename("/", "/dir/new"), Err(Error::Root)));
    let made =
        |volume: &mut cpy_fat::Volume<_>, at| volume.make_directory(&path(at), noon()).unwrap();
    assert_eq!(made(&mut volume, "/"), Made::Existed(Kind::Directory));
    assert_eq!(made(&mut volume, "/Dir"), Made::Existed(Kind::Directory));
    assert_eq!(made(&mut volume, "/file.txt"), Made::Existed(Kind::File));
    let below_file = volume.make_directory(&path("/file.txt/x"), noon());
    assert!(matches!(below_file, Err(Error::NotADirectory { .. })));
}

#[test]
fn a_short_content_changes_nothing() {
    let image = Image::new(Shape::Board);
    let mut volume = image.open();
    save(&mut volume, "/code.py", &bytes(1, 5000)).unwrap();
    let before = volume.space().unwrap();
    for at in ["/code.py", "/new.py"] {
        let short = volume.save(&path(at), 4000, &mut Cursor::new(bytes(2, 3999)), noon());
        assert!(matches!(short, Err(Error::Content { .. })));
    }
    assert_eq!(
        read_file(&mut volume, &path("/code.py")).unwrap(),
        bytes(1, 5000)
    );
    assert!(matches!(
        volume.stat(&path("/new.py")),
        Err(Error::NotFound { .. })
    ));
    assert_eq!(volume.space().unwrap(), before);
    assert!(volume.check().unwrap().is_clean());
}

#[test]
fn a_full_drive_says_how_much_is_free_and_stays_whole() {
    for shape in SHAPES {
        let image = Image::new(shape);
        let mut volume = image.open();
        let space = volume.space().unwrap();
        let whole = u64::from(space.free_clusters) * u64::from(space.cluster_size);
        let too_much = volume.save(&path("/big"), whole + 1, &mut Repeated(7), noon());
        let Err(Error::NoSpace { needed, free, .. }) = too_much else {
            panic!("{shape:?}: {too_much:?}");
        };
        assert_eq!(
            (needed, free),
            (whole + u64::from(space.cluster_size), whole)
        );
        volume
            .save(&path("/big"), whole, &mut Repeated(7), noon())
            .unwrap();
        assert_eq!(volume.space().unwrap().free_clusters, 0);
        save(&mut volume, "/EMPTY", b"").unwrap();
        assert!(matches!(
            volume.make_directory(&path("/d"), noon()),
            Err(Error::NoSpace { .. })
        ));
        volume
            .rename(&path("/empty"), &path("/still empty"))
            .unwrap();
        assert!(volume.check().unwrap().is_clean());
        volume.delete(&path("/big")).unwrap();
        assert_eq!(volume.space().unwrap().free_clusters, space.free_clusters);
    }
}

#[test]
fn a_fragmented_drive_is_filled_to_the_last_cluster() {
    let image = Image::new(Shape::Board);
    let mut volume = image.open();
    volume.make_directory(&path("/parts"), noon()).unwrap();
    for number in 0..400 {
        save(
            &mut volume,
            &format!("/parts/{number}"),
            &bytes(number, 2048),
        )
        .unwrap();
    }
    for number in (0..400).step_by(2) {
        volume.delete(&path(&format!("/parts/{number}"))).unwrap();
    }
    let space = volume.space().unwrap();
    let content = bytes(9, usize::try_from(space.free_clusters * 512).unwrap());
    save(&mut volume, "/scattered", &content).unwrap();
    assert_eq!(
        read_file(&mut volume, &path("/scattered")).unwrap(),
        content
    );
    assert_eq!(volume.space().unwrap().free_clusters, 0);
    assert!(image.open().check().unwrap().is_clean());
}

#[test]
fn the_fixed_root_fills_up_and_says_so() {
    let image = Image::new(Shape::Board);
    let mut volume = image.open();
    let mut number = 0;
    let error = loop {
        match save(
            &mut volume,
            &format!("/a name of three slots {number}"),
            b"",
        ) {
            Ok(_) => number += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::DirectoryFull { .. }), "{error}");
    assert_eq!(number, 511 / 3);
    assert!(volume.check().unwrap().is_clean());
}

#[test]
fn a_change_of_case_and_a_move_onto_itself_work() {
    for shape in SHAPES {
        let mut bench = Bench::new(shape);
        bench.save("/Code.py", b"1");
        bench.save("/UPPER", b"2");
        let mut volume = bench.image.open();
        for (from, to) in [
            ("/code.py", "/CODE.PY"),
            ("/CODE.PY", "/CODE.PY"),
            ("/upper", "/uPPer"),
        ] {
            volume.rename(&path(from), &path(to)).unwrap();
        }
        bench.tree.clear();
        bench.expect_file("/CODE.PY", b"1");
        bench.expect_file("/uPPer", b"2");
        bench.agree("changing case");
    }
}

#[test]
fn names_of_every_length_are_stored() {
    let mut bench = Bench::new(Shape::Board);
    bench.make_directory("/d");
    for length in (1..=255).step_by(11).chain([13, 26, 255]) {
        bench.save(&format!("/d/{}", "n".repeat(length)), b"x");
    }
    bench.agree("saving long names");
    let mut volume = bench.image.open();
    for length in (1..=255).step_by(22) {
        let from = format!("/d/{}", "n".repeat(length));
        let to = format!("/d/{}", "m".repeat(256 - length));
        volume.rename(&path(&from), &path(&to)).unwrap();
        let node = bench.tree.remove(&from).unwrap();
        bench.tree.insert(to, node);
    }
    bench.agree("moving long names");
    let mut volume = bench.image.open();
    let space = volume.space().unwrap();
    volume.delete(&path("/d")).unwrap();
    assert!(volume.space().unwrap().free_clusters > space.free_clusters);
    bench.tree.clear();
    bench.agree("deleting long names");
}

#[test]
fn a_download_never_mixes_two_contents() {
    let image = Image::new(Shape::Board);
    let mut volume = image.open();
    save(&mut volume, "/data", &bytes(1, 5000)).unwrap();
    let mut handle = volume.open_file(&path("/data")).unwrap();
    let mut piece = [0; 1000];
    assert_eq!(volume.read_at(&mut handle, 1500, &mut piece).unwrap(), 1000);
    assert_eq!(piece[..], bytes(1, 5000)[1500..2500]);
    assert_eq!(volume.read_at(&mut handle, 4999, &mut piece).unwrap(), 1);
    assert_eq!(volume.read_at(&mut handle, 5000, &mut piece).unwrap(), 0);
    assert_eq!(
        volume.read_at(&mut handle, u32::MAX, &mut piece).unwrap(),
        0
    );
    save(&mut volume, "/other", b"x").unwrap();
    assert!(volume.read_at(&mut handle, 0, &mut piece).is_ok());
    save(&mut volume, "/data", &bytes(2, 5000)).unwrap();
    assert!(matches!(
        volume.read_at(&mut handle, 0, &mut piece),
        Err(Error::Changed { .. })
    ));
}

#[test]
fn a_download_notices_a_content_that_came_back_to_the_same_clusters() {
    let image = Image::new(Shape::Board);
    let mut volume = image.open();
    let half = u64::from(volume.space().unwrap().free_clusters) / 2 * 512;
    let mut save = |content: u8| {
        volume
            .save(&path("/data"), half, &mut Repeated(content), noon())
            .unwrap();
    };
    save(1);
    let mut handle = volume.open_file(&path("/data")).unwrap();
    let mut save = |content: u8| {
        volume
            .save(&path("/data"), half, &mut Repeated(content), noon())
            .unwrap();
    };
    save(2);
    save(3);
    let mut piece = [0; 512];
    assert!(matches!(
        volume.read_at(&mut handle, 0, &mut piece),
        Err(Error::Changed { .. })
    ));
}

#[test]
fn a_path_is_told_as_it_stands_on_the_volume() {
    let image = Image::new(Shape::Board);
    let mut volume = image.open();
    volume.make_directory(&path("/Ünder"), noon()).unwrap();
    save(&mut volume, "/Ünder/a long name.py", b"x").unwrap();
    for (asked, stored) in [
        ("/", "/"),
        ("/ünder/A LONG NAME.PY", "/Ünder/a long name.py"),
        ("/ÜNDER/ALONGN~1.PY", "/Ünder/a long name.py"),
        ("/ünder/New.py", "/Ünder/New.py"),
        ("/Ünder/a long name.PY/below", "/Ünder/a long name.py/below"),
        ("/None/ünder", "/None/ünder"),
    ] {
        let told = volume.stored_path(&path(asked)).unwrap();
        assert_eq!(told.to_string(), stored, "{asked}");
    }
}

#[test]
fn every_content_of_a_file_has_a_version_of_its_own_that_outlives_the_volume() {
    for shape in SMALL_SHAPES {
        let image = Image::new(shape);
        let mut volume = image.open();
        volume.keep_journal(Box::new(MemoryJournal::default()), 0);
        let file = path("/data");
        let space = volume.space().unwrap();
        let half = u64::from(space.free_clusters / 2 * space.cluster_size);
        let whole = half + u64::from(space.cluster_size);
        let mut versions = Vec::new();
        // Beside the old content, in the same clusters again; then in place. All at the same time.
        for (number, size) in [half, half, half, half, whole, whole, whole]
            .into_iter()
            .enumerate()
        {
            let content = u8::try_from(number).unwrap();
            let mut source = Repeated(content);
            volume.save(&file, size, &mut source, noon()).unwrap();
            versions.push(volume.version(&file).unwrap().unwrap());
        }
        volume.delete(&file).unwrap();
        volume.save(&file, half, &mut Repeated(9), noon()).unwrap();
        versions.push(volume.version(&file).unwrap().unwrap());
        let different: HashSet<_> = versions.iter().collect();
        assert_eq!(different.len(), versions.len(), "{versions:?}");
        let again = image.open().version(&file).unwrap();
        assert_eq!(again.as_ref(), versions.last());
    }
}

#[test]
fn a_drive_that_somebody_else_writes_is_read_afresh_and_not_written() {
    for shape in SHAPES {
        let image = Image::new(shape);
        let mut ours = image.open();
        save(&mut ours, "/data", &bytes(1, 5000)).unwrap();
        let mut watching = image.open_as(Caching::Foreign);
        let mut handle = watching.open_file(&path("/data")).unwrap();
        let before = watching.space().unwrap();
        save(&mut ours, "/data", &bytes(2, 6000)).unwrap();
        save(&mut ours, "/more", &bytes(3, 9000)).unwrap();
        assert_eq!(
            read_file(&mut watching, &path("/data")).unwrap(),
            bytes(2, 6000)
        );
        assert_eq!(watching.list(&path("/")).unwrap().len(), 2);
        assert!(watching.space().unwrap().free_clusters < before.free_clusters);
        let stale = watching.read_at(&mut handle, 0, &mut [0; 512]);
        assert!(matches!(stale, Err(Error::Changed { .. })));
        assert!(matches!(
            save(&mut watching, "/data", b"x"),
            Err(Error::ReadOnly)
        ));
        assert!(matches!(
            watching.delete(&path("/data")),
            Err(Error::ReadOnly)
        ));
        assert!(matches!(watching.free_unowned(), Err(Error::ReadOnly)));
    }
}

#[test]
fn a_file_that_is_too_large_for_fat_is_refused() {
    let image = Image::new(Shape::Board);
    let result = image
        .open()
        .save(&path("/x"), 1 << 32, &mut std::io::empty(), noon());
    assert!(matches!(
        result,
        Err(Error::TooLarge {
            size: 0x1_0000_0000,
            ..
        })
    ));
}

#[test]
fn times_are_stored_as_they_were_given_and_moves_keep_them() {
    let image = Image::new(Shape::Board);
    let mut volume = image.open();
    let odd = Timestamp::from_unix_seconds(1_500_000_001);
    volume
        .save(&path("/old"), 1, &mut Repeated(1), odd)
        .unwrap();
    volume.make_directory(&path("/d"), odd).unwrap();
    volume.rename(&path("/old"), &path("/d/new")).unwrap();
    for at in ["/d", "/d/new"] {
        assert_eq!(
            volume.stat(&path(at)).unwrap().modified.unix_seconds(),
            1_500_000_000
        );
    }
}

#[test]
fn a_volume_and_its_handles_can_live_on_a_worker_thread() {
    fn assert_send<T: Send>(_: &T) {}
    let image = Image::new(Shape::Board);
    let mut volume = image.open();
    save(&mut volume, "/x", b"x").unwrap();
    assert_send(&volume.open_file(&path("/x")).unwrap());
    assert_send(&volume);
}
