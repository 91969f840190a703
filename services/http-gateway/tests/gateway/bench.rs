//! A gateway of a test's own: directories, boards that are plugged in and out, and stand-ins for the daemons.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use cpy_board::record::{Firmware, Settings, UsbIds};
use cpy_board::{Config, Password, Record, RuntimeDir, Serial, ServiceManager, Shutdown};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::advertiser::Advertiser;
use crate::stand_in::{Console, Files};
use crate::wire::{Answer, Wire};

pub(crate) const PICO: &str = "E6614C311B7E6F35";
pub(crate) const FEATHER: &str = "DF60BCF49C5A0A0B";
/// `:passw0rd`
pub(crate) const RIGHT: &str = "Authorization: Basic OnBhc3N3MHJk\r\n";
/// `:wrong`
pub(crate) const WRONG: &str = "Authorization: Basic Ondyb25n\r\n";

/// The longest that anything may take here.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

/// Every bench has a loopback address of its own, so that benches do not take each other's ports.
static NEXT: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Bench {
    root: PathBuf,
    _directory: tempfile::TempDir,
    pub(crate) config: Config,
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: Shutdown,
    pub(crate) files: Files,
    pub(crate) console: Console,
    pub(crate) names: Advertiser,
    running: Option<JoinHandle<()>>,
}

impl Bench {
    /// With a Pico plugged in, whose password is `passw0rd`, and all daemons running.
    pub(crate) async fn new() -> Self {
        let mut bench = Self::empty().await;
        bench.files.start();
        bench.console.start();
        bench.names.start();
        bench.plug(PICO);
        bench.start().await;
        bench
    }

    /// Without boards, daemons, or a running gateway.
    pub(crate) async fn empty() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().to_owned();
        let number = (std::process::id() << 8) + NEXT.fetch_add(1, Ordering::Relaxed);
        let [_, b, c, d] = number.to_be_bytes();
        let ip = Ipv4Addr::new(127, b.max(1), c, d.clamp(1, 254));
        let mut config = Config {
            boards_dir: root.join("dev"),
            runtime_dir: root.join("run"),
            state_dir: root.join("state"),
            ..Config::default()
        };
        // Not this machine's own.
        config.http.password_file = root.join("password");
        config.http.board_ports = "18001-18004".parse().unwrap();
        let runtime_dir = RuntimeDir::new(&config.runtime_dir);
        let probe = TcpListener::bind((ip, 0)).await.unwrap();
        Self {
            address: probe.local_addr().unwrap(),
            files: Files::new(&runtime_dir),
            console: Console::new(&runtime_dir),
            names: Advertiser::new(&runtime_dir),
            shutdown: Shutdown::new(),
            running: None,
            config,
            root,
            _directory: directory,
        }
    }

    /// Starts the gateway, or starts it anew.
    pub(crate) async fn start(&mut self) {
        self.stop().await;
        self.shutdown = Shutdown::new();
        let socket = TcpListener::bind((self.address.ip(), 0)).await.unwrap();
        self.address = socket.local_addr().unwrap();
        let mut config = self.config.clone();
        config.http.listen = vec![self.address];
        let gateway = cpy_http_gateway::serve(
            config.into(),
            vec![socket],
            ServiceManager::default(),
            self.shutdown.clone(),
        );
        self.running = Some(tokio::spawn(async move { gateway.await.unwrap() }));
        // The first answer tells that it has looked for boards.
        self.get("/", "").await;
    }

    pub(crate) async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            assert!(self.shutdown.drain(DEADLINE).await, "tasks are left over");
            running.await.unwrap();
        }
    }

    /// Plugs a board in, with a console, a drive and a record.
    pub(crate) fn plug(&self, serial: &str) {
        self.write_record(serial, &record(serial));
        self.plug_unread(serial);
    }

    /// Plugs a board in of whose files nothing is read.
    pub(crate) fn plug_unread(&self, serial: &str) {
        let board = self.config.boards_dir.join(serial);
        fs::create_dir_all(&board).unwrap();
        symlink("/dev/null", board.join("console")).unwrap();
        symlink("/proc/version", board.join("drive")).unwrap();
    }

    pub(crate) fn unplug(&self, serial: &str) {
        fs::remove_dir_all(self.config.boards_dir.join(serial)).unwrap();
    }

    pub(crate) fn remove_record(&self, serial: &str) {
        let records = RuntimeDir::new(&self.config.runtime_dir).records();
        fs::remove_file(records.join(format!("{serial}.toml"))).unwrap();
    }

    pub(crate) fn write_record(&self, serial: &str, record: &Record) {
        let records = RuntimeDir::new(&self.config.runtime_dir).records();
        record.write(&records, &serial.parse().unwrap()).unwrap();
    }

    pub(crate) fn state(&self, name: &str) -> PathBuf {
        self.root.join("state/http-gateway").join(name)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.root
    }

    pub(crate) async fn connect(&self) -> Wire {
        Wire::connect(self.address).await
    }

    /// The answer to a request whose lines are given without the blank line at the end.
    pub(crate) async fn ask(&self, head: &str) -> Answer {
        self.ask_at(self.address, head).await
    }

    pub(crate) async fn ask_at(&self, address: SocketAddr, head: &str) -> Answer {
        let mut wire = Wire::connect(address).await;
        wire.send(&format!("{head}\r\n")).await;
        wire.answer_to(head.starts_with("HEAD ")).await
    }

    /// GET at the gateway's own address; `headers` are whole lines.
    pub(crate) async fn get(&self, path: &str, headers: &str) -> Answer {
        self.request("GET", path, headers).await
    }

    /// A request without a body at the gateway's own address.
    pub(crate) async fn request(&self, method: &str, path: &str, headers: &str) -> Answer {
        let host = self.address;
        self.ask(&format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\n{headers}"
        ))
        .await
    }

    /// Asks until the answer is as it should be.
    pub(crate) async fn until(&self, head: &str, right: impl Fn(&Answer) -> bool) -> Answer {
        self.until_at(self.address, head, right).await
    }

    pub(crate) async fn until_at(
        &self,
        address: SocketAddr,
        head: &str,
        right: impl Fn(&Answer) -> bool,
    ) -> Answer {
        let start = tokio::time::Instant::now();
        loop {
            if let Some(answer) = Wire::try_ask(address, head).await
                && right(&answer)
            {
                return answer;
            }
            assert!(start.elapsed() < DEADLINE, "never as it should be:\n{head}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

pub(crate) fn record(serial: &str) -> Record {
    Record {
        usb: Some(UsbIds {
            vendor: 0x239a,
            product: 0x80f4,
        }),
        firmware: Some(Firmware {
            version: "10.0.3".into(),
            build_date: "2025-10-17".into(),
            board_name: "Raspberry Pi Pico".into(),
            mcu_name: "rp2040".into(),
            board_id: "raspberry_pi_pico".into(),
            uid: serial.into(),
        }),
        settings: Settings {
            password: Some(password("passw0rd")),
            ..Settings::default()
        },
        settings_problem: None,
    }
}

pub(crate) fn password(text: &str) -> Password {
    text.to_owned().try_into().unwrap()
}

pub(crate) fn serial(text: &str) -> Serial {
    text.parse().unwrap()
}
