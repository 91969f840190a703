//! A web client for tests: any method, any header, and the whole answer.

use std::net::SocketAddr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::board::Board;
use crate::curl;
use crate::gateway::PASSWORD;
use crate::network::Entrance;
use crate::wait::DEADLINE;

/// A request being put together.
#[derive(Clone, Debug)]
pub struct Call {
    entrance: Entrance,
    address: SocketAddr,
    method: String,
    target: String,
    headers: HeaderMap,
    body: Bytes,
}

/// An answer with its body.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// All header fields.
    pub headers: HeaderMap,
    /// The body, whole.
    pub body: Bytes,
}

/// Why there was no whole answer.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Call {
    /// A request without headers or body.
    pub fn new(address: SocketAddr, method: &str, target: &str) -> Self {
        Self {
            entrance: Entrance::outside(),
            address,
            method: method.to_owned(),
            target: target.to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    /// Made on a machine of a network, with curl.
    #[must_use]
    pub fn on(mut self, entrance: &Entrance) -> Self {
        self.entrance = entrance.clone();
        self
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let name: HeaderName = name.parse().expect("a header name");
        let value = HeaderValue::from_bytes(value.as_ref()).expect("a header value");
        self.headers.append(name, value);
        self
    }

    /// To a host name.
    #[must_use]
    pub fn host(self, host: &str) -> Self {
        self.header(HOST.as_str(), host)
    }

    /// To a board by its name on the network, with the password that tests use.
    #[must_use]
    pub fn to(self, board: &Board) -> Self {
        self.board(board).password(PASSWORD)
    }

    /// To a board, without a password.
    #[must_use]
    pub fn board(self, board: &Board) -> Self {
        let host = format!("{}.local", board.hostname());
        self.host(&host)
    }

    /// With a password and the empty user name.
    #[must_use]
    pub fn password(self, password: &str) -> Self {
        self.header(AUTHORIZATION.as_str(), basic(password))
    }

    /// With a body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends it and gives the whole answer.
    ///
    /// # Panics
    /// When there is none, with what was asked.
    pub async fn send(self) -> Reply {
        let asked = format!("{} {}", self.method, self.target);
        self.try_send()
            .await
            .unwrap_or_else(|error| panic!("{asked}: no answer: {error}"))
    }

    /// Sends it and gives the whole answer, or says why there is none.
    pub async fn try_send(self) -> Result<Reply, Failure> {
        timeout(DEADLINE, self.exchange()).await?
    }

    /// Sends it and checks the status.
    ///
    /// # Panics
    /// When the status is another one, with the answer.
    pub async fn expect(self, status: u16) -> Reply {
        let asked = format!("{} {}", self.method, self.target);
        let reply = self.send().await;
        assert_eq!(reply.status.as_u16(), status, "{asked}: {reply:?}");
        reply
    }

    async fn exchange(self) -> Result<Reply, Failure> {
        if self.entrance.is_outside() {
            self.send_from_here().await
        } else {
            curl::exchange(
                &self.entrance,
                &self.method,
                &format!("http://{}{}", self.address, self.target),
                &self.headers,
                &self.body,
            )
            .await
        }
    }

    async fn send_from_here(self) -> Result<Reply, Failure> {
        let io = TokioIo::new(TcpStream::connect(self.address).await?);
        let (mut sender, connection) = http1::handshake(io).await?;
        let driver = tokio::spawn(connection);
        let mut request = Request::new(Full::new(self.body));
        *request.method_mut() = Method::from_bytes(self.method.as_bytes())?;
        *request.uri_mut() = self.target.parse()?;
        *request.headers_mut() = self.headers;
        let reply = sender.send_request(request).await?;
        let (head, body) = reply.into_parts();
        let body = body.collect().await?.to_bytes();
        driver.abort();
        Ok(Reply {
            status: head.status,
            headers: head.headers,
            body,
        })
    }
}

impl Reply {
    /// A header as text; empty where it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("")
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON, `null` if it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// The value of an Authorization header with this password and the empty user name.
pub fn basic(password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!(":{password}")))
}

/// The head of a request to a board with the password that tests use, to be sent as it is: no empty line at
/// its end yet, so that fields can follow.
pub fn head(method: &str, target: &str, board: &Board) -> String {
    let authorization = basic(PASSWORD);
    format!(
        "{method} {target} HTTP/1.1\r\nHost: {}.local\r\nAuthorization: {authorization}\r\n",
        board.hostname()
    )
}

/// Sends bytes as they are and nothing behind them, and gives all that comes back until the end.
pub async fn raw(address: SocketAddr, request: &[u8]) -> String {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        // The gateway may refuse and close before it has read everything.
        let _ = stream.write_all(request).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&answer).into_owned())
    };
    timeout(DEADLINE, exchange)
        .await
        .expect("the connection is closed")
        .expect("it connects")
}
