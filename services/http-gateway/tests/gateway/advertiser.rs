//! A stand-in for mdns-advertiser: what a test says stands on the network.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use cpy_board::http::{Body, Handler, Limits, Peer as Client, Server, bind_unix, json, sentence};
use cpy_board::status::{AvahiState, NameState, NameStatus, NetworkStatus, Peer, Peers};
use cpy_board::{Daemon, RuntimeDir, Shutdown};
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use tokio::net::UnixListener;

use crate::bench::{DEADLINE, PICO, serial};

/// The daemon, with a Pico's name published.
pub(crate) struct Advertiser {
    runtime_dir: RuntimeDir,
    said: Arc<Mutex<Said>>,
    shutdown: Shutdown,
}

struct Said {
    network: NetworkStatus,
    peers: Peers,
}

struct Answers(Arc<Mutex<Said>>);

impl Advertiser {
    pub(crate) fn new(runtime_dir: &RuntimeDir) -> Self {
        let name = NameStatus {
            hostname: "cpy-7e6f35".parse().unwrap(),
            state: NameState::Published,
            instance_name: Some("Raspberry Pi Pico".into()),
            reason: String::new(),
        };
        let network = NetworkStatus {
            avahi: AvahiState::Running,
            boards: [(serial(PICO), name)].into(),
        };
        let peers = Peers::new();
        Self {
            runtime_dir: runtime_dir.clone(),
            said: Arc::new(Mutex::new(Said { network, peers })),
            shutdown: Shutdown::new(),
        }
    }

    pub(crate) fn start(&mut self) {
        let listener = self.start_silent();
        self.shutdown = Shutdown::new();
        let answers = Answers(Arc::clone(&self.said));
        let server = Server::new(answers, Limits::default(), self.shutdown.clone());
        self.shutdown
            .spawn(async move { server.serve(listener).await });
    }

    pub(crate) async fn stop(&self) {
        assert!(self.shutdown.drain(DEADLINE).await);
        std::fs::remove_file(self.runtime_dir.socket(Daemon::MdnsAdvertiser)).unwrap();
    }

    /// Instead of the service, accepts connections and does nothing, as a daemon that was stopped.
    pub(crate) fn start_silent(&self) -> UnixListener {
        bind_unix(&self.runtime_dir.socket(Daemon::MdnsAdvertiser)).unwrap()
    }

    /// Gives boards their names, for those who follow.
    pub(crate) fn hold(&self, names: &[(&str, &str)]) {
        let names: BTreeMap<_, _> = names
            .iter()
            .map(|(board, name)| (serial(board), name.parse().unwrap()))
            .collect();
        self.runtime_dir.names().write(&names).unwrap();
    }

    pub(crate) fn say(&self, change: impl FnOnce(&mut NetworkStatus)) {
        change(&mut self.said.lock().unwrap().network);
    }

    pub(crate) fn see(&self, hostname: &str, instance_name: &str) {
        self.see_at(80, hostname, instance_name);
    }

    pub(crate) fn see_at(&self, port: u16, hostname: &str, instance_name: &str) {
        self.said.lock().unwrap().peers.push(Peer {
            hostname: hostname.into(),
            instance_name: instance_name.into(),
            port,
            ip: "192.168.1.9".parse().unwrap(),
        });
    }
}

impl Handler for Answers {
    async fn handle(&self, request: Request<Incoming>, _: Client) -> Response<Body> {
        let said = self.0.lock().unwrap();
        match request.uri().path() {
            "/boards" => json(StatusCode::OK, &said.network),
            "/peers" => json(StatusCode::OK, &said.peers),
            _ => sentence(StatusCode::NOT_FOUND, "There is nothing at this path."),
        }
    }
}
