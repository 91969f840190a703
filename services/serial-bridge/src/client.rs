//! One WebSocket client of a console (RFC 6455).
//!
//! Two things go on at the same time, neither waiting for the other: what the console printed goes
//! out, what the client typed goes in. Pings and the closing handshake are answered by the WebSocket
//! library whenever something is read. A client that types more than the board takes is not read any
//! further; one that does not read misses what it was too slow for, and is told.

use std::convert::Infallible;
use std::time::Duration;

use cpy_board::Shutdown;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::console::Screen;
use crate::input::Keyboard;

/// The longest message that a client may send.
const LONGEST_MESSAGE: usize = 1024 * 1024;
/// How long a closing handshake may take.
const FAREWELL: Duration = Duration::from_secs(1);
const NOT_SENT: &str = "\r\n[Not sent: the board's console is not open.]\r\n";

/// A client and its place at a console.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) screen: Screen,
    pub(crate) keyboard: Keyboard,
    pub(crate) shutdown: Shutdown,
}

/// How it ends.
#[derive(Debug)]
enum End {
    /// The client said goodbye.
    Closed,
    /// The connection is gone, or broken beyond words.
    Lost,
    /// It is for us to say goodbye, and why.
    Dismissed(CloseCode),
}

type Sink<S> = SplitSink<WebSocketStream<S>, Message>;
type Stream<S> = SplitStream<WebSocketStream<S>>;

/// The settings of a client's WebSocket: small buffers, because most of the time they are empty.
pub(crate) fn websocket_config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(4096)
        .write_buffer_size(0)
        .max_message_size(Some(LONGEST_MESSAGE))
        .max_frame_size(Some(LONGEST_MESSAGE))
}

impl Client {
    /// Serves the client until one side ends it.
    pub(crate) async fn run<S>(self, socket: WebSocketStream<S>)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Self {
            screen,
            keyboard,
            shutdown,
        } = self;
        let (mut sink, mut stream) = socket.split();
        // Room for one: a notice that waits is as good as two.
        let (notices, noticed) = mpsc::channel(1);
        let both_ways = async {
            tokio::select! {
                end = read(&mut stream, &keyboard, &notices) => end,
                Err(error) = write(&mut sink, screen, noticed) => End::from(error),
            }
        };
        let end = tokio::select! {
            // The end first: then the port is closed, too, but the board is not gone.
            biased;
            () = shutdown.requested() => End::Dismissed(CloseCode::Away),
            end = both_ways => end,
        };
        tracing::debug!(?end, "client ends");
        // In vain where the client does not read; and the daemon's end does not wait for that.
        let _ = timeout(FAREWELL, say_goodbye(sink, stream, end)).await;
    }
}

/// Takes what the client types, for as long as there is room for it.
async fn read<S>(
    stream: &mut Stream<S>,
    keyboard: &Keyboard,
    notices: &mpsc::Sender<&'static str>,
) -> End
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut told = None;
    loop {
        keyboard.room().await;
        let message = match stream.next().await {
            Some(Ok(message)) => message,
            Some(Err(error)) => return End::from(error),
            None => return End::Lost,
        };
        let typed = match &message {
            Message::Text(text) => text.as_bytes(),
            Message::Binary(bytes) => bytes,
            Message::Close(_) => return End::Closed,
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
        };
        if typed.is_empty() {
            continue;
        }
        if let Err(absence) = keyboard.typed(typed)
            && told != Some(absence)
        {
            told = Some(absence);
            let _ = notices.try_send(NOT_SENT);
        }
    }
}

/// Sends what the console prints, at the pace at which the client takes it.
async fn write<S>(
    sink: &mut Sink<S>,
    mut screen: Screen,
    mut notices: mpsc::Receiver<&'static str>,
) -> Result<Infallible, Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        tokio::select! {
            Some(notice) = notices.recv() => sink.send(Message::text(notice)).await?,
            piece = screen.next() => {
                if piece.skipped > 0 {
                    sink.feed(Message::text(skip_notice(piece.skipped))).await?;
                }
                sink.send(Message::text(piece.text)).await?;
            }
        }
    }
}

fn skip_notice(bytes: u64) -> String {
    format!("\r\n[... {bytes} bytes skipped: this connection is too slow ...]\r\n")
}

/// Ends the connection in good order, however long the client takes.
async fn say_goodbye<S>(mut sink: Sink<S>, mut stream: Stream<S>, end: End) -> Result<(), Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match end {
        End::Lost => {}
        // Reading on sends the library's reply.
        End::Closed => while stream.next().await.is_some() {},
        End::Dismissed(code) => {
            let reason = "".into();
            let close = Message::Close(Some(CloseFrame { code, reason }));
            sink.send(close).await?;
            while let Some(Ok(_)) = stream.next().await {}
            // After an error nothing more is read as messages. But closing a socket with unread bytes
            // resets it, and the client would not see why.
            if let Ok(mut socket) = sink.reunite(stream) {
                let io = socket.get_mut();
                io.shutdown().await?;
                tokio::io::copy(io, &mut tokio::io::sink()).await?;
            }
        }
    }
    Ok(())
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        match error {
            Error::Capacity(_) => Self::Dismissed(CloseCode::Size),
            Error::Utf8(_) => Self::Dismissed(CloseCode::Invalid),
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Self::Lost,
            Error::Protocol(_) => Self::Dismissed(CloseCode::Protocol),
            _ => Self::Lost,
        }
    }
}
