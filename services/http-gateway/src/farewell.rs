//! An answer with which a connection ends, whatever its client is still sending.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// How long the client may take over it.
const LONGEST: Duration = Duration::from_secs(2);
/// Bytes of the client's that are read over after the answer: a socket that is closed with something unread is
/// reset, and the client may not see why.
const MOST_BYTES: usize = 256 * 1024;

/// The answer on its way.
#[derive(Debug)]
pub(crate) struct Farewell {
    words: Bytes,
    is_shut: bool,
    unread: usize,
    end: Pin<Box<Sleep>>,
}

impl Farewell {
    /// These bytes are the last ones.
    pub(crate) fn new(words: Vec<u8>) -> Self {
        Self {
            words: words.into(),
            is_shut: false,
            unread: MOST_BYTES,
            end: Box::pin(sleep(LONGEST)),
        }
    }

    /// Goes on until nothing is left to be said or heard.
    pub(crate) fn poll_over<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if self.end.as_mut().poll(context).is_ready() {
            return Poll::Ready(Ok(()));
        }
        while self.words.has_remaining() {
            let size = ready!(Pin::new(&mut *stream).poll_write(context, &self.words))?;
            if size == 0 {
                return Poll::Ready(Ok(()));
            }
            self.words.advance(size);
        }
        if !self.is_shut {
            ready!(Pin::new(&mut *stream).poll_shutdown(context))?;
            self.is_shut = true;
        }
        loop {
            let mut scratch = [0; 4096];
            let mut buffer = ReadBuf::new(&mut scratch);
            ready!(Pin::new(&mut *stream).poll_read(context, &mut buffer))?;
            let size = buffer.filled().len();
            self.unread = self.unread.saturating_sub(size);
            if size == 0 || self.unread == 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}
