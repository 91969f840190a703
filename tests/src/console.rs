//! A client of a board's console: a WebSocket, and all that came over it.

use futures_util::{SinkExt, StreamExt};
use hyper::header::{AUTHORIZATION, HOST, HeaderValue};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::board::Board;
use crate::gateway::{Gateway, PASSWORD};
use crate::http::basic;
use crate::wait::DEADLINE;

/// An open console.
#[derive(Debug)]
pub struct Console {
    socket: WebSocketStream<Box<dyn Wire>>,
    seen: String,
}

/// What a WebSocket can go over.
pub trait Wire: AsyncRead + AsyncWrite + Unpin + Send + std::fmt::Debug {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + std::fmt::Debug> Wire for T {}

impl Console {
    /// Opens the console of a board.
    pub async fn open(gateway: &Gateway, board: &Board) -> Self {
        Self::try_open(gateway, board)
            .await
            .unwrap_or_else(|error| panic!("{}: no console: {error}", board.hostname()))
    }

    /// Opens the console, or says why it is not to be had.
    pub async fn try_open(gateway: &Gateway, board: &Board) -> Result<Self, tungstenite::Error> {
        let host = format!("{}.local", board.hostname());
        let stream = TcpStream::connect(gateway.address()).await?;
        Self::over(stream, &host, PASSWORD).await
    }

    /// Opens the console of the board that is called `host`, over a connection to its gateway.
    pub async fn over(
        wire: impl Wire + 'static,
        host: &str,
        password: &str,
    ) -> Result<Self, tungstenite::Error> {
        let mut request = format!("ws://{host}/cp/serial/").into_client_request()?;
        let authorization = HeaderValue::try_from(basic(password))?;
        request.headers_mut().insert(AUTHORIZATION, authorization);
        request
            .headers_mut()
            .insert(HOST, HeaderValue::try_from(host)?);
        let wire: Box<dyn Wire> = Box::new(wire);
        let (socket, _) = client_async(request, wire).await?;
        Ok(Self {
            socket,
            seen: String::new(),
        })
    }

    /// Types.
    pub async fn send(&mut self, text: &str) {
        self.message(Message::text(text)).await;
    }

    /// Sends any message.
    pub async fn message(&mut self, message: Message) {
        self.socket
            .send(message)
            .await
            .expect("the console is open");
    }

    /// Reads until `text` has come, and gives all that came up to its end; that is then forgotten.
    ///
    /// # Panics
    /// When it does not come, with what came instead.
    pub async fn until(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = self.seen.find(text) {
                return self.seen.drain(..at + text.len()).collect();
            }
            let message = timeout(DEADLINE, self.next()).await;
            match message {
                Ok(Some(Message::Text(more))) => self.seen.push_str(&more),
                Ok(Some(_)) => {}
                Ok(None) => panic!(
                    "the console closed before {text:?}; it said {:?}",
                    self.tail()
                ),
                Err(elapsed) => panic!("{text:?}: {elapsed}; there was {:?}", self.tail()),
            }
        }
    }

    /// The next message; none after the end.
    pub async fn next(&mut self) -> Option<Message> {
        self.socket.next().await?.ok()
    }

    fn tail(&self) -> String {
        let skipped = self.seen.chars().count().saturating_sub(2000);
        self.seen.chars().skip(skipped).collect()
    }
}
