//! Where a user's demo lives: one directory for everything that it makes, private to the user.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rustix::process::Uid;

/// Nobody else looks in: the configuration holds the password.
const MODE: u32 = 0o700;

/// The demo's directory. A second demo of the same user would share it, so there is one at a time.
#[derive(Debug)]
pub(crate) struct Place {
    directory: PathBuf,
    user: Uid,
}

impl Place {
    /// The directory of the user who runs this program: in the user's own runtime directory where there
    /// is one (XDG base directory specification), or else among the temporary files.
    pub(crate) fn of_this_user() -> Self {
        let user = rustix::process::getuid();
        let own = std::env::var_os("XDG_RUNTIME_DIR")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute() && belongs_to(path, user));
        Self::below(&own.unwrap_or_else(std::env::temp_dir), user)
    }

    fn below(parent: &Path, user: Uid) -> Self {
        let name = format!("cpy-gateway-demo-{}", user.as_raw());
        let directory = parent.join(name);
        Self {
            // The daemons take absolute paths only; where the working directory is gone, they say so.
            directory: std::path::absolute(&directory).unwrap_or(directory),
            user,
        }
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn boards_dir(&self) -> PathBuf {
        self.directory.join("boards")
    }

    pub(crate) fn runtime_dir(&self) -> PathBuf {
        self.directory.join("run")
    }

    pub(crate) fn state_dir(&self) -> PathBuf {
        self.directory.join("state")
    }

    pub(crate) fn config_file(&self) -> PathBuf {
        self.directory.join("gateway.toml")
    }

    pub(crate) fn image(&self, serial: &str) -> PathBuf {
        self.directory.join(format!("{serial}.img"))
    }

    /// Where the running demo takes commands.
    pub(crate) fn control_socket(&self) -> PathBuf {
        self.directory.join("control.sock")
    }

    /// Whether a demo of this user runs here. What somebody else made is never believed: it could make
    /// root follow any configuration.
    pub(crate) fn is_in_use(&self) -> bool {
        self.is_private() && UnixStream::connect(self.control_socket()).is_ok()
    }

    /// Whether only this user can have put anything into the directory.
    fn is_private(&self) -> bool {
        let user = self.user.as_raw();
        fs::symlink_metadata(&self.directory).is_ok_and(|found| {
            found.is_dir() && found.uid() == user && found.mode() & 0o777 == MODE
        })
    }

    /// Makes the directory anew, removing what a demo that was killed has left.
    pub(crate) fn make(&self) -> Result<Made<'_>> {
        let directory = self.directory.display();
        if self.is_in_use() {
            bail!("a demo is running already; end it with Ctrl-C where it was started");
        }
        self.remove_left_over()
            .with_context(|| format!("cannot remove {directory}"))?;
        DirBuilder::new()
            .mode(MODE)
            .create(&self.directory)
            .with_context(|| format!("cannot make {directory}"))?;
        Ok(Made(&self.directory))
    }

    fn remove_left_over(&self) -> Result<()> {
        match fs::symlink_metadata(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Ok(found) if found.uid() != self.user.as_raw() => {
                bail!("it belongs to somebody else; set TMPDIR to a directory of your own")
            }
            Ok(found) if found.is_dir() => Ok(fs::remove_dir_all(&self.directory)?),
            Ok(_) => Ok(fs::remove_file(&self.directory)?),
            Err(error) => Err(error.into()),
        }
    }
}

fn belongs_to(directory: &Path, user: Uid) -> bool {
    fs::symlink_metadata(directory)
        .is_ok_and(|found| found.is_dir() && found.uid() == user.as_raw())
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::os::unix::net::UnixListener;

    use super::*;

    fn this_user() -> Uid {
        rustix::process::getuid()
    }

    #[test]
    fn a_demo_of_this_user_is_in_use_while_it_runs() {
        let parent = tempfile::tempdir().unwrap();
        let place = Place::below(parent.path(), this_user());
        let made = place.make().unwrap();
        assert!(!place.is_in_use());
        let control = UnixListener::bind(place.control_socket()).unwrap();
        assert!(place.is_in_use() && place.make().is_err());
        drop(control);
        assert!(!place.is_in_use());
        drop(made);
        assert!(!place.directory().exists());
    }

    #[test]
    fn a_directory_that_others_can_write_to_is_not_believed() {
        let parent = tempfile::tempdir().unwrap();
        let place = Place::below(parent.path(), this_user());
        let _made = place.make().unwrap();
        let _control = UnixListener::bind(place.control_socket()).unwrap();
        for mode in [0o777, 0o770, 0o1777] {
            fs::set_permissions(place.directory(), fs::Permissions::from_mode(mode)).unwrap();
            assert!(!place.is_in_use(), "{mode:o}");
        }
    }

    #[test]
    fn a_link_is_not_believed_and_its_target_is_left_alone() {
        let parent = tempfile::tempdir().unwrap();
        let elsewhere = parent.path().join("elsewhere");
        DirBuilder::new().mode(MODE).create(&elsewhere).unwrap();
        let place = Place::below(parent.path(), this_user());
        symlink(&elsewhere, place.directory()).unwrap();
        let _control = UnixListener::bind(place.control_socket()).unwrap();
        assert!(!place.is_in_use());
        let made = place.make().unwrap();
        assert!(place.is_private() && elsewhere.join("control.sock").exists());
        drop(made);
    }

    #[test]
    fn a_directory_of_somebody_else_is_neither_believed_nor_touched() {
        let parent = tempfile::tempdir().unwrap();
        let stranger = Place::below(parent.path(), Uid::from_raw(this_user().as_raw() + 1));
        DirBuilder::new()
            .mode(MODE)
            .create(stranger.directory())
            .unwrap();
        let _control = UnixListener::bind(stranger.control_socket()).unwrap();
        assert!(!stranger.is_in_use());
        let error = format!("{:#}", stranger.make().unwrap_err());
        assert!(
            error.contains("somebody else") && error.contains("TMPDIR"),
            "{error}"
        );
        assert!(stranger.control_socket().exists());
    }
}
