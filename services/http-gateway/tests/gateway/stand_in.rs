//! Stand-ins for the daemons: small services on their sockets. What a path means stands in its name.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use cpy_board::http::{
    Body, Handler, Limits, Peer, Server, bind_unix, empty, json, sentence, stream,
};
use cpy_board::status::{
    ConsoleState, ConsoleStatus, ConsoleStatuses, DriveHealth, DriveState, DriveStatus,
    DriveStatuses,
};
use cpy_board::{Daemon, RuntimeDir, Shutdown};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;
use tokio::sync::watch;

use crate::bench::{DEADLINE, serial};

/// A request that a stand-in got.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Its method and path.
    pub(crate) line: String,
    pub(crate) headers: hyper::HeaderMap,
    /// As far as it has been read.
    pub(crate) body: Vec<u8>,
    /// Whether the body came to its end, well or badly.
    pub(crate) end: Option<bool>,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// What a stand-in got so far.
#[derive(Clone, Debug)]
pub(crate) struct Log(Arc<watch::Sender<Vec<Seen>>>);

impl Log {
    fn new() -> Self {
        Self(Arc::new(watch::channel(Vec::new()).0))
    }

    fn add(&self, request: &Request<Incoming>) -> usize {
        let seen = Seen {
            line: format!("{} {}", request.method(), request.uri()),
            headers: request.headers().clone(),
            body: Vec::new(),
            end: None,
        };
        let mut number = 0;
        self.0.send_modify(|all| {
            number = all.len();
            all.push(seen);
        });
        number
    }

    async fn read(&self, number: usize, mut body: Incoming) {
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => self.0.send_modify(|all| {
                    all[number]
                        .body
                        .extend(frame.into_data().unwrap_or_default());
                }),
                Err(_) => return self.0.send_modify(|all| all[number].end = Some(false)),
            }
        }
        self.0.send_modify(|all| all[number].end = Some(true));
    }

    pub(crate) fn all(&self) -> Vec<Seen> {
        self.0.borrow().clone()
    }

    pub(crate) fn last(&self) -> Seen {
        self.all().pop().expect("nothing was asked")
    }

    /// Waits for a request as described.
    pub(crate) async fn wait(&self, what: &str, is_it: impl Fn(&Seen) -> bool) -> Seen {
        let mut receiver = self.0.subscribe();
        let found = tokio::time::timeout(DEADLINE, receiver.wait_for(|all| all.iter().any(&is_it)));
        match found.await {
            Ok(found) => found
                .unwrap()
                .iter()
                .rfind(|seen| is_it(seen))
                .unwrap()
                .clone(),
            Err(late) => panic!("{late}: never {what}: {:#?}", self.all()),
        }
    }
}

/// file-proxy.
pub(crate) struct Files {
    socket: PathBuf,
    pub(crate) seen: Log,
    pub(crate) drives: Arc<Mutex<DriveStatuses>>,
    shutdown: Shutdown,
}

struct FilesHandler {
    seen: Log,
    drives: Arc<Mutex<DriveStatuses>>,
}

impl Files {
    pub(crate) fn new(runtime_dir: &RuntimeDir) -> Self {
        let drive = DriveStatus {
            state: DriveState::Ready,
            writable: true,
            health: DriveHealth::Sound,
            reason: String::new(),
            free: 900_096,
            total: 1_028_096,
            block_size: 512,
        };
        Self {
            socket: runtime_dir.socket(Daemon::FileProxy),
            seen: Log::new(),
            drives: Arc::new(Mutex::new([(serial(crate::bench::PICO), drive)].into())),
            shutdown: Shutdown::new(),
        }
    }

    pub(crate) fn start(&mut self) {
        let listener = bind_unix(&self.socket).unwrap();
        let handler = FilesHandler {
            seen: self.seen.clone(),
            drives: Arc::clone(&self.drives),
        };
        self.shutdown = Shutdown::new();
        let server = Server::new(handler, Limits::default(), self.shutdown.clone());
        self.shutdown
            .spawn(async move { server.serve(listener).await });
    }

    pub(crate) async fn stop(&self) {
        assert!(self.shutdown.drain(DEADLINE).await);
        std::fs::remove_file(&self.socket).unwrap();
    }

    /// Instead of the service, accepts connections and does nothing, as a daemon that was stopped.
    pub(crate) fn start_silent(&self) -> UnixListener {
        bind_unix(&self.socket).unwrap()
    }

    /// Instead of the service, answers each connection with these bytes as soon as a head has come, and ends it.
    pub(crate) fn start_raw(&self, answer: &'static [u8]) {
        let listener: UnixListener = bind_unix(&self.socket).unwrap();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut head = Vec::new();
                while !head.windows(4).any(|window| window == b"\r\n\r\n") {
                    if stream.read_buf(&mut head).await.unwrap() == 0 {
                        break;
                    }
                }
                let _ = stream.write_all(answer).await;
            }
        });
    }
}

impl Handler for FilesHandler {
    async fn handle(&self, request: Request<Incoming>, _: Peer) -> Response<Body> {
        let number = self.seen.add(&request);
        let path = request.uri().path().to_owned();
        if path == "/boards" {
            return json(StatusCode::OK, &*self.drives.lock().unwrap());
        }
        if let Some(name) = path
            .strip_prefix("/boards/")
            .and_then(|rest| rest.strip_suffix("/drive"))
        {
            return match self.drives.lock().unwrap().get(&serial(name)) {
                Some(drive) => json(StatusCode::OK, drive),
                None => sentence(StatusCode::SERVICE_UNAVAILABLE, "The board has no drive."),
            };
        }
        let expects = request.headers().contains_key("expect");
        if path.contains("missing") {
            return sentence(StatusCode::NOT_FOUND, "There is no such file.");
        }
        if path.contains("refused") {
            return sentence(StatusCode::CONFLICT, "The drive belongs to the board.");
        }
        if path.contains("toolarge") && expects {
            return sentence(StatusCode::EXPECTATION_FAILED, "There is no room.");
        }
        let method = request.method().as_str().to_owned();
        self.seen.read(number, request.into_body()).await;
        match method.as_str() {
            "PUT" | "MOVE" => empty(StatusCode::CREATED),
            "DELETE" => empty(StatusCode::NO_CONTENT),
            _ if path.ends_with('/') => json(StatusCode::OK, &serde_json::json!({"files": []})),
            _ => {
                let mut reply = Response::new(stream(Full::new(Bytes::from_static(b"print(1)\n"))));
                let headers = reply.headers_mut();
                headers.insert("content-type", "text/plain;charset=UTF-8".parse().unwrap());
                headers.insert("connection", "x-hop".parse().unwrap());
                headers.insert("x-hop", "1".parse().unwrap());
                reply
            }
        }
    }
}

/// serial-bridge.
pub(crate) struct Console {
    socket: PathBuf,
    pub(crate) seen: Log,
    shutdown: Shutdown,
}

struct ConsoleHandler {
    seen: Log,
    shutdown: Shutdown,
}

impl Console {
    pub(crate) fn new(runtime_dir: &RuntimeDir) -> Self {
        Self {
            socket: runtime_dir.socket(Daemon::SerialBridge),
            seen: Log::new(),
            shutdown: Shutdown::new(),
        }
    }

    pub(crate) fn start(&mut self) {
        let listener = bind_unix(&self.socket).unwrap();
        self.shutdown = Shutdown::new();
        let handler = ConsoleHandler {
            seen: self.seen.clone(),
            shutdown: self.shutdown.clone(),
        };
        let server = Server::new(handler, Limits::default(), self.shutdown.clone());
        self.shutdown
            .spawn(async move { server.serve(listener).await });
    }

    pub(crate) async fn stop(&self) {
        assert!(self.shutdown.drain(DEADLINE).await);
        std::fs::remove_file(&self.socket).unwrap();
    }

    /// Instead of the service, accepts connections and does nothing, as a daemon that was stopped.
    pub(crate) fn start_silent(&self) -> UnixListener {
        bind_unix(&self.socket).unwrap()
    }
}

impl Handler for ConsoleHandler {
    async fn handle(&self, mut request: Request<Incoming>, _: Peer) -> Response<Body> {
        self.seen.add(&request);
        let status = ConsoleStatus {
            state: ConsoleState::Running,
            title: "code.py".into(),
            clients: 1,
        };
        let all: ConsoleStatuses = [(serial(crate::bench::PICO), status)].into();
        let path = request.uri().path();
        if path == "/boards" {
            return json(StatusCode::OK, &all);
        }
        if !request.headers().contains_key("upgrade") {
            let name = path
                .strip_prefix("/boards/")
                .and_then(|rest| rest.strip_suffix("/console"));
            return match all.get(&serial(name.expect("another path"))) {
                Some(status) => json(StatusCode::OK, status),
                None => sentence(StatusCode::NOT_FOUND, "No such board."),
            };
        }
        if request
            .headers()
            .get("sec-websocket-version")
            .is_none_or(|v| v != "13")
        {
            return sentence(
                StatusCode::UPGRADE_REQUIRED,
                "This is a WebSocket of version 13.",
            );
        }
        let upgrade = hyper::upgrade::on(&mut request);
        let shutdown = self.shutdown.clone();
        self.shutdown.spawn(async move {
            let stream = TokioIo::new(upgrade.await.unwrap());
            let (mut from, mut to) = tokio::io::split(stream);
            tokio::select! {
                _ = tokio::io::copy(&mut from, &mut to) => {}
                () = shutdown.requested() => {}
            }
        });
        let mut reply = empty(StatusCode::SWITCHING_PROTOCOLS);
        for (name, value) in [
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ] {
            reply.headers_mut().insert(name, value.parse().unwrap());
        }
        reply
    }
}
