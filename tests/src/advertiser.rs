//! What mdns-advertiser says on its socket, and what it remembers.

use std::path::PathBuf;

use cpy_board::{Daemon, RuntimeDir};
use serde_json::Value;
use tokio::process::Command;
use toml::Table;

use crate::gateway::{ADVERTISER, Gateway};

/// It answers from its memory: at once, or not at all.
const PATIENCE: &str = "2";

impl Gateway {
    /// How names do, as the advertiser itself says; none if it does not answer at once.
    pub async fn network(&self) -> Option<Value> {
        self.ask_advertiser("/boards").await
    }

    /// Other devices, as the advertiser itself says; none if it does not answer at once.
    pub async fn peers(&self) -> Option<Vec<Value>> {
        self.ask_advertiser("/peers").await?.as_array().cloned()
    }

    async fn ask_advertiser(&self, path: &str) -> Option<Value> {
        let socket = RuntimeDir::new(self.directory().join("run")).socket(Daemon::MdnsAdvertiser);
        let output = Command::new("curl")
            .args(["--silent", "--fail", "--max-time", PATIENCE])
            .arg("--unix-socket")
            .arg(socket)
            .arg(format!("http://advertiser{path}"))
            .kill_on_drop(true)
            .output()
            .await
            .expect("curl is installed");
        serde_json::from_slice(&output.stdout).ok()
    }

    /// Lets the advertiser remember a board's name, before it runs.
    pub fn remember_name(&self, serial: &str, hostname: &str) {
        let path = self.names_file();
        let directory = path.parent().expect("it is in a directory");
        std::fs::create_dir_all(directory).expect("a directory for what is remembered");
        let text = format!("[[board]]\nserial = \"{serial}\"\nhostname = \"{hostname}\"\n");
        std::fs::write(path, text).expect("a file of names");
    }

    /// The name of a board that the advertiser has written down for good.
    pub fn remembered_name(&self, serial: &str) -> Option<String> {
        let text = std::fs::read_to_string(self.names_file()).ok()?;
        let table: Table = text.parse().expect("it writes TOML");
        let boards = table.get("board")?.as_array()?.iter();
        let mut names = boards.filter(|board| board["serial"].as_str() == Some(serial));
        names.next()?["hostname"].as_str().map(str::to_owned)
    }

    /// Lines of the advertiser's log that contain all of these words.
    pub fn log_lines(&self, words: &[&str]) -> Vec<String> {
        let log = self.daemon(ADVERTISER).output();
        let lines = log.lines();
        let meant = lines.filter(|line| words.iter().all(|word| line.contains(word)));
        meant.map(str::to_owned).collect()
    }

    fn names_file(&self) -> PathBuf {
        self.directory().join("state/mdns-advertiser/names.toml")
    }
}
