//! A machine that speaks multicast DNS in its own way: `tests/network/stranger.py`, and what it heard.

use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use super::host::Host;
use super::script;
use crate::wait;

/// A running stranger. It hears all that the others say.
#[derive(Debug)]
pub struct Stranger {
    orders: ChildStdin,
    heard: Arc<Mutex<Vec<Heard>>>,
    // Ends when it is dropped, and when its input does.
    _process: Child,
}

/// A record that somebody sent.
#[derive(Clone, Debug)]
pub struct Heard {
    /// When it came.
    pub at: Instant,
    /// The whole line: `from`, `name`, `type`, `ttl`, `unique`, `data`.
    pub record: Value,
}

impl Stranger {
    pub(super) async fn start(host: &Host) -> Self {
        let mut command = Command::from(host.command("python3"));
        let mut process = command
            .arg(script("stranger.py"))
            .arg("eth0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("python3 is installed");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let output = process.stdout.take().expect("its output is a pipe");
        let mut lines = BufReader::new(output).lines();
        let all = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let record = serde_json::from_str(&line).expect("it prints JSON");
                let at = Instant::now();
                let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
                all.push(Heard { at, record });
            }
        });
        let stranger = Self {
            orders: process.stdin.take().expect("its input is a pipe"),
            heard,
            _process: process,
        };
        stranger.done(&json!("joined"), 0).await;
        stranger
    }

    /// Gives an order and waits until it has been carried out. The orders are in the script's own words.
    pub async fn order(&mut self, order: Value) {
        let before = self.len();
        let line = format!("{order}\n");
        self.orders
            .write_all(line.as_bytes())
            .await
            .expect("it takes orders");
        self.done(&order, before).await;
    }

    /// Announces a board and answers for it: the instance name, the host name without `.local`, port, address.
    pub async fn hold_board(&mut self, instance: &str, host: &str, port: u16, address: &str) {
        self.order(json!({ "hold": board(instance, host, port, address) }))
            .await;
    }

    /// Announces a unique address record and answers for it.
    pub async fn hold_name(&mut self, name: &str, address: &str) {
        let record = json!({ "name": name, "type": "A", "data": address, "unique": true });
        self.order(json!({ "hold": [record] })).await;
    }

    /// Takes back all that it held, with a goodbye.
    pub async fn let_go(&mut self) {
        self.order(json!({ "let_go": true })).await;
    }

    /// How many lines it has printed: a point in its time.
    pub fn len(&self) -> usize {
        self.all().len()
    }

    /// Whether nobody has said anything.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Records of this name that came after `point`.
    pub fn heard(&self, name: &str, point: usize) -> Vec<Heard> {
        let mut heard = self.all().split_off(point);
        heard.retain(|heard| heard.record["name"] == name);
        heard
    }

    /// Goodbyes for this name (RFC 6762, section 10.1) that came after `point`.
    pub fn goodbyes(&self, name: &str, point: usize) -> Vec<Heard> {
        let mut heard = self.heard(name, point);
        heard.retain(|heard| heard.record["ttl"] == 0);
        heard
    }

    fn all(&self) -> Vec<Heard> {
        self.heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    async fn done(&self, order: &Value, before: usize) {
        wait::until("the stranger has obeyed", async || {
            let lines = self.all().split_off(before);
            lines
                .iter()
                .any(|line| line.record["done"] == *order)
                .then_some(())
        })
        .await;
    }
}

/// The records of a board's web workflow, as a Wi-Fi board announces them.
fn board(instance: &str, host: &str, port: u16, address: &str) -> Value {
    let kind = "_circuitpython._tcp.local";
    let instance = json!([instance, "_circuitpython", "_tcp", "local"]);
    let host = json!([host, "local"]);
    json!([
        { "name": kind, "type": "PTR", "data": instance, "ttl": 4500 },
        { "name": instance, "type": "SRV", "data": [port, host], "unique": true },
        { "name": instance, "type": "TXT", "data": [], "unique": true },
        { "name": host, "type": "A", "data": address, "unique": true },
    ])
}
