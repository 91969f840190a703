//! Plugging in and out.

mod support;

use std::fs;
use std::path::Path;

use support::{VirtualBoard, bench, copy_in, eventually};

#[test]
fn unplugging_removes_the_links_and_keeps_the_image() {
    let bench = bench();
    let board = VirtualBoard::plug_in(bench.path(), &[]);
    let directory = board.directory.clone();
    assert!(
        fs::read_link(directory.join("console"))
            .unwrap()
            .starts_with("/dev/pts")
    );
    let image = board.image.canonicalize().unwrap();
    assert_eq!(fs::read_link(directory.join("drive")).unwrap(), image);
    assert!(board.unplug().success());
    assert!(!directory.exists());
    copy_in(&image, "kept.txt", "kept");
    // Plugged in again: the same drive.
    let board = VirtualBoard::plug_in(bench.path(), &[]);
    let mut console = board.console();
    console.enter_repl();
    console.type_in("open('kept.txt').read()\r");
    console.wait_for("'kept'\r\n");
}

#[test]
fn a_killed_board_can_be_plugged_in_again() {
    let bench = bench();
    drop(VirtualBoard::plug_in(bench.path(), &[]));
    let left = bench.path().join("boards/S1/console");
    // Where it leads is chance: somebody else may have been given the same number for a terminal.
    assert!(left.is_symlink(), "a killed board leaves its links");
    let board = VirtualBoard::plug_in(bench.path(), &[]);
    board.console().enter_repl();
    board.unplug();
    assert!(!bench.path().join("boards/S1").exists());
}

#[test]
fn a_board_may_have_only_a_drive_or_only_a_console() {
    let bench = bench();
    let board = VirtualBoard::plug_in(bench.path(), &["--no-drive"]);
    assert!(!board.directory.join("drive").is_symlink());
    assert!(!board.image.exists());
    board.console().enter_repl();
    board.unplug();
    let board = VirtualBoard::plug_in(bench.path(), &["--no-console"]);
    assert!(!board.directory.join("console").is_symlink());
    assert!(board.directory.join("drive").exists());
}

#[test]
fn python_ends_with_its_board_however_that_ends() {
    for kill in [false, true] {
        let bench = bench();
        let code = "import os\nprint('pid', os.getpid(), end='.')\nwhile True:\n    pass\n";
        let board = VirtualBoard::with_code(bench.path(), code);
        let mut console = board.console();
        // The first run began before anybody listened.
        console.type_in("\x03");
        console.wait_for("Use CTRL-D to reload.\r\n");
        console.type_in("\x04");
        console.wait_for("pid ");
        let pid = console.wait_for(".");
        let python = format!("/proc/{}", pid.trim_end_matches('.'));
        assert!(Path::new(&python).exists());
        if kill {
            drop(board);
        } else {
            board.unplug();
        }
        eventually("Python is gone", || !Path::new(&python).exists());
    }
}
