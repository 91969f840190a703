//! The HTTP interface on the Unix socket: the consoles' status, and each console as a WebSocket.
//!
//! Passwords and origins were checked by the gateway.

use std::sync::Arc;

use cpy_board::http::{Body, Handler, Peer, empty, json, sentence};
use cpy_board::{Serial, Shutdown};
use hyper::body::Incoming;
use hyper::header::{ALLOW, HeaderValue, RETRY_AFTER, SEC_WEBSOCKET_VERSION, UPGRADE};
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tokio_tungstenite::tungstenite::protocol::Role;
use tracing::Instrument;

use crate::client::{self, Client};
use crate::consoles::{Consoles, JoinError};

/// Answers requests from what the consoles are.
#[derive(Debug)]
pub(crate) struct Api {
    consoles: Arc<Consoles>,
    shutdown: Shutdown,
}

/// What a path names.
enum Resource {
    Boards,
    Console(Serial),
}

impl Handler for Api {
    async fn handle(&self, request: Request<Incoming>, _: Peer) -> Response<Body> {
        let Some(resource) = Resource::at(request.uri().path()) else {
            return sentence(StatusCode::NOT_FOUND, "There is nothing at this path.");
        };
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut reply = sentence(
                StatusCode::METHOD_NOT_ALLOWED,
                "A console can only be read, or used as a WebSocket.",
            );
            let methods = HeaderValue::from_static("GET, HEAD");
            reply.headers_mut().insert(ALLOW, methods);
            return reply;
        }
        match resource {
            Resource::Boards => json(StatusCode::OK, &self.consoles.statuses()),
            Resource::Console(serial) if wants_websocket(&request) => {
                self.connect(request, &serial)
            }
            Resource::Console(serial) => match self.consoles.status(&serial) {
                Some(status) => json(StatusCode::OK, &status),
                None => refusal(JoinError::Unknown),
            },
        }
    }
}

impl Api {
    /// An interface to these consoles. Its clients belong to `shutdown`'s task set.
    pub(crate) fn new(consoles: Arc<Consoles>, shutdown: Shutdown) -> Self {
        Self { consoles, shutdown }
    }

    /// Makes the connection a WebSocket.
    fn connect(&self, mut request: Request<Incoming>, serial: &Serial) -> Response<Body> {
        let accepted = match create_response_with_body(&request, || ()) {
            Ok(accepted) => accepted,
            Err(error) => return not_a_handshake(&error),
        };
        let (screen, keyboard) = match self.consoles.join(serial) {
            Ok(place) => place,
            Err(error) => return refusal(error),
        };
        let client = Client {
            screen,
            keyboard,
            shutdown: self.shutdown.clone(),
        };
        let span = tracing::info_span!("client", board = %serial);
        let upgrade = hyper::upgrade::on(&mut request);
        self.shutdown.spawn(serve(client, upgrade).instrument(span));
        let mut reply = empty(accepted.status());
        *reply.headers_mut() = accepted.into_parts().0.headers;
        reply
    }
}

impl Resource {
    fn at(path: &str) -> Option<Self> {
        let mut segments = path.strip_prefix('/')?.split('/');
        match (
            segments.next()?,
            segments.next(),
            segments.next(),
            segments.next(),
        ) {
            ("boards", None, None, None) => Some(Self::Boards),
            ("boards", Some(serial), Some("console"), None) => {
                serial.parse().ok().map(Self::Console)
            }
            _ => None,
        }
    }
}

async fn serve(client: Client, upgrade: OnUpgrade) {
    match upgrade.await {
        Ok(upgraded) => {
            let socket = WebSocketStream::from_raw_socket(
                TokioIo::new(upgraded),
                Role::Server,
                Some(client::websocket_config()),
            );
            client.run(socket.await).await;
        }
        Err(error) => tracing::debug!(%error, "a client left before its WebSocket began"),
    }
}

fn wants_websocket(request: &Request<Incoming>) -> bool {
    request
        .headers()
        .get(UPGRADE)
        .is_some_and(|protocol| protocol.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// RFC 6455, section 4.2.2: a version that is not spoken is answered with the one that is.
fn not_a_handshake(error: &Error) -> Response<Body> {
    match error {
        Error::Protocol(ProtocolError::MissingSecWebSocketVersionHeader) => {
            let mut reply = sentence(
                StatusCode::UPGRADE_REQUIRED,
                "Only version 13 of the WebSocket protocol is spoken here.",
            );
            let version = HeaderValue::from_static("13");
            reply.headers_mut().insert(SEC_WEBSOCKET_VERSION, version);
            reply
        }
        error => sentence(
            StatusCode::BAD_REQUEST,
            format!("This is not the beginning of a WebSocket: {error}."),
        ),
    }
}

/// A console that is full is 503 and not 429 (RFC 6585, section 4): whoever asks has not asked too often, others are
/// there.
fn refusal(error: JoinError) -> Response<Body> {
    let status = match error {
        JoinError::Unknown => StatusCode::NOT_FOUND,
        JoinError::Absent | JoinError::Full(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    let mut reply = sentence(status, error.to_string());
    if let JoinError::Full(_) = error {
        let later = HeaderValue::from_static("10");
        reply.headers_mut().insert(RETRY_AFTER, later);
    }
    reply
}
