//! What a daemon remembers over restarts: a small TOML file in the state directory.

use std::marker::PhantomData;
use std::path::PathBuf;
use std::{fs, io};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::trouble::Trouble;
use crate::{atomic_file, toml_error};

const MODE: u32 = 0o644;

/// A file that holds a `T`.
#[derive(Debug)]
pub struct StateFile<T> {
    path: PathBuf,
    /// What it holds, as far as this daemon has written it.
    written: String,
    trouble: Trouble,
    holds: PhantomData<fn() -> T>,
}

impl<T: Serialize + DeserializeOwned> StateFile<T> {
    /// The file at this path, which need not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            written: String::new(),
            trouble: Trouble::default(),
            holds: PhantomData,
        }
    }

    /// What was remembered. A file that cannot be read is set aside, with a word in the log, and nothing was.
    pub fn load(&self) -> Option<T> {
        toml_error::read(&self.path).unwrap_or_else(|error| {
            // Whatever is wrong with it, it must not be written over.
            let aside = self.path.with_extension("damaged");
            tracing::warn!(path = %self.path.display(), aside = %aside.display(), %error,
                "cannot read what was remembered: the file is set aside");
            if let Err(error) = fs::rename(&self.path, &aside) {
                tracing::warn!(path = %self.path.display(), %error, "cannot set the file aside");
            }
            None
        })
    }

    /// Remembers `value`, unless that is what was remembered last. Returns whether it is on the disk; where it is
    /// not there is a word in the log, and the next call tries again.
    pub async fn store(&mut self, value: &T) -> bool {
        match self.try_store(value).await {
            Ok(()) => {
                if self.trouble.is_over() {
                    tracing::info!(path = %self.path.display(), "can remember again");
                }
                true
            }
            Err(error) => {
                if self.trouble.is_news(&error) {
                    tracing::warn!(path = %self.path.display(), %error,
                        "cannot remember what is new: it holds until this daemon ends, and is tried again");
                }
                false
            }
        }
    }

    /// Why what is new is not remembered, in a sentence, where it is not.
    pub fn problem(&self) -> Option<String> {
        let reason = self.trouble.reason()?;
        let path = self.path.display();
        Some(format!(
            "What is new cannot be remembered in {path}: {reason}."
        ))
    }

    async fn try_store(&mut self, value: &T) -> io::Result<()> {
        let text = toml::to_string(value).map_err(io::Error::other)?;
        if text == self.written {
            return Ok(());
        }
        let (path, content) = (self.path.clone(), text.clone());
        let write = move || atomic_file::replace(&path, content.as_bytes(), MODE);
        let written = tokio::task::spawn_blocking(write).await;
        written.map_err(io::Error::other).flatten()?;
        self.written = text;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
    struct Ports {
        ports: Vec<u16>,
    }

    #[tokio::test]
    async fn what_is_stored_is_there_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("daemon/ports.toml");
        let mut file = StateFile::<Ports>::new(&path);
        assert_eq!(file.load(), None);
        for ports in [vec![1], vec![2, 3]] {
            let value = Ports { ports };
            file.store(&value).await;
            assert_eq!(StateFile::new(&path).load(), Some(value));
        }
    }

    #[tokio::test]
    async fn what_did_not_change_is_not_written_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ports.toml");
        let mut file = StateFile::<Ports>::new(&path);
        let value = Ports { ports: vec![1] };
        file.store(&value).await;
        fs::remove_file(&path).unwrap();
        file.store(&value).await;
        assert!(!path.exists());
    }

    #[test]
    fn a_damaged_file_is_set_aside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ports.toml");
        for damaged in [&b"ports = \"all\""[..], b"ports = [1] # \xff"] {
            fs::write(&path, damaged).unwrap();
            assert_eq!(StateFile::<Ports>::new(&path).load(), None);
            assert!(!path.exists());
            assert_eq!(fs::read(path.with_extension("damaged")).unwrap(), damaged);
        }
    }
}
