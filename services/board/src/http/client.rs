//! The client of another daemon: HTTP over its Unix socket.

use std::io;
use std::path::PathBuf;

use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use super::Body;
use super::answer_first::AnswerFirst;
use crate::Shutdown;

/// Sends requests to one daemon. Each request has a connection of its own, so that a slow one holds
/// up nobody.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
    shutdown: Shutdown,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens on the socket: the daemon is not running.
    #[error("nothing answers on {socket}")]
    NotRunning {
        /// Where it would be.
        socket: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The daemon went away, or the request's own body failed, before there was an answer.
    #[error("the exchange on {socket} broke off")]
    Broken {
        /// Whose socket.
        socket: PathBuf,
        /// How.
        #[source]
        source: hyper::Error,
    },
}

impl Client {
    /// A client of the daemon that listens on `socket`, which need not run yet. Its connections belong
    /// to `shutdown`'s task set.
    pub fn new(socket: impl Into<PathBuf>, shutdown: Shutdown) -> Self {
        Self {
            socket: socket.into(),
            shutdown,
        }
    }

    /// Sends a request and waits for the head of its answer. Dropping the future, or the answer's
    /// body, ends the exchange. An upgrade is to be had from the answer by [`hyper::upgrade::on`].
    pub async fn send(&self, request: Request<Body>) -> Result<Response<Incoming>, ClientError> {
        let stream =
            UnixStream::connect(&self.socket)
                .await
                .map_err(|source| ClientError::NotRunning {
                    socket: self.socket.clone(),
                    source,
                })?;
        let broken = |source| ClientError::Broken {
            socket: self.socket.clone(),
            source,
        };
        let (mut sender, connection) = http1::handshake(TokioIo::new(AnswerFirst(stream)))
            .await
            .map_err(broken)?;
        self.shutdown.spawn(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(%error, "exchange with another daemon ended");
            }
        });
        sender.send_request(request).await.map_err(broken)
    }
}
