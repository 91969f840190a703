//! The file that holds the gateway's password: one line, for root and the gateway's users only.

use std::fmt;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use cpy_board::password_file::{self, PasswordFileError};
use cpy_board::{Password, atomic_file};

/// The group of the daemons' users.
pub(crate) const GROUP: &str = "_cpy-gateway";
const MODE: u32 = 0o640;

/// `/etc/cpy-gateway/password`, or where the configuration puts it.
#[derive(Debug)]
pub(crate) struct PasswordFile(PathBuf);

impl PasswordFile {
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The password; none where the file does not exist.
    pub(crate) fn read(&self) -> Result<Option<Password>, PasswordFileError> {
        password_file::read(&self.0)
    }

    /// Replaces the password: readers see the old one or the new one, also after a crash.
    pub(crate) fn write(&self, password: &Password) -> Result<()> {
        self.replace(password).map_err(|error| match error.kind() {
            io::ErrorKind::PermissionDenied => {
                anyhow!("only root may change {self}: use sudo")
            }
            _ => anyhow::Error::new(error).context(format!("cannot write {self}")),
        })
    }

    fn replace(&self, password: &Password) -> io::Result<()> {
        let mut name = self.0.file_name().unwrap_or_default().to_owned();
        name.push(".next");
        let next = self.0.with_file_name(name);
        let line = format!("{}\n", password.reveal());
        // Nobody else's until it is the right group's.
        atomic_file::replace(&next, line.as_bytes(), 0o600)?;
        let file = File::open(&next)?;
        if rustix::process::geteuid().is_root() {
            let group = group_id(&fs::read_to_string("/etc/group").unwrap_or_default());
            chown(&next, None, group)?;
        }
        file.set_permissions(Permissions::from_mode(MODE))?;
        file.sync_all()?;
        fs::rename(&next, &self.0)?;
        File::open(self.0.parent().unwrap_or(Path::new("/")))?.sync_all()
    }
}

impl fmt::Display for PasswordFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

/// The id of the daemons' group in a group file (group(5)).
pub(crate) fn group_id(groups: &str) -> Option<u32> {
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(GROUP)).then(|| fields.nth(1)?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        text.to_owned().try_into().unwrap()
    }

    #[test]
    fn what_is_written_is_read_back_and_is_for_few() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("etc/password");
        let file = PasswordFile::new(&path);
        assert_eq!(file.read().unwrap(), None);
        for text in ["first", "pä ss:wörd"] {
            file.write(&password(text)).unwrap();
            assert_eq!(file.read().unwrap(), Some(password(text)));
            assert_eq!(fs::read_to_string(&path).unwrap(), format!("{text}\n"));
            assert_eq!(
                fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                MODE
            );
        }
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn the_group_is_found_by_its_whole_name() {
        let groups = "root:x:0:\n_cpy-gateway-not:x:7:\n_cpy-gateway:x:997:a,b\n";
        assert_eq!(group_id(groups), Some(997));
        assert_eq!(group_id("root:x:0:\n"), None);
    }
}
