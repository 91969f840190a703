//! Those for whom there is no place: told why, a few at a time. Where there are more of them than that, the
//! connection just ends: nobody who is turned away may cost what a place costs.

use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::last_words;
use super::places::Full;
use crate::Shutdown;

/// Who are told at the same time.
const AT_A_TIME: usize = 32;
/// How long each of them may take.
const LONGEST: Duration = Duration::from_secs(2);
/// When it is worth another try: idle connections make room at once, others have something to do.
const LATER: Duration = Duration::from_secs(2);
/// More than a head has.
const MOST_BYTES: usize = 64 * 1024;

/// Tells them.
#[derive(Clone, Debug)]
pub(super) struct Porter {
    free: Arc<Semaphore>,
    shutdown: Shutdown,
}

impl Porter {
    pub(super) fn new(shutdown: Shutdown) -> Self {
        Self {
            free: Arc::new(Semaphore::new(AT_A_TIME)),
            shutdown,
        }
    }

    /// Ends a connection. It does not wait.
    pub(super) fn turn_away<I>(&self, io: I, full: Full)
    where
        I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let Ok(hand) = Arc::clone(&self.free).try_acquire_owned() else {
            return;
        };
        let end = self.shutdown.clone();
        self.shutdown.spawn(async move {
            tokio::select! {
                // What the client makes of it is its own affair.
                _ = timeout(LONGEST, tell(io, full)) => {}
                () = end.requested() => {}
            }
            drop(hand);
        });
    }
}

async fn tell<I: AsyncRead + AsyncWrite + Unpin>(mut io: I, full: Full) -> std::io::Result<()> {
    let why = match full {
        Full::All => "The gateway has as many connections as it can have, and all are in use.",
        Full::Address => {
            "Your address has as many connections to this gateway as one can have, and all are in use."
        }
    };
    // Not before it has asked: some clients take an answer to nothing for a fault.
    let mut buffer = vec![0; 4096];
    if io.read(&mut buffer).await? == 0 {
        return Ok(());
    }
    let words = last_words(StatusCode::SERVICE_UNAVAILABLE, Some(LATER), why);
    io.write_all(&words).await?;
    io.shutdown().await?;
    // A socket that is closed with something unread is reset, and the client would not see why.
    let mut read = 0;
    while read < MOST_BYTES {
        match io.read(&mut buffer).await? {
            0 => break,
            size => read += size,
        }
    }
    Ok(())
}
