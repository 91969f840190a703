//! What the daemons answer when cpyctl asks them, each within a deadline: one that hangs must not take
//! cpyctl with it.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use cpy_board::http::{self, Client, ClientError};
use cpy_board::{Daemon, Hostname, RuntimeDir, Serial, Shutdown};
use futures_util::{StreamExt as _, stream};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::output::plain;

/// How long a daemon may take where somebody waits for a table.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// How long a change to a drive may take.
pub(crate) const SAVE_PATIENCE: Duration = Duration::from_secs(60);

/// How many ports are asked at a time.
const AT_A_TIME: usize = 16;

/// What a daemon said, or why it said nothing.
pub(crate) type Answer<T> = Result<T, Silence>;

/// Why a daemon said nothing of use. The first text is who was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Silence {
    /// Whoever runs this may not ask.
    #[error("only root and the gateway's users may ask {0}: use sudo")]
    Forbidden(String),
    /// It takes the question and gives no answer.
    #[error("{0} does not answer")]
    Hangs(String),
    /// There is nobody to ask: how that shows.
    #[error("{0} is not running ({1})")]
    NotRunning(String, String),
    /// Somebody else answers where http-gateway is to: another program, or systemd, which closes connections when
    /// it cannot start the service.
    #[error(
        "http-gateway is not reached at {0}: something else listens there, and `sudo cpyctl doctor` says what"
    )]
    Stranger(SocketAddr),
    /// Nobody answers where http-gateway is to. Whether it runs for the boards' own ports is not known.
    #[error("http-gateway is not reached at {0}: nothing answers there")]
    Unreached(SocketAddr),
    /// http-gateway runs, as the boards' own ports show, and nobody answers where it is to.
    #[error("http-gateway runs, and is not reached at {0}")]
    Elsewhere(SocketAddr),
    /// What it says cannot be understood.
    #[error("{0} gives an answer of another version")]
    OtherVersion(String),
}

/// A board as http-gateway routes to it.
#[derive(Debug, Deserialize)]
pub(crate) struct RoutedBoard {
    pub(crate) serial: Serial,
    pub(crate) hostname: Hostname,
    /// Its own port, if there was one left.
    pub(crate) port: Option<u16>,
}

/// What http-gateway says of itself and the boards: what cpyctl needs of `/cp/boards.json`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Routes {
    pub(crate) boards: Vec<RoutedBoard>,
    /// What is wrong with it, a sentence each.
    pub(crate) problems: Vec<String>,
}

/// What a daemon says of all boards.
pub(crate) async fn statuses<T: DeserializeOwned>(
    runtime_dir: &RuntimeDir,
    daemon: Daemon,
    patience: Duration,
) -> Answer<T> {
    let name = || daemon.name().to_owned();
    match timeout(patience, ask(runtime_dir, daemon)).await {
        Err(_) => Err(Silence::Hangs(name())),
        Ok(Ok(body)) => serde_json::from_slice(&body).map_err(|_| Silence::OtherVersion(name())),
        Ok(Err(error)) if is_forbidden(&error) => Err(Silence::Forbidden(name())),
        Ok(Err(error)) => Err(Silence::NotRunning(name(), error.to_string())),
    }
}

async fn ask(runtime_dir: &RuntimeDir, daemon: Daemon) -> Result<Bytes> {
    let client = Client::new(runtime_dir.socket(daemon), Shutdown::new());
    let request = Request::get("/boards")
        .header(HOST, daemon.name())
        .body(http::stream(Empty::new()))?;
    Ok(read(client.send(request).await?).await?)
}

/// Asks file-proxy something without a body, for somebody who waits for it to be done.
pub(crate) async fn ask_file_proxy(
    runtime_dir: &RuntimeDir,
    method: Method,
    target: &str,
) -> Result<Response<Incoming>> {
    let request = Request::builder().method(method).uri(target);
    let request = request.body(http::stream(Empty::new()))?;
    send_to_file_proxy(runtime_dir, request, SAVE_PATIENCE).await
}

/// Sends file-proxy a request, and waits so long for the answer.
pub(crate) async fn send_to_file_proxy(
    runtime_dir: &RuntimeDir,
    mut request: Request<http::Body>,
    patience: Duration,
) -> Result<Response<Incoming>> {
    let name = Daemon::FileProxy.name();
    request
        .headers_mut()
        .insert(HOST, HeaderValue::from_static(name));
    let client = Client::new(runtime_dir.socket(Daemon::FileProxy), Shutdown::new());
    match timeout(patience, client.send(request)).await {
        Err(_) => Err(Silence::Hangs(name.to_owned()).into()),
        Ok(Ok(reply)) => Ok(reply),
        Ok(Err(error)) => {
            let error = error.into();
            Err(if is_forbidden(&error) {
                Silence::Forbidden(name.to_owned()).into()
            } else {
                error
            })
        }
    }
}

/// An answer that is a success; of any other its sentence is the error.
pub(crate) async fn success(reply: Response<Incoming>) -> Result<Response<Incoming>> {
    if reply.status().is_success() {
        return Ok(reply);
    }
    let sentence = content(reply).await?;
    bail!("{}", plain(String::from_utf8_lossy(&sentence).trim_end()))
}

/// What an answer holds.
pub(crate) async fn content(reply: Response<Incoming>) -> Result<Bytes> {
    read(reply).await.context("the answer broke off")
}

fn is_forbidden(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref(),
        Some(ClientError::NotRunning { source, .. })
            if source.kind() == std::io::ErrorKind::PermissionDenied
    )
}

/// What http-gateway, which listens on these addresses, says.
pub(crate) async fn routes(listen: &[SocketAddr], patience: Duration) -> Answer<Routes> {
    let address = here(listen);
    timeout(patience, ask_gateway(address))
        .await
        .unwrap_or_else(|_| Err(Silence::Hangs(format!("http-gateway on {address}"))))
}

/// What http-gateway says at the first of the boards' own `ports` at which it answers. Each of them tells of all
/// boards. Whether it is the gateway of the boards that are `attached` here, its answer shows.
pub(crate) async fn routes_at_own_ports(
    listen: &[SocketAddr],
    ports: impl IntoIterator<Item = u16>,
    attached: &BTreeSet<Serial>,
    patience: Duration,
) -> Option<Routes> {
    let ip = here(listen).ip();
    // Several at once: somebody else's port may take the question and say nothing.
    let asked = ports
        .into_iter()
        .map(|port| ask_gateway(SocketAddr::new(ip, port)));
    let ours = async {
        let mut answers = stream::iter(asked).buffer_unordered(AT_A_TIME);
        while let Some(answer) = answers.next().await {
            let is_attached = |board: &RoutedBoard| attached.contains(&board.serial);
            match answer {
                Ok(routes) if routes.boards.iter().any(is_attached) => return Some(routes),
                _ => {}
            }
        }
        None
    };
    timeout(patience, ours).await.unwrap_or_default()
}

/// An address at which this machine reaches what listens on the first of these.
pub(crate) fn here(listen: &[SocketAddr]) -> SocketAddr {
    let first = listen
        .first()
        .copied()
        .unwrap_or((Ipv4Addr::LOCALHOST, 80).into());
    if first.ip().is_unspecified() {
        // `[::]` takes IPv4 as well, and is 0.0.0.0 where there is no IPv6.
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), first.port())
    } else {
        first
    }
}

async fn ask_gateway(address: SocketAddr) -> Answer<Routes> {
    let stream = TcpStream::connect(address).await.map_err(|_| {
        Silence::NotRunning(
            "http-gateway".into(),
            format!("nothing answers on {address}"),
        )
    })?;
    ask_web_server(stream)
        .await
        .map_err(|_| Silence::Stranger(address))
}

/// What a web server says, if it is http-gateway.
async fn ask_web_server(stream: TcpStream) -> Result<Routes> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    Shutdown::new().spawn(async move {
        // How it ends, the answer says.
        let _ = connection.await;
    });
    let request = Request::get("/cp/boards.json")
        .header(HOST, "localhost")
        .body(Empty::<Bytes>::new())?;
    let reply = sender.send_request(request).await?;
    ensure!(reply.status() == StatusCode::OK, "it knows no boards");
    Ok(serde_json::from_slice(&read(reply).await?)?)
}

async fn read(reply: Response<Incoming>) -> hyper::Result<Bytes> {
    Ok(reply.into_body().collect().await?.to_bytes())
}

#[cfg(test)]
mod tests {
    use cpy_board::http::bind_unix;
    use cpy_board::status::ConsoleStatuses;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_daemon_that_hangs_is_said_to_give_no_answer() {
        let dir = tempfile::tempdir().unwrap();
        let runtime_dir = RuntimeDir::new(dir.path());
        let _never_accepts = bind_unix(&runtime_dir.socket(Daemon::SerialBridge)).unwrap();
        let answer =
            statuses::<ConsoleStatuses>(&runtime_dir, Daemon::SerialBridge, PATIENCE).await;
        let hangs = answer.unwrap_err().to_string();
        assert_eq!(hangs, "serial-bridge does not answer");
        let gone = statuses::<ConsoleStatuses>(&runtime_dir, Daemon::FileProxy, PATIENCE).await;
        let sentence = gone.unwrap_err().to_string();
        assert!(
            sentence.starts_with("file-proxy is not running"),
            "{sentence}"
        );
    }

    #[tokio::test]
    async fn a_gateway_that_hangs_is_said_to_give_no_answer() {
        let never_accepts = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = never_accepts.local_addr().unwrap();
        let sentence = routes(&[address], PATIENCE).await.unwrap_err().to_string();
        assert_eq!(
            sentence,
            format!("http-gateway on {address} does not answer")
        );
    }

    /// A web server that gives everybody this answer.
    async fn web_server(status: &'static str, body: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Shutdown::new().spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let length = body.len();
                let reply = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}");
                let asked = client.read(&mut [0; 4096]).await.unwrap();
                assert!(asked > 0);
                client.write_all(reply.as_bytes()).await.unwrap();
            }
        });
        address
    }

    #[tokio::test]
    async fn another_program_in_the_place_of_the_gateway_is_no_gateway_that_does_not_run() {
        let address = web_server("404 Not Found", "").await;
        let silence = routes(&[address], PATIENCE).await.unwrap_err();
        assert_eq!(silence, Silence::Stranger(address));
        let sentence = silence.to_string();
        assert_eq!(
            sentence,
            format!(
                "http-gateway is not reached at {address}: something else listens there, and `sudo cpyctl doctor` \
                 says what"
            )
        );
    }

    #[tokio::test]
    async fn boards_are_told_at_the_ports_that_are_theirs_and_by_the_gateway_whose_they_are() {
        let stranger = web_server("200 OK", "hello").await;
        let mut hanging = Vec::new();
        for _ in 0..8 {
            hanging.push(TcpListener::bind("127.0.0.1:0").await.unwrap());
        }
        let hanging = hanging.iter().map(|port| port.local_addr().unwrap().port());
        let gateway = web_server(
            "200 OK",
            r#"{"boards":[{"serial":"A0000001","hostname":"cpy-000001","port":8001}],"problems":[]}"#,
        )
        .await;
        let found = async |attached: &str| {
            let attached = BTreeSet::from([attached.parse().unwrap()]);
            let ports = hanging.clone().chain([stranger.port(), gateway.port()]);
            routes_at_own_ports(&[stranger], ports, &attached, PATIENCE).await
        };
        assert_eq!(found("A0000001").await.unwrap().boards[0].port, Some(8001));
        assert!(found("B0000001").await.is_none());
    }

    #[tokio::test]
    async fn few_ports_are_asked_at_a_time() {
        let mut hanging = Vec::new();
        for _ in 0..2 * AT_A_TIME {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.set_nonblocking(true).unwrap();
            hanging.push(listener);
        }
        let ports = hanging.iter().map(|port| port.local_addr().unwrap().port());
        let listen = [([127, 0, 0, 1], 80).into()];
        let attached = BTreeSet::new();
        let found = routes_at_own_ports(&listen, ports, &attached, Duration::from_millis(200));
        assert!(found.await.is_none());
        let asked = hanging.iter().filter(|port| port.accept().is_ok()).count();
        assert_eq!(asked, AT_A_TIME);
    }

    #[test]
    fn any_address_is_reached_on_loopback() {
        for (listen, expected) in [
            ("[::]:80", "127.0.0.1:80"),
            ("0.0.0.0:8080", "127.0.0.1:8080"),
            ("[::1]:8080", "[::1]:8080"),
            ("192.168.1.7:80", "192.168.1.7:80"),
        ] {
            assert_eq!(here(&[listen.parse().unwrap()]).to_string(), expected);
        }
    }
}
