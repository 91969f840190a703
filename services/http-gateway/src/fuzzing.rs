//! The parsers of what strangers send, as the fuzz targets reach them (tests/fuzz): bytes in, plain values out.
//! It is there with the feature `fuzzing` only, for nobody else, and owns nothing but the way in.

use std::net::SocketAddr;

use bytes::Bytes;
use cpy_board::http::Limits;
use cpy_board::{Hostname, Record, Serial, Shutdown};
use futures_util::{Stream, TryStreamExt};
use hyper::Method;
use hyper::http::request::Parts;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::accept;
use crate::auth::Credentials;
use crate::boards::{Board, Boards};
use crate::file_proxy::files_path;
use crate::form::{Boundary, Files};
use crate::framed_stream::FramedStream;
use crate::host::RequestHost;
use crate::origin::Origin;
use crate::resource::Resource;
use crate::routing::{Arrival, OwnNames, Route, route};
use crate::serial_bridge::asks_for_websocket;
use crate::service::request;
use crate::tunnel;

/// A client's connection as hyper gets to read it.
pub fn framed<S>(stream: S, limits: Limits) -> impl AsyncRead + AsyncWrite + Unpin
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    FramedStream::new(stream, limits)
}

/// What the gateway takes a request's head for.
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are answers to questions that have nothing to do with each other"
)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Understood {
    /// The host as it was sent.
    pub host: Option<String>,
    /// Where the request leads: a board's host name, or none.
    pub board: Option<String>,
    /// The password that it brings.
    pub password: Option<Vec<u8>>,
    /// Whether the page that it comes from may ask this.
    pub is_allowed: bool,
    /// Whether the resource is behind the password.
    pub needs_password: bool,
    /// Whether the resource takes the method.
    pub takes_method: bool,
    /// The target that file-proxy would be asked for.
    pub forwarded: Option<String>,
    /// The boundary of the form that it announces.
    pub boundary: Option<String>,
    /// Whether it takes gzip, and names JSON.
    pub takes: (bool, bool),
    /// Whether it asks for a WebSocket.
    pub websocket: bool,
}

/// The boards of a gateway whose machine is called `raspberrypi`: `cpy-00000a` on port 8001 and `cpy-00000b` on 8002.
#[derive(Debug)]
pub struct Gateway {
    boards: Boards,
    own: OwnNames,
    origins: Vec<String>,
}

impl Default for Gateway {
    fn default() -> Self {
        let boards = [("00000a", 8001), ("00000b", 8002)];
        Self {
            boards: Boards::new(boards.map(|(digits, port)| board(digits, port)), &[80]),
            own: OwnNames::new("raspberrypi"),
            origins: vec!["https://code.circuitpython.org".to_owned()],
        }
    }
}

impl Gateway {
    /// Reads the head of a request that came in at `local`.
    pub fn understand(&self, head: &Parts, client: SocketAddr, local: SocketAddr) -> Understood {
        let resource = Resource::of(head.uri.path()).with(head.uri.query());
        let host = RequestHost::of(head).ok();
        let arrival = Arrival {
            client: client.ip(),
            port: local.port(),
            for_a_board: resource.is_of_a_board(),
        };
        let led = host
            .as_ref()
            .map(|host| route(host, arrival, &self.boards, &self.own));
        let board = match led {
            Some(Route::Board(board)) => Some(board),
            _ => None,
        };
        let is_file = matches!(resource, Resource::Files { .. } | Resource::Kept(_));
        let forwarded = board.as_ref().filter(|_| is_file).map(|board| {
            let target = files_path(&board.serial, head);
            request(Method::GET, &target).uri().to_string()
        });
        let text = host.map(|host| host.text);
        Understood {
            is_allowed: Origin::of(&head.headers).is_allowed(
                text.as_deref().unwrap_or_default(),
                &self.origins,
                resource.is_public_document(),
            ),
            host: text,
            board: board.map(|board| board.hostname.to_string()),
            password: match Credentials::of(&head.headers) {
                Credentials::Password(password) => Some(password),
                Credentials::None | Credentials::Unusable => None,
            },
            needs_password: resource.needs_password(),
            takes_method: resource.allows(&head.method),
            forwarded,
            boundary: Boundary::of(head).ok().map(Boundary::into_text),
            takes: (
                accept::gzip(&head.headers),
                accept::names_type(&head.headers, "application/json"),
            ),
            websocket: asks_for_websocket(head),
        }
    }
}

fn board(digits: &str, port: u16) -> Board {
    let parse = "a board's digits make a serial and a name";
    Board {
        serial: digits.parse::<Serial>().expect(parse),
        hostname: format!("cpy-{digits}").parse::<Hostname>().expect(parse),
        attached: true,
        port: Some(port),
        record: Record::default(),
        has_drive: true,
        unread: false,
        refused_port: None,
    }
}

/// The files of a form, each with the path's component that it would be written to; and whether the form came to
/// its end.
pub async fn files_of_form<S, E>(boundary: &str, body: S) -> (Vec<(String, Vec<u8>)>, bool)
where
    S: Stream<Item = Result<Bytes, E>> + Send + 'static,
    E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
{
    let mut files = Files::new(body, boundary);
    let mut found = Vec::new();
    loop {
        let (name, part) = match files.next().await {
            Ok(Some(file)) => file,
            Ok(None) => return (found, true),
            Err(_) => return (found, false),
        };
        let content: Result<Vec<Bytes>, _> = part.try_collect().await;
        let Ok(content) = content else {
            return (found, false);
        };
        found.push((name, content.concat()));
    }
}

/// Copies both ways between a client's WebSocket and a console's, until one side ends.
pub async fn tunnel<A, B>(client: A, console: B)
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    let _ = tunnel::run(client, console, &Shutdown::new()).await;
}
