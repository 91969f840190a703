//! A virtual board as a process, and a terminal on its console.

#![allow(
    dead_code,
    reason = "every test program uses some of it, and none all of it"
)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};
use tempfile::TempDir;

const DEADLINE: Duration = Duration::from_secs(20);

/// A directory for boards and their images.
pub(crate) fn bench() -> TempDir {
    TempDir::with_prefix("virtual-board-test-").expect("a temporary directory")
}

/// A plugged-in board; dropping it kills it.
pub(crate) struct VirtualBoard {
    pub(crate) process: Child,
    pub(crate) directory: PathBuf,
    pub(crate) image: PathBuf,
}

impl VirtualBoard {
    pub(crate) fn plug_in(bench: &Path, arguments: &[&str]) -> Self {
        let image = bench.join("drive.img");
        let mut process = Command::new(env!("CARGO_BIN_EXE_cpy-virtual-board"))
            .args(["--serial", "S1", "--exit-with-parent", "--boards-dir"])
            .arg(bench.join("boards"))
            .arg("--image")
            .arg(&image)
            .args(arguments)
            // What a killed board leaves there goes with the bench.
            .env("TMPDIR", bench)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the board starts");
        let mut ready = String::new();
        let stdout = process.stdout.take().expect("its output is piped");
        BufReader::new(stdout)
            .read_line(&mut ready)
            .expect("its first line");
        let directory = ready
            .strip_prefix("ready ")
            .expect("a line that says ready");
        Self {
            process,
            directory: PathBuf::from(directory.trim_end()),
            image,
        }
    }

    /// A board that runs this program.
    pub(crate) fn with_code(bench: &Path, code: &str) -> Self {
        let board = Self::plug_in(bench, &[]);
        board.unplug();
        copy_in(&bench.join("drive.img"), "code.py", code);
        Self::plug_in(bench, &[])
    }

    pub(crate) fn console(&self) -> Terminal {
        Terminal::open(&self.directory.join("console"))
    }

    /// Writes a file to the drive, as a host does.
    pub(crate) fn save(&self, name: &str, contents: &str) {
        copy_in(&self.image, name, contents);
    }

    pub(crate) fn unplug(mut self) -> ExitStatus {
        let pid = Pid::from_child(&self.process);
        kill_process(pid, Signal::TERM).expect("the board runs");
        self.process.wait().expect("the board ends")
    }
}

impl Drop for VirtualBoard {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Writes into the image with mtools.
pub(crate) fn copy_in(image: &Path, name: &str, contents: &str) {
    let source = image.with_extension("source");
    fs::write(&source, contents).expect("a file to copy");
    let status = Command::new("mcopy")
        .args(["-o", "-i"])
        .arg(format!("{}@@512", image.display()))
        .arg(&source)
        .arg(format!("::{name}"))
        .status()
        .expect("mtools are installed");
    assert!(status.success(), "mcopy of {name}");
}

/// A host's end of the console, in raw mode.
pub(crate) struct Terminal {
    port: fs::File,
    /// What was read and not yet waited for.
    unread: Vec<u8>,
}

impl Terminal {
    pub(crate) fn open(path: &Path) -> Self {
        let port = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(rustix::fs::OFlags::NOCTTY.bits().cast_signed())
            .open(path)
            .expect("a console");
        let mut settings = tcgetattr(&port).expect("a terminal");
        settings.make_raw();
        // A read returns after a tenth of a second at the latest.
        settings.special_codes[SpecialCodeIndex::VMIN] = 0;
        settings.special_codes[SpecialCodeIndex::VTIME] = 1;
        tcsetattr(&port, OptionalActions::Now, &settings).expect("raw mode");
        Self {
            port,
            unread: Vec::new(),
        }
    }

    /// Types, and reads what comes back meanwhile: as a terminal program does.
    pub(crate) fn type_in(&mut self, bytes: impl AsRef<[u8]>) {
        for chunk in bytes.as_ref().chunks(1024) {
            self.port.write_all(chunk).expect("the port takes it");
            if bytes.as_ref().len() > 1024 {
                self.read_some();
            }
        }
    }

    pub(crate) fn read_some(&mut self) -> usize {
        let mut buffer = [0; 8192];
        let count = self.port.read(&mut buffer).expect("the board is there");
        self.unread.extend_from_slice(&buffer[..count]);
        count
    }

    /// Reads up to and including the words; all that was read since the last wait.
    pub(crate) fn wait_for(&mut self, words: &str) -> String {
        let end = Instant::now() + DEADLINE;
        loop {
            let found = self
                .unread
                .windows(words.len())
                .position(|window| window == words.as_bytes());
            if let Some(at) = found {
                let seen = self.unread.drain(..at + words.len()).collect::<Vec<_>>();
                return String::from_utf8_lossy(&seen).into_owned();
            }
            assert!(
                Instant::now() < end,
                "no {words:?} in {:?}",
                String::from_utf8_lossy(&self.unread)
            );
            self.read_some();
        }
    }

    /// From a board that waits to its REPL.
    pub(crate) fn enter_repl(&mut self) -> String {
        self.wait_for("Use CTRL-D to reload.\r\n");
        self.type_in("x");
        self.wait_for(">>> ")
    }
}

/// Waits until it is so.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
