//! Where a user's demo lives: one directory for everything that it makes, private to the user.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The demo's directory. A second demo of the same user would share it, so there is one at a time.
#[derive(Debug)]
pub(crate) struct Place(PathBuf);

impl Place {
    /// The directory of the user who runs this program.
    pub(crate) fn of_this_user() -> Self {
        let user = rustix::process::getuid().as_raw();
        Self(std::env::temp_dir().join(format!("cpy-gateway-demo-{user}")))
    }

    pub(crate) fn boards_dir(&self) -> PathBuf {
        self.0.join("boards")
    }

    pub(crate) fn runtime_dir(&self) -> PathBuf {
        self.0.join("run")
    }

    pub(crate) fn state_dir(&self) -> PathBuf {
        self.0.join("state")
    }

    pub(crate) fn config_file(&self) -> PathBuf {
        self.0.join("gateway.toml")
    }

    pub(crate) fn image(&self, serial: &str) -> PathBuf {
        self.0.join(format!("{serial}.img"))
    }

    /// Where the running demo takes commands.
    pub(crate) fn control_socket(&self) -> PathBuf {
        self.0.join("control.sock")
    }

    /// Whether a demo runs here.
    pub(crate) fn is_in_use(&self) -> bool {
        UnixStream::connect(self.control_socket()).is_ok()
    }

    /// Makes the directory anew, removing what a demo that was killed has left.
    pub(crate) fn make(&self) -> Result<Made<'_>> {
        if self.is_in_use() {
            bail!("a demo is running already; end it with Ctrl-C where it was started");
        }
        self.remove_left_over()
            .with_context(|| format!("cannot remove {}", self.0.display()))?;
        DirBuilder::new()
            .mode(0o700)
            .create(&self.0)
            .with_context(|| format!("cannot make {}", self.0.display()))?;
        Ok(Made(&self.0))
    }

    fn remove_left_over(&self) -> io::Result<()> {
        match fs::symlink_metadata(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Ok(found) if found.uid() != rustix::process::getuid().as_raw() => {
                Err(io::ErrorKind::PermissionDenied.into())
            }
            Ok(found) if found.is_dir() => fs::remove_dir_all(&self.0),
            Ok(_) => fs::remove_file(&self.0),
            Err(error) => Err(error),
        }
    }
}

/// The directory as long as the demo runs; it goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Made<'a>(&'a Path);

impl Drop for Made<'_> {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(self.0) {
            eprintln!("cpyctl: cannot remove {}: {error}", self.0.display());
        }
    }
}
