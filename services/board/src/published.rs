//! What one daemon publishes for the others: a small TOML file in the runtime directory, replaced whole.
//!
//! The file outlives its daemon, so that what was said last holds until the daemon is back.

use std::io;
use std::marker::PhantomData;
use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::trouble::Trouble;
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
        toml_error::read(&self.path).unwrap_or_else(|error| {
            let path = self.path.display();
            tracing::error!(%path, %error, "cannot read what another daemon published");
            None
        })
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

/// Publishes what this daemon knows, whenever that changes.
#[derive(Debug)]
pub struct Publisher<T> {
    file: Published<T>,
    /// Nothing, until this daemon wrote it: what an earlier one wrote may be wrong.
    said: Option<T>,
    trouble: Trouble,
}

impl<T> Publisher<T>
where
    T: Serialize + DeserializeOwned + Clone + PartialEq + Send + 'static,
{
    /// A publisher that has said nothing yet.
    pub fn new(file: Published<T>) -> Self {
        let trouble = Trouble::default();
        let said = None;
        Self {
            file,
            said,
            trouble,
        }
    }

    /// What was published last.
    pub fn said(&self) -> Option<&T> {
        self.said.as_ref()
    }

    /// Why the others do not know what is new, in a sentence, where they do not.
    pub fn problem(&self) -> Option<String> {
        let reason = self.trouble.reason()?;
        let path = self.file.path.display();
        Some(format!(
            "The other daemons cannot be told what is new in {path}: {reason}."
        ))
    }

    /// Publishes `value`, unless that is what was published last. Returns whether the others can know it; where they
    /// cannot there is a word in the log, and the next call tries again.
    pub async fn publish(&mut self, value: &T) -> bool {
        if self.said() == Some(value) {
            return true;
        }
        let (file, content) = (self.file.clone(), value.clone());
        let write = move || file.write(&content);
        let written = tokio::task::spawn_blocking(write).await;
        match written.map_err(io::Error::other).flatten() {
            Ok(()) => {
                self.said = Some(value.clone());
                if self.trouble.is_over() {
                    let path = self.file.path.display();
                    tracing::info!(%path, "can publish again");
                }
                true
            }
            Err(error) => {
                if self.trouble.is_news(&error) {
                    let path = self.file.path.display();
                    tracing::warn!(%path, %error,
                        "cannot publish what is new: the other daemons go by what was said before");
                }
                false
            }
        }
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
        std::fs::write(&path, "A1 = \"not a board's name\"").unwrap();
        assert_eq!(Published::<Names>::at(path).read(), None);
    }
}
