//! Requests to serial-bridge: the state of consoles, and each WebSocket, which is a tunnel once it is open.

use std::io;
use std::time::Duration;

use cpy_board::http::{Body, empty, stream};
use cpy_board::status::{ConsoleStatus, ConsoleStatuses};
use cpy_board::{Daemon, RuntimeDir, Serial, Shutdown};
use http_body_util::Empty;
use hyper::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::http::request::Parts;
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, Response, StatusCode, Version};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional_with_sizes};
use tokio::time::sleep;
use tracing::Instrument as _;

use crate::accept;
use crate::refusal::Refusal;
use crate::reply::passed_back;
use crate::service::{Service, request};

/// The client's part of the handshake. Extensions are left out: the gateway does not offer any.
const HANDSHAKE: [HeaderName; 3] = [
    SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION,
    SEC_WEBSOCKET_PROTOCOL,
];
/// The daemon's part.
const HANDSHAKE_ANSWER: [HeaderName; 2] = [SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_PROTOCOL];
/// Bytes under way in each direction. Consoles are slow, and serial-bridge keeps what is more.
const BUFFER: usize = 4096;
/// How long opening a console may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The daemon that has the consoles.
#[derive(Clone, Debug)]
pub(crate) struct SerialBridge {
    service: Service,
    shutdown: Shutdown,
}

impl SerialBridge {
    pub(crate) fn new(runtime_dir: &RuntimeDir, shutdown: Shutdown) -> Self {
        Self {
            service: Service::new(Daemon::SerialBridge, runtime_dir, shutdown.clone()),
            shutdown,
        }
    }

    /// Every console.
    pub(crate) async fn consoles(&self) -> Result<ConsoleStatuses, Refusal> {
        let consoles = self.service.document("/boards").await?;
        consoles.map_err(|_| Refusal::BrokeOff(Daemon::SerialBridge))
    }

    /// A board's console, if it is known.
    pub(crate) async fn console(&self, board: &Serial) -> Result<Option<ConsoleStatus>, Refusal> {
        let path = format!("/boards/{board}/console");
        Ok(self.service.document(&path).await?.ok())
    }

    /// Opens a board's console as a WebSocket. From then on bytes are copied both ways, until one side
    /// ends or the gateway does.
    pub(crate) async fn open(
        &self,
        board: &Serial,
        head: Parts,
    ) -> Result<Response<Body>, Refusal> {
        let mut request = request(Method::GET, &format!("/boards/{board}/console"));
        copy(&HANDSHAKE, &head.headers, request.headers_mut());
        mark_upgrade(request.headers_mut());
        let mut answer = self
            .service
            .send(request.map(|()| stream(Empty::new())), sleep(PATIENCE))
            .await?;
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(passed_back(answer));
        }
        let client = hyper::upgrade::on(Request::from_parts(head, ()));
        let console = hyper::upgrade::on(&mut answer);
        self.shutdown
            .spawn(tunnel(client, console, self.shutdown.clone()).in_current_span());
        let mut reply = empty(StatusCode::SWITCHING_PROTOCOLS);
        copy(&HANDSHAKE_ANSWER, answer.headers(), reply.headers_mut());
        mark_upgrade(reply.headers_mut());
        Ok(reply)
    }
}

/// Whether a request asks for a WebSocket (RFC 6455, section 4.2.1).
pub(crate) fn asks_for_websocket(head: &Parts) -> bool {
    head.method == Method::GET
        && head.version == Version::HTTP_11
        && names_websocket(head)
        && lists(head, &CONNECTION, "upgrade")
}

/// Whether a request is about a WebSocket at all.
pub(crate) fn names_websocket(head: &Parts) -> bool {
    lists(head, &UPGRADE, "websocket")
}

fn lists(head: &Parts, name: &HeaderName, wanted: &str) -> bool {
    accept::items(&head.headers, name).any(|item| item.eq_ignore_ascii_case(wanted))
}

async fn tunnel(client: OnUpgrade, console: OnUpgrade, shutdown: Shutdown) {
    let copy = async {
        let (client, console) = tokio::try_join!(client, console)?;
        let (mut client, mut console) = (TokioIo::new(client), TokioIo::new(console));
        // An error is how most clients go: a closed tab, a lost network.
        let ended = carry(&mut client, &mut console).await;
        tracing::debug!(?ended, "console closed");
        Ok::<(), hyper::Error>(())
    };
    tokio::select! {
        result = copy => {
            if let Err(error) = result {
                tracing::debug!(%error, "the console did not open");
            }
        }
        () = shutdown.requested() => {}
    }
}

/// Copies both ways until one side ends; how much it was.
pub(crate) async fn carry<A, B>(client: &mut A, console: &mut B) -> io::Result<(u64, u64)>
where
    A: AsyncRead + AsyncWrite + Unpin + ?Sized,
    B: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    copy_bidirectional_with_sizes(client, console, BUFFER, BUFFER).await
}

fn copy(names: &[HeaderName], from: &HeaderMap, to: &mut HeaderMap) {
    for name in names {
        for value in from.get_all(name) {
            to.append(name, value.clone());
        }
    }
}

fn mark_upgrade(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}
