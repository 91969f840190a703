//! A stream on which an answer counts for more than an error in sending the question.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;

/// A daemon that refuses a request answers before it has read the body, and closes. hyper gives the
/// exchange up when it fails to write, with the answer unread; so what nobody reads any more is dropped
/// here, and the exchange ends with what the daemon said, or with the end of what can be read.
#[derive(Debug)]
pub(super) struct AnswerFirst(pub(super) UnixStream);

impl AsyncRead for AnswerFirst {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for AnswerFirst {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.0).poll_write(context, bytes));
        Poll::Ready(unless_nobody_reads(written, bytes.len()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.0).poll_write_vectored(context, slices));
        let size = slices.iter().map(|slice| slice.len()).sum();
        Poll::Ready(unless_nobody_reads(written, size))
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

fn unless_nobody_reads(written: io::Result<usize>, size: usize) -> io::Result<usize> {
    match written {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
            ) =>
        {
            Ok(size)
        }
        written => written,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn what_was_answered_is_read_after_a_failed_write() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let mut ours = AnswerFirst(ours);
        ours.write_all(b"not read").await.unwrap();
        theirs.write_all(b"refused").await.unwrap();
        drop(theirs);
        ours.write_all(b"more").await.unwrap();
        let mut answer = [0; 7];
        ours.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"refused");
    }
}
