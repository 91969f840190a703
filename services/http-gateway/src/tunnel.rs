//! A console's WebSocket on its way through the gateway: bytes that are copied both ways, and at the gateway's end
//! a frame that says so.

use std::io;
use std::time::Duration;

use cpy_board::Shutdown;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use crate::frames::Frames;

/// Bytes under way in each direction. Consoles are slow, and serial-bridge keeps what is more.
const BUFFER: usize = 4096;
/// How long a goodbye may take.
const FAREWELL: Duration = Duration::from_secs(1);
/// A server's frame that closes with 1001, going away (RFC 6455, sections 5.5.1 and 7.4.1).
const GOING_AWAY: [u8; 4] = [0x88, 2, 0x03, 0xe9];

/// Copies both ways, until one side ends or the gateway does.
pub(crate) async fn run<C, D>(client: C, console: D, end: &Shutdown) -> io::Result<()>
where
    C: AsyncRead + AsyncWrite + Unpin,
    D: AsyncRead + AsyncWrite + Unpin,
{
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (mut from_console, mut to_console) = tokio::io::split(console);
    let typed = async {
        let mut typed = Passage::new();
        while typed.step(&mut from_client, &mut to_console).await? {}
        to_console.shutdown().await?;
        // The other direction ends when the console has heard it.
        std::future::pending().await
    };
    let mut printed = Passage::new();
    let both_ways = async {
        while printed.step(&mut from_console, &mut to_client).await? {}
        to_client.shutdown().await
    };
    let ended = tokio::select! {
        ended = both_ways => Some(ended),
        ended = typed => Some(ended),
        () = end.requested() => None,
    };
    if let Some(ended) = ended {
        return ended;
    }
    let goodbye = async {
        // What is on its way goes first, and perhaps the console says its own goodbye: it may be ending, too.
        while printed.is_within_a_frame() && printed.step(&mut from_console, &mut to_client).await?
        {
        }
        if printed.frames.takes_another() {
            to_client.write_all(&GOING_AWAY).await?;
        }
        to_client.shutdown().await?;
        // A socket that is closed with something unread is reset, and the client would not see why.
        tokio::io::copy(&mut from_client, &mut tokio::io::sink()).await?;
        Ok(())
    };
    timeout(FAREWELL, goodbye).await.unwrap_or(Ok(()))
}

/// One direction. A step of it may be broken off: what was read and not yet passed on is still here.
struct Passage {
    buffer: Box<[u8; BUFFER]>,
    size: usize,
    sent: usize,
    /// Of what was passed on.
    frames: Frames,
}

impl Passage {
    fn new() -> Self {
        Self {
            buffer: Box::new([0; BUFFER]),
            size: 0,
            sent: 0,
            frames: Frames::default(),
        }
    }

    /// Reads once, or writes once. False: there is nothing more.
    async fn step<R, W>(&mut self, from: &mut R, to: &mut W) -> io::Result<bool>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        if self.sent == self.size {
            let size = from.read(&mut self.buffer[..]).await?;
            (self.size, self.sent) = (size, 0);
            return Ok(size > 0);
        }
        let sent = to.write(&self.buffer[self.sent..self.size]).await?;
        if sent == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        let passed = &self.buffer[self.sent..self.sent + sent];
        self.frames.follow(passed);
        self.sent += sent;
        Ok(true)
    }

    /// Whether something must be passed on before anything else can be said.
    fn is_within_a_frame(&self) -> bool {
        self.sent < self.size || !(self.frames.takes_another() || self.frames.is_closed())
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{DuplexStream, duplex};

    use super::*;

    /// A tunnel, and both its ends.
    fn tunnel() -> (DuplexStream, DuplexStream, Shutdown) {
        let (client, ours) = duplex(64);
        let (console, theirs) = duplex(64);
        let end = Shutdown::new();
        let tunnel_end = end.clone();
        end.spawn(async move { run(ours, theirs, &tunnel_end).await });
        (client, console, end)
    }

    async fn rest(mut client: DuplexStream) -> Vec<u8> {
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.unwrap();
        rest
    }

    #[tokio::test]
    async fn the_end_of_the_gateway_is_said_between_two_frames() {
        let text = [&[0x81, 126, 0, 200][..], &[b'x'; 200]].concat();
        let (mut client, mut console, end) = tunnel();
        let (first, second) = text.split_at(50);
        console.write_all(first).await.unwrap();
        let mut begun = [0; 50];
        client.read_exact(&mut begun).await.unwrap();
        end.request();
        let (rest, written) = tokio::join!(rest(client), console.write_all(second));
        written.unwrap();
        assert_eq!(rest, [second, &GOING_AWAY].concat());
    }

    #[tokio::test]
    async fn the_end_of_an_idle_console_is_said_at_once() {
        let (client, _console, end) = tunnel();
        end.request();
        assert_eq!(rest(client).await, GOING_AWAY);
        assert!(end.drain(FAREWELL * 5).await);
    }

    #[tokio::test]
    async fn what_the_console_said_of_its_own_end_is_all() {
        let (mut client, mut console, end) = tunnel();
        console.write_all(&[0x88, 0]).await.unwrap();
        let mut close = [0; 2];
        client.read_exact(&mut close).await.unwrap();
        end.request();
        assert!(rest(client).await.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_frame_that_does_not_end_is_not_waited_for() {
        let (mut client, mut console, end) = tunnel();
        console.write_all(&[0x81, 5, b'h']).await.unwrap();
        let mut begun = [0; 3];
        client.read_exact(&mut begun).await.unwrap();
        end.request();
        assert!(rest(client).await.is_empty());
        drop(console);
    }
}
