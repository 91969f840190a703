//! A virtual board of a test: plugged in, unplugged and plugged in again.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use cpy_board::{Hostname, Serial};

use crate::image::Image;
use crate::process::Process;

/// A board in software. When it is dropped, its drive must satisfy fsck.vfat.
#[derive(Debug)]
pub struct Board {
    serial: Serial,
    arguments: Vec<String>,
    logs: PathBuf,
    image: Image,
    process: Option<Process>,
    findings_before: String,
}

impl Board {
    /// Makes a board whose links appear below `boards_dir`, and plugs it in. The drive's image is made
    /// in `directory`, as virtual-board makes it with these options.
    pub fn plugged_in(directory: &Path, boards_dir: &Path, serial: &str, options: &[&str]) -> Self {
        let image = Image::new(directory.join(format!("{serial}.img")));
        let mut arguments = vec![
            "--boards-dir".to_owned(),
            boards_dir.display().to_string(),
            "--serial".to_owned(),
            serial.to_owned(),
            "--image".to_owned(),
            image.path().display().to_string(),
        ];
        arguments.extend(options.iter().map(ToString::to_string));
        let logs = directory.join(format!("{serial}.logs"));
        fs::create_dir_all(&logs).expect("a directory for logs");
        let serial = serial.parse().expect("a valid serial");
        let mut board = Self {
            serial,
            arguments,
            logs,
            image,
            process: None,
            findings_before: String::new(),
        };
        board.plug();
        board
    }

    /// Plugs the board in.
    pub fn plug(&mut self) {
        assert!(self.process.is_none(), "it is plugged in already");
        self.process = Some(Process::start(
            "cpy-virtual-board",
            &self.logs,
            &self.arguments,
        ));
    }

    /// Pulls the plug.
    pub fn unplug(&mut self) {
        self.process.take().expect("it is plugged in").terminate();
    }

    /// Its serial.
    pub fn serial(&self) -> &Serial {
        &self.serial
    }

    /// Its plain host name.
    pub fn hostname(&self) -> Hostname {
        Hostname::plain(&self.serial)
    }

    /// Its drive.
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// Damages the drive on purpose, while the board is unplugged. It is not checked at the end.
    pub fn damage(&mut self, change: impl FnOnce(&mut Vec<u8>)) {
        assert!(self.process.is_none(), "unplug it first");
        let mut bytes = fs::read(self.image.path()).expect("the image can be read");
        change(&mut bytes);
        let _ = fs::set_permissions(self.image.path(), fs::Permissions::from_mode(0o644));
        fs::write(self.image.path(), bytes).expect("the image can be written");
        self.findings_before = self.image.findings();
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // In an orderly way: links that a killed board leaves may lead to the next one's console.
            if let Some(process) = self.process.take() {
                process.terminate();
            }
            let findings = self.image.findings();
            let is_known = |line: &&str| self.findings_before.lines().any(|known| known == *line);
            let new: Vec<&str> = findings.lines().filter(|line| !is_known(line)).collect();
            assert!(new.is_empty(), "fsck.vfat finds something new: {new:#?}");
        }
    }
}
