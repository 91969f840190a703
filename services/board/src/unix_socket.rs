//! The socket on which a daemon serves the others. A daemon that cannot have it does the rest of its work, and tries
//! again.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::time::sleep;

use crate::daemon::StartError;
use crate::http::bind_unix;
use crate::trouble::Trouble;

/// Between two tries, for instance while the file system is full.
const TRY_AGAIN: Duration = Duration::from_secs(10);

/// A socket that is there, or will be.
#[derive(Debug)]
pub struct UnixSocket {
    path: PathBuf,
    listener: Option<UnixListener>,
    trouble: Trouble,
}

impl UnixSocket {
    /// Listens at this path, or will.
    ///
    /// Errors: another daemon has it. That one does the work already.
    pub fn open(path: &Path) -> Result<Self, StartError> {
        let mut socket = Self {
            path: path.to_owned(),
            listener: None,
            trouble: Trouble::default(),
        };
        match socket.try_to_listen() {
            Err(source) if source.kind() == io::ErrorKind::AddrInUse => Err(StartError::Listen {
                at: path.display().to_string(),
                source,
            }),
            _ => Ok(socket),
        }
    }

    /// The listener, as soon as there is one.
    pub async fn listener(mut self) -> UnixListener {
        loop {
            if let Some(listener) = self.listener.take() {
                return listener;
            }
            sleep(TRY_AGAIN).await;
            // What is wrong has been said.
            let _ = self.try_to_listen();
        }
    }

    fn try_to_listen(&mut self) -> io::Result<()> {
        let path = self.path.display();
        match bind_unix(&self.path) {
            Ok(listener) => {
                if self.trouble.is_over() {
                    tracing::info!(%path, "the other daemons can reach this one again");
                }
                self.listener = Some(listener);
                Ok(())
            }
            Err(error) => {
                if self.trouble.is_news(&error) {
                    tracing::error!(%path, %error,
                        "the other daemons cannot reach this one: cannot listen on its socket, trying again");
                }
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::UnixStream;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_socket_that_cannot_be_had_is_had_once_it_can() {
        let dir = tempfile::tempdir().unwrap();
        // A file where the directory should be: also root cannot listen there.
        let hindrance = dir.path().join("daemon");
        std::fs::write(&hindrance, "").unwrap();
        let path = hindrance.join("http.sock");
        let listener = tokio::spawn(UnixSocket::open(&path).unwrap().listener());
        sleep(TRY_AGAIN * 5).await;
        assert!(!listener.is_finished());
        std::fs::remove_file(&hindrance).unwrap();
        let _listener = listener.await.unwrap();
        UnixStream::connect(&path).await.unwrap();
    }

    #[tokio::test]
    async fn where_a_daemon_answers_no_second_one_waits() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("http.sock");
        let _first = UnixSocket::open(&path).unwrap().listener().await;
        assert!(matches!(
            UnixSocket::open(&path),
            Err(StartError::Listen { .. })
        ));
    }
}
