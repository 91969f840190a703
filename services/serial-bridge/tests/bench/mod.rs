//! A daemon in a temporary directory, boards that are PTYs, and WebSocket clients.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use cpy_board::http::{Client as HttpClient, empty};
use cpy_board::status::{ConsoleState, ConsoleStatus, ConsoleStatuses};
use cpy_board::{Config, Daemon, RuntimeDir, ServiceManager, Shutdown};
use futures_util::{SinkExt, StreamExt};
use http_body_util::BodyExt;
use hyper::{Method, Request, StatusCode};
use rustix::pty::OpenptFlags;
use tokio::io::unix::AsyncFd;
use tokio::net::UnixStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

/// Long enough that only a fault reaches it.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);
pub(crate) const A1: &str = "A1";

/// Waits for something, but not for ever.
pub(crate) async fn within<F: Future>(what: &str, future: F) -> F::Output {
    timeout(DEADLINE, future)
        .await
        .unwrap_or_else(|_| panic!("not in time: {what}"))
}

/// A daemon.
pub(crate) struct Bench {
    root: tempfile::TempDir,
    pub(crate) shutdown: Shutdown,
}

impl Bench {
    pub(crate) async fn start() -> Self {
        let root = tempfile::tempdir().unwrap();
        let bench = Self {
            root,
            shutdown: Shutdown::new(),
        };
        let config = Config {
            boards_dir: bench.root.path().join("dev"),
            runtime_dir: bench.root.path().join("run"),
            ..Config::default()
        };
        let manager = ServiceManager::default();
        let daemon = cpy_serial_bridge::run(config.into(), manager, bench.shutdown.clone());
        bench.shutdown.spawn(daemon);
        within("the socket", async {
            while UnixStream::connect(bench.socket()).await.is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        bench
    }

    /// A daemon, and a board that it has opened.
    pub(crate) async fn with_board() -> (Self, Board) {
        let bench = Self::start().await;
        let board = Board::new();
        bench.plug_in(A1, &board);
        bench.until_state(A1, ConsoleState::Unknown).await;
        (bench, board)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        RuntimeDir::new(self.root.path().join("run")).socket(Daemon::SerialBridge)
    }

    pub(crate) fn plug_in(&self, serial: &str, board: &Board) {
        let directory = self.root.path().join("dev").join(serial);
        fs::create_dir_all(&directory).unwrap();
        symlink(&board.device, directory.join("console")).unwrap();
    }

    pub(crate) fn remove_link(&self, serial: &str) {
        fs::remove_dir_all(self.root.path().join("dev").join(serial)).unwrap();
    }

    /// Asks for a path and gives the status and the body.
    pub(crate) async fn request(&self, method: Method, path: &str) -> (StatusCode, String) {
        self.request_with(method, path, &[]).await
    }

    pub(crate) async fn request_with(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
    ) -> (StatusCode, String) {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = empty(StatusCode::OK).into_body();
        let client = HttpClient::new(self.socket(), self.shutdown.clone());
        let reply = within("a reply", client.send(request.body(body).unwrap()))
            .await
            .unwrap();
        let status = reply.status();
        let body = reply.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    pub(crate) async fn statuses(&self) -> ConsoleStatuses {
        let (status, body) = self.request(Method::GET, "/boards").await;
        assert_eq!(status, StatusCode::OK);
        serde_json::from_str(&body).unwrap()
    }

    /// Waits until a board's status is as wished.
    pub(crate) async fn until(&self, serial: &str, wish: impl Fn(&ConsoleStatus) -> bool) {
        let serial = serial.parse().unwrap();
        within("the board's status", async {
            while !self.statuses().await.get(&serial).is_some_and(&wish) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }

    pub(crate) async fn until_state(&self, serial: &str, state: ConsoleState) {
        self.until(serial, |status| status.state == state).await;
    }

    pub(crate) async fn join(&self, serial: &str) -> Client {
        self.try_join(serial)
            .await
            .expect("no place at the console")
    }

    pub(crate) async fn try_join(&self, serial: &str) -> Result<Client, Error> {
        let stream = UnixStream::connect(self.socket()).await.unwrap();
        let uri = format!("ws://board/boards/{serial}/console");
        let (socket, _) = tokio_tungstenite::client_async(uri, stream).await?;
        Ok(Client {
            socket,
            seen: String::new(),
        })
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.shutdown.request();
    }
}

/// The board's end of a PTY. Dropped, it is unplugged.
pub(crate) struct Board {
    master: AsyncFd<OwnedFd>,
    pub(crate) device: PathBuf,
}

impl Board {
    /// A terminal as the kernel makes it: cooked, and with echo.
    pub(crate) fn new() -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = rustix::pty::openpt(flags).unwrap();
        rustix::pty::grantpt(&master).unwrap();
        rustix::pty::unlockpt(&master).unwrap();
        rustix::io::ioctl_fionbio(&master, true).unwrap();
        let device = rustix::pty::ptsname(&master, Vec::new()).unwrap();
        #[expect(
            deprecated,
            reason = "the other constructor is unsafe; an owned descriptor stays the same"
        )]
        let master = AsyncFd::new(master).unwrap();
        Self {
            device: device.to_str().unwrap().into(),
            master,
        }
    }

    /// Prints, as fast as the port is read.
    pub(crate) async fn print(&self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let mut ready = self.master.writable().await.unwrap();
            let written = ready.try_io(|master| Ok(rustix::io::write(master.as_fd(), bytes)?));
            if let Ok(written) = written {
                bytes = &bytes[written.unwrap()..];
            }
        }
    }

    /// What was typed next, at least one byte.
    pub(crate) async fn typed(&self) -> Vec<u8> {
        let mut buffer = [0; 4096];
        loop {
            let mut ready = self.master.readable().await.unwrap();
            let read = ready.try_io(|master| Ok(rustix::io::read(master.as_fd(), &mut buffer)?));
            if let Ok(read) = read {
                return buffer[..read.unwrap()].to_vec();
            }
        }
    }

    /// Waits until as many bytes were typed as are expected, and compares.
    pub(crate) async fn expect(&self, expected: &[u8]) {
        let mut typed = Vec::new();
        while typed.len() < expected.len() {
            let more = timeout(DEADLINE, self.typed()).await;
            typed.extend(more.unwrap_or_else(|_| panic!("typed no more than {typed:?}")));
        }
        assert!(
            typed == expected,
            "typed: {:?}",
            String::from_utf8_lossy(&typed)
        );
    }

    /// What was typed and not read yet.
    pub(crate) fn typed_now(&self) -> io::Result<Vec<u8>> {
        let mut buffer = [0; 4096];
        match rustix::io::read(self.master.as_fd(), &mut buffer) {
            Ok(size) => Ok(buffer[..size].to_vec()),
            Err(error) => Err(error.into()),
        }
    }
}

/// A WebSocket client, and all the text that it has seen.
pub(crate) struct Client {
    pub(crate) socket: WebSocketStream<UnixStream>,
    pub(crate) seen: String,
}

impl Client {
    pub(crate) async fn send(&mut self, message: Message) {
        within("sending", self.socket.send(message)).await.unwrap();
    }

    /// The next message that is not text; text is seen.
    pub(crate) async fn next_other(&mut self) -> Option<Message> {
        loop {
            match within("a message", self.socket.next()).await {
                Some(Ok(Message::Text(text))) => self.seen.push_str(&text),
                Some(Ok(message)) => return Some(message),
                Some(Err(error)) => panic!("{error}, seen: {:?}", self.seen),
                None => return None,
            }
        }
    }

    /// Reads until the daemon says goodbye, and tells why it does.
    pub(crate) async fn until_close(&mut self) -> CloseCode {
        match self.next_other().await {
            Some(Message::Close(Some(frame))) => frame.code,
            other => panic!("{other:?}, seen: {:?}", tail(&self.seen)),
        }
    }

    /// Reads until the text ends as expected.
    pub(crate) async fn until_end(&mut self, end: &str) {
        while !self.seen.ends_with(end) {
            match timeout(DEADLINE, self.socket.next()).await {
                Ok(Some(Ok(Message::Text(text)))) => self.seen.push_str(&text),
                other => panic!("{other:?}, seen: {:?}", tail(&self.seen)),
            }
        }
    }
}

fn tail(text: &str) -> String {
    let skip = text.chars().count().saturating_sub(300);
    text.chars().skip(skip).collect()
}

/// The mode of a file, to see who may use it.
pub(crate) fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
