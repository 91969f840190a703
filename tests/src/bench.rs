//! One board at one gateway, as most tests want it: what they ask of its drive, and what goes away and comes back.

use serde_json::Value;

use crate::board::Board;
use crate::gateway::Gateway;
use crate::http::{Call, Reply};

/// A gateway that runs, and a board that can be used. Paths are those below `/fs/`.
#[derive(Debug)]
pub struct Bench {
    /// The board. Dropped before the gateway, in whose directory its image is.
    pub board: Board,
    /// The gateway.
    pub gateway: Gateway,
}

impl Bench {
    /// A board of this serial, whose drive is as it comes.
    pub async fn new(serial: &str) -> Self {
        let gateway = Gateway::start().await;
        let board = gateway.plug(serial, &[]).await;
        Self { board, gateway }
    }

    /// A request to the board, with its password.
    pub fn call(&self, method: &str, target: &str) -> Call {
        self.gateway.call(method, target).to(&self.board)
    }

    /// Asks the board as its pages do, which want JSON, and checks the status.
    ///
    /// # Panics
    /// When the status is another one, with the answer.
    pub async fn ask(&self, method: &str, target: &str, body: &str, status: u16) -> Reply {
        let call = self.call(method, target);
        let call = call.header("Accept", "application/json");
        call.body(body.to_owned()).expect(status).await
    }

    /// Saves a file, or makes a directory.
    ///
    /// # Panics
    /// When that is refused, with the answer.
    pub async fn put(&self, path: &str, content: &str) {
        let call = self.call("PUT", &format!("/fs/{path}"));
        let reply = call.body(content.to_owned()).send().await;
        assert!(reply.status.is_success(), "{reply:?}");
    }

    /// What a file holds, as others see the drive; none if there is no such file.
    pub fn holds(&self, path: &str) -> Option<String> {
        let content = self.board.image().read(&format!("/{path}"))?;
        Some(String::from_utf8(content).expect("text"))
    }

    /// The versions that are kept of a file, or of all files below a directory, the newest first.
    pub async fn versions(&self, path: &str) -> Vec<Value> {
        let target = format!("/fs/{path}?history");
        let reply = self.ask("GET", &target, "", 200).await.json();
        reply["versions"].as_array().expect("a list").clone()
    }

    /// What a version of a file holds.
    pub async fn held(&self, path: &str, version: &Value) -> String {
        let target = format!("/fs/{path}?history={}", version["id"]);
        let reply = self.ask("GET", &target, "", 200).await;
        assert_eq!(version["file_size"], reply.body.len());
        reply.text()
    }

    /// What the board's page says of it.
    pub async fn state(&self) -> Value {
        let call = self.gateway.call("GET", "/cp/board.json");
        call.board(&self.board).expect(200).await.json()
    }

    /// What its page says is the matter with its drive; empty where nothing is.
    pub async fn reason(&self) -> String {
        let state = self.state().await;
        let reason = state["drive"]["reason"].as_str();
        reason.expect("a drive has one").to_owned()
    }

    /// Takes the board elsewhere, does something to it there, and waits until it is back and can be used.
    pub async fn elsewhere(&mut self, change: impl FnOnce(&mut Board)) {
        self.gateway.unplug(&mut self.board).await;
        change(&mut self.board);
        self.board.plug();
        self.gateway.ready(&self.board).await;
    }

    /// Kills file-proxy, starts it again, and waits until it gives the board's files.
    pub async fn kill_file_proxy(&mut self) {
        self.gateway.kill("cpy-file-proxy");
        self.gateway.start_daemon("cpy-file-proxy");
        self.gateway
            .status_becomes(&self.board, "/fs/code.py", 200)
            .await;
        self.gateway.ready(&self.board).await;
    }
}
