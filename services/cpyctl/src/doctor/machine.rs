//! The machine that is examined: its `/proc`, `/sys`, `/run` and so on, or a tree that stands for them in a test.
//! Nothing here fails: what cannot be read is not there, and each examination says what that means.

use std::fs;
use std::path::{Path, PathBuf};

/// A tree of files as the system shows them.
#[derive(Debug)]
pub(super) struct Machine {
    root: PathBuf,
    /// Whether root looks, from whom nothing is hidden.
    pub(super) is_seen_by_root: bool,
}

impl Machine {
    /// The machine whose tree begins here; of this one, `/`.
    pub(super) fn at(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            is_seen_by_root: rustix::process::geteuid().is_root(),
        }
    }

    /// Where a path of the machine's lies.
    pub(super) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// The text of a file, without white space around it.
    pub(super) fn text(&self, path: impl AsRef<Path>) -> Option<String> {
        let bytes = fs::read(self.path(path)).ok()?;
        Some(String::from_utf8_lossy(&bytes).trim().to_owned())
    }

    /// The names in a directory, in their order.
    pub(super) fn names(&self, path: impl AsRef<Path>) -> Vec<String> {
        let entries = fs::read_dir(self.path(path)).into_iter().flatten();
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    }

    /// Where a link leads.
    pub(super) fn link(&self, path: impl AsRef<Path>) -> Option<PathBuf> {
        fs::read_link(self.path(path)).ok()
    }

    /// Whether there is anything at this path.
    pub(super) fn has(&self, path: impl AsRef<Path>) -> bool {
        self.path(path).exists()
    }

    /// Whether systemd runs here, and can be asked (`sd_booted(3)`).
    pub(super) fn has_systemd(&self) -> bool {
        self.root == Path::new("/") && self.has("/run/systemd/system")
    }
}

#[cfg(test)]
pub(super) mod fake {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::Machine;

    /// A machine of files in a temporary directory.
    pub(in super::super) struct Fake {
        directory: tempfile::TempDir,
        pub(in super::super) machine: Machine,
    }

    impl Fake {
        pub(in super::super) fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let machine = Machine::at(directory.path());
            Self { directory, machine }
        }

        pub(in super::super) fn file(&self, path: &str, content: &str) -> &Self {
            let path = self.machine.path(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
            self
        }

        pub(in super::super) fn link(&self, path: &str, to: impl AsRef<Path>) -> &Self {
            let path = self.machine.path(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            symlink(to, path).unwrap();
            self
        }

        pub(in super::super) fn root(&self) -> &Path {
            self.directory.path()
        }

        /// A Pico with CircuitPython on this port, as the kernel and udev show it.
        pub(in super::super) fn pico(&self, port: &str, number: u8) -> &Self {
            let usb = format!("/sys/bus/usb/devices/{port}");
            let disk = format!(
                "{usb}:1.2/host0/target0:0:0/0:0:0:0/block/sd{}",
                letter(number)
            );
            self.file(&format!("{usb}/product"), "Pico\n")
                .file(&format!("{usb}/dev"), &format!("189:{number}\n"))
                .file(
                    &format!("{usb}:1.0/interface"),
                    "CircuitPython CDC control\n",
                )
                .file(
                    &format!("{usb}:1.0/tty/ttyACM{number}/dev"),
                    &format!("166:{number}\n"),
                )
                .file(
                    &format!("{usb}:1.2/interface"),
                    "CircuitPython Mass Storage\n",
                )
                .file(&format!("{disk}/dev"), &format!("8:{}\n", 16 * number))
                .file(
                    &format!("{disk}/sd{}1/dev", letter(number)),
                    &format!("8:{}\n", 16 * number + 1),
                )
        }
    }

    fn letter(number: u8) -> char {
        char::from(b'a' + number)
    }
}
