//! What one daemon publishes for the others: a small TOML file in the runtime directory, replaced whole.
//!
//! The file outlives its daemon, so that what was said last holds until the daemon is back.

use std::marker::PhantomData;
use std::path::PathBuf;
use std::{fs, io};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{DirWatch, WatchError, atomic_file, toml_error};

/// For the daemons' group: nobody else needs it.
const MODE: u32 = 0o640;

/// A file that holds a `T`.
#[derive(Clone, Debug)]
pub struct Published<T> {
    path: PathBuf,
    holds: PhantomData<fn() -> T>,
}

impl<T: Serialize + DeserializeOwned> Published<T> {
    /// The file at this path, which need not exist yet.
    pub(crate) fn at(path: PathBuf) -> Self {
        Self {
            path,
            holds: PhantomData,
        }
    }

    /// Publishes `value` in the place of what was there.
    pub fn write(&self, value: &T) -> io::Result<()> {
        let text = toml::to_string(value).map_err(io::Error::other)?;
        atomic_file::replace(&self.path, text.as_bytes(), MODE)
    }

    /// What was published last, if anything was. What cannot be read is reported in the log.
    pub fn read(&self) -> Option<T> {
        let parsed = fs::read_to_string(&self.path)
            .and_then(|text| toml_error::parse(&text).map_err(io::Error::other));
        match parsed {
            Ok(value) => Some(value),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                let path = self.path.display();
                tracing::error!(%path, %error, "cannot read what another daemon published");
                None
            }
        }
    }

    /// Follows the file.
    pub fn follow(self) -> Result<Follower<T>, WatchError> {
        Ok(Follower {
            file: self,
            watch: DirWatch::new()?,
            started: false,
        })
    }
}

/// Follows what another daemon publishes.
#[derive(Debug)]
pub struct Follower<T> {
    file: Published<T>,
    watch: DirWatch,
    started: bool,
}

impl<T: Serialize + DeserializeOwned> Follower<T> {
    /// What is published, at once the first time and then after each burst of changes near it. It is safe to
    /// drop the future half-way.
    pub async fn changes(&mut self) -> Option<T> {
        if self.started {
            self.watch.changed().await;
        }
        self.started = true;
        loop {
            let value = self.file.read();
            if !self.watch.set(self.file.path.parent()) {
                return value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;
    use crate::{Hostname, Serial};

    type Names = BTreeMap<Serial, Hostname>;

    fn names(digits: &str) -> Names {
        let serial = "E6614C311B-_x".parse().unwrap();
        BTreeMap::from([(serial, format!("cpy-{digits}").parse().unwrap())])
    }

    #[tokio::test]
    async fn a_follower_sees_what_is_published_from_before_the_file_exists() {
        let dir = tempfile::tempdir().unwrap();
        let file = || Published::<Names>::at(dir.path().join("daemon/names.toml"));
        let mut follower = file().follow().unwrap();
        assert_eq!(follower.changes().await, None);
        for digits in ["000001", "000002"] {
            file().write(&names(digits)).unwrap();
            while timeout(Duration::from_secs(10), follower.changes())
                .await
                .expect("not seen")
                != Some(names(digits))
            {}
        }
        assert_eq!(file().read(), Some(names("000002")));
    }

    #[test]
    fn what_cannot_be_read_was_not_said() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("names.toml");
        fs::write(&path, "A1 = \"not a board's name\"").unwrap();
        assert_eq!(Published::<Names>::at(path).read(), None);
    }
}
