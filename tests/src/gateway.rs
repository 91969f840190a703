//! A gateway of real daemons, in a directory of its own: on this machine, on ports of its own, or on a machine of a
//! network in software, on the ports that it has there.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use hyper::StatusCode;
use tempfile::TempDir;

use crate::board::Board;
use crate::http::{self, Call};
use crate::network::{Entrance, Host};
use crate::process::Process;
use crate::wait;

/// The password of boards that have none of their own.
pub const PASSWORD: &str = "p\u{e4}ss:word";

/// The daemons, in no order that matters.
pub const DAEMONS: [&str; 3] = ["cpy-serial-bridge", "cpy-file-proxy", "cpy-http-gateway"];

/// The daemon that gives boards their names on a network.
pub const ADVERTISER: &str = "cpy-mdns-advertiser";

/// Running daemons and the directory that they share. Everything ends when it is dropped.
#[derive(Debug)]
pub struct Gateway {
    daemons: BTreeMap<&'static str, Process>,
    entrance: Entrance,
    address: SocketAddr,
    // Last, so that it goes after those who use it.
    directory: TempDir,
}

impl Gateway {
    /// A gateway with these lines in its configuration beside the test's own, before any daemon runs.
    pub fn stopped(configuration: &str) -> Self {
        let address = free_address();
        let first = board_ports();
        let ports = format!("{first}-{}", first + PORTS - 1);
        let http = format!("listen = [\"{address}\"]\nboard_ports = \"{ports}\"");
        Self::configured(Entrance::outside(), address, configuration, &http)
    }

    /// A gateway on a machine of a network, before any daemon runs. It listens as an installed one does.
    pub fn stopped_on(host: &Host, configuration: &str) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 80));
        Self::configured(host.entrance().clone(), address, configuration, "")
    }

    /// A gateway on a machine of a network that runs and answers, with all its daemons.
    pub async fn start_on(host: &Host) -> Self {
        let mut gateway = Self::stopped_on(host, "");
        gateway.start_all().await;
        gateway
    }

    /// Starts all daemons of a gateway on a network, and waits until it answers.
    pub async fn start_all(&mut self) {
        for daemon in DAEMONS.into_iter().chain([ADVERTISER]) {
            self.start_daemon(daemon);
        }
        self.answers().await;
    }

    fn configured(
        entrance: Entrance,
        address: SocketAddr,
        configuration: &str,
        http: &str,
    ) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("cpy-test")
            .tempdir()
            .expect("a directory");
        let at = directory.path().display();
        let text = format!(
            "boards_dir = \"{at}/boards\"\nruntime_dir = \"{at}/run\"\nstate_dir = \"{at}/state\"\n\
             {configuration}\n[http]\n{http}\npassword = \"{PASSWORD}\"\n"
        );
        std::fs::write(directory.path().join("gateway.toml"), text).expect("a configuration");
        Self {
            daemons: BTreeMap::new(),
            entrance,
            address,
            directory,
        }
    }

    /// A gateway that runs and answers.
    pub async fn start() -> Self {
        Self::start_with("").await
    }

    /// A gateway with these lines in its configuration that runs and answers.
    pub async fn start_with(configuration: &str) -> Self {
        let mut gateway = Self::stopped(configuration);
        for daemon in DAEMONS {
            gateway.start_daemon(daemon);
        }
        gateway.answers().await;
        gateway
    }

    /// Starts one of the daemons.
    pub fn start_daemon(&mut self, name: &'static str) {
        let config = self.config_file();
        let arguments = ["--config".as_ref(), config.as_os_str()];
        let process = Process::start_on(&self.entrance, name, self.directory.path(), arguments);
        let running = self.daemons.insert(name, process);
        assert!(running.is_none(), "{name} runs already");
    }

    /// SIGKILL to one of the daemons.
    pub fn kill(&mut self, name: &str) {
        self.daemons.remove(name).expect("it runs").kill();
    }

    /// SIGTERM to one of the daemons; waits for its end.
    pub fn terminate(&mut self, name: &str) {
        self.daemons.remove(name).expect("it runs").terminate();
    }

    /// SIGTERM to all daemons at the same time, as systemd does it; for each of them the time to its end.
    pub fn terminate_all(&mut self) -> BTreeMap<&'static str, Duration> {
        let begun = Instant::now();
        for daemon in self.daemons.values() {
            daemon.ask_to_end();
        }
        let daemons = std::mem::take(&mut self.daemons);
        // Whoever ends first is not measured by the others.
        std::thread::scope(|scope| {
            let waiting = daemons.into_iter().map(|(name, daemon)| {
                let ended = scope.spawn(move || {
                    daemon.ended();
                    begun.elapsed()
                });
                (name, ended)
            });
            let waiting: Vec<_> = waiting.collect();
            let times = waiting.into_iter();
            times
                .map(|(name, ended)| (name, ended.join().expect("it ends well")))
                .collect()
        })
    }

    /// Puts another text in the place of one in the configuration, for the daemons' next look at it.
    pub fn reconfigure(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.config_file()).expect("a configuration");
        assert!(text.contains(from), "no {from:?} in {text}");
        std::fs::write(self.config_file(), text.replace(from, to)).expect("a configuration");
    }

    /// SIGHUP to all of the daemons that run.
    pub fn reload(&self) {
        for daemon in self.daemons.values() {
            daemon.reload();
        }
    }

    /// One of the daemons.
    pub fn daemon(&self, name: &str) -> &Process {
        &self.daemons[name]
    }

    /// Waits until the web server accepts connections.
    pub async fn answers(&self) {
        wait::until("the web server answers", async || {
            let reply = self
                .call("GET", "/")
                .host("localhost")
                .try_send()
                .await
                .ok()?;
            (reply.status == StatusCode::OK).then_some(())
        })
        .await;
    }

    /// Plugs a new board in and waits until its files and its console can be used.
    pub async fn plug(&self, serial: &str, options: &[&str]) -> Board {
        let board = self.plug_unready(serial, options);
        self.ready(&board).await;
        board
    }

    /// Plugs a new board in without waiting.
    pub fn plug_unready(&self, serial: &str, options: &[&str]) -> Board {
        Board::plugged_in(self.directory.path(), &self.boards_dir(), serial, options)
    }

    /// Pulls a board's plug, waits until its files are said to be gone, and says how long that took.
    pub async fn unplug(&self, board: &mut Board) -> Duration {
        board.unplug();
        self.status_becomes(board, "/fs/code.py", 503).await
    }

    /// Waits until a board's files and console can be used.
    pub async fn ready(&self, board: &Board) {
        let what = format!("{} is ready", board.hostname());
        wait::until(&what, async || {
            let reply = self
                .call("GET", "/cp/board.json")
                .board(board)
                .try_send()
                .await
                .ok()?;
            let state = reply.json();
            let drive = state["drive"]["state"] == "ready";
            // Until a board's files have been read, nobody knows its password.
            let files = self
                .call("GET", "/fs/")
                .board(board)
                .try_send()
                .await
                .ok()?;
            let asks =
                files.status == StatusCode::UNAUTHORIZED || files.status == StatusCode::FORBIDDEN;
            let console = !matches!(
                state["console"]["state"].as_str(),
                None | Some("offline" | "waiting")
            );
            (state["attached"] == true && drive && console && asks).then_some(())
        })
        .await;
    }

    /// Waits until a request to a board gets this status, and says how long that took.
    pub async fn status_becomes(&self, board: &Board, target: &str, status: u16) -> Duration {
        let begun = Instant::now();
        wait::until(&format!("{target} gives {status}"), async || {
            let reply = self.call("GET", target).to(board).try_send().await.ok()?;
            (reply.status.as_u16() == status).then_some(())
        })
        .await;
        begun.elapsed()
    }

    /// A request to the gateway.
    pub fn call(&self, method: &str, target: &str) -> Call {
        http::Call::new(self.address, method, target).on(&self.entrance)
    }

    /// What each board is called now, by serial, as the web server knows it.
    pub async fn names(&self) -> BTreeMap<String, String> {
        let call = self.call("GET", "/cp/boards.json").host("localhost");
        let boards = call.expect(200).await.json();
        let entries = boards["boards"].as_array().expect("a list of boards");
        let word = |board: &serde_json::Value, key| board[key].as_str().map(str::to_owned);
        entries
            .iter()
            .filter_map(|board| Some((word(board, "serial")?, word(board, "hostname")?)))
            .collect()
    }

    /// Where it listens for all boards.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything that it and its boards make is below this directory.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The way to where its daemons run.
    pub(crate) fn entrance(&self) -> &Entrance {
        &self.entrance
    }

    /// Where boards appear.
    pub fn boards_dir(&self) -> PathBuf {
        self.directory.path().join("boards")
    }

    /// The configuration of all daemons.
    pub fn config_file(&self) -> PathBuf {
        self.directory.path().join("gateway.toml")
    }
}

/// How many ports each gateway has for its boards.
const PORTS: u16 = 40;

/// An address that nobody listens on in this moment.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener
        .local_addr()
        .expect("a bound listener has an address")
}

/// The first of a range of ports below the ephemeral ones, another range for each gateway of this
/// machine. Where ranges meet all the same, a gateway takes the next port that is free.
fn board_ports() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const RANGES: u16 = 500;
    let process = u16::try_from(std::process::id() % u32::from(RANGES)).expect("it is below 500");
    let number = process
        .wrapping_mul(7)
        .wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed))
        % RANGES;
    10_000 + number * PORTS
}
