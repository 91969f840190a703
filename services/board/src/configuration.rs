//! The configuration of a daemon that runs: what holds now, and word of what holds next.

use std::future::pending;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

use crate::Config;
use crate::config::ConfigError;

/// What holds now. All clones follow the same file.
#[derive(Clone, Debug)]
pub struct Configuration(watch::Receiver<Arc<Config>>);

impl Configuration {
    /// What holds now.
    pub fn now(&self) -> Arc<Config> {
        Arc::clone(&self.0.borrow())
    }

    /// What holds next, as soon as the file was read again, also where it says the same: a file that it names
    /// may have another content. It is safe to drop the future half-way.
    pub async fn changed(&mut self) -> Arc<Config> {
        if self.0.changed().await.is_err() {
            // Nobody reads it again.
            return pending().await;
        }
        Arc::clone(&self.0.borrow_and_update())
    }
}

impl From<Config> for Configuration {
    /// One that stays as it is.
    fn from(config: Config) -> Self {
        Self(watch::Sender::new(Arc::new(config)).subscribe())
    }
}

/// The file, and whom to tell what it says.
#[derive(Debug)]
pub(crate) struct ConfigFile {
    file: Option<PathBuf>,
    holds: watch::Sender<Arc<Config>>,
}

impl ConfigFile {
    /// Reads a file, or without a name the default one, for the first time.
    pub(crate) fn load(file: Option<PathBuf>) -> Result<Self, ConfigError> {
        let config = Config::load(file.as_deref())?;
        let holds = watch::Sender::new(Arc::new(config));
        Ok(Self { file, holds })
    }

    /// What the file says, for a daemon.
    pub(crate) fn configuration(&self) -> Configuration {
        Configuration(self.holds.subscribe())
    }

    /// Reads it again. Directories stay where they are until the daemon starts anew: there are sockets in them,
    /// and what is remembered.
    ///
    /// Errors: why the file cannot be used; what held before goes on.
    pub(crate) fn read_again(&self) -> Result<(), ConfigError> {
        let mut config = Config::load(self.file.as_deref())?;
        let now = Arc::clone(&self.holds.borrow());
        for (key, wanted, has) in [
            ("boards_dir", &mut config.boards_dir, &now.boards_dir),
            ("runtime_dir", &mut config.runtime_dir, &now.runtime_dir),
            ("state_dir", &mut config.state_dir, &now.state_dir),
        ] {
            if wanted != has {
                tracing::warn!(key, now = %has.display(), "this key takes effect after a restart");
                wanted.clone_from(has);
            }
        }
        self.holds.send_replace(Arc::new(config));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_file_is_followed_as_long_as_it_is_right() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gateway.toml");
        fs::write(&path, "").unwrap();
        let file = ConfigFile::load(Some(path.clone())).unwrap();
        let mut configuration = file.configuration();
        assert_eq!(*configuration.now(), Config::default());

        fs::write(&path, "state_dir = \"/elsewhere\"\n[mdns]\nenabled = false").unwrap();
        file.read_again().unwrap();
        let changed = configuration.changed().await;
        assert!(!changed.mdns.enabled);
        assert_eq!(changed.state_dir, Config::default().state_dir);

        fs::write(&path, "[mdns]\nenabeld = true").unwrap();
        assert!(file.read_again().is_err());
        assert!(configuration.changed().now_or_never().is_none());
        assert!(!configuration.now().mdns.enabled);
    }

    #[test]
    fn a_configuration_without_a_file_stays() {
        let mut fixed = Configuration::from(Config::default());
        assert!(fixed.changed().now_or_never().is_none());
        assert_eq!(*fixed.now(), Config::default());
    }
}
