//! A stream whose other side may be slow, but must take something from time to time.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::places::Place;

/// Writing fails with `TimedOut` when it has waited for so long without taking a byte. There is a timer
/// only while something waits to be written.
#[derive(Debug)]
pub(super) struct WriteDeadline<S> {
    stream: S,
    /// None: it may wait for ever.
    longest: Option<Duration>,
    waiting: Option<Pin<Box<Sleep>>>,
    /// Here it lives as long as the connection does, whatever goes over it.
    place: Option<Arc<Place>>,
}

impl<S> WriteDeadline<S> {
    pub(super) fn new(stream: S, longest: Option<Duration>) -> Self {
        Self {
            stream,
            longest,
            waiting: None,
            place: None,
        }
    }

    /// With the place of its connection.
    pub(super) fn at(self, place: Arc<Place>) -> Self {
        Self {
            place: Some(place),
            ..self
        }
    }

    /// What a step of writing came to, or that it waits for too long.
    fn watch<T>(
        &mut self,
        step: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if let Some(place) = &self.place {
            place.sends(step.is_pending());
        }
        let (Poll::Pending, Some(longest)) = (&step, self.longest) else {
            self.waiting = None;
            return step;
        };
        let timer = self.waiting.get_or_insert_with(|| Box::pin(sleep(longest)));
        timer
            .as_mut()
            .poll(context)
            .map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteDeadline<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteDeadline<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let step = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(step, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let step = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.watch(step, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    // Flushing and shutting down a socket never wait, and must not end another's wait.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::Instant;

    use super::*;

    const LONGEST: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_given_up() {
        let (ours, _theirs) = duplex(8);
        let mut ours = WriteDeadline::new(ours, Some(LONGEST));
        let begun = Instant::now();
        let error = ours.write_all(b"more than fits").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(begun.elapsed().as_secs(), LONGEST.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_a_little_at_a_time_gets_all() {
        let (ours, mut theirs) = duplex(1);
        let mut ours = WriteDeadline::new(ours, Some(LONGEST));
        let slow = async {
            let mut taken = Vec::new();
            while taken.len() < 5 {
                sleep(LONGEST / 2).await;
                taken.push(theirs.read_u8().await.unwrap());
            }
            taken
        };
        let (sent, taken) = tokio::join!(ours.write_all(b"bytes"), slow);
        sent.unwrap();
        assert_eq!(taken, b"bytes");
    }

    #[tokio::test(start_paused = true)]
    async fn reading_waits_for_ever() {
        let (ours, mut theirs) = duplex(8);
        let mut ours = WriteDeadline::new(ours, Some(LONGEST));
        let later = async {
            sleep(100 * LONGEST).await;
            theirs.write_u8(1).await.unwrap();
        };
        let (read, ()) = tokio::join!(ours.read_u8(), later);
        assert_eq!(read.unwrap(), 1);
    }
}
