//! `cpyctl boards`: every attached board, from what the daemons say of it. A daemon that does not
//! run leaves its columns empty and a line of its own below.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use cpy_board::http::{Client, ClientError, stream};
use cpy_board::status::{ConsoleStatus, ConsoleStatuses, DriveState, DriveStatus, DriveStatuses};
use cpy_board::{Config, Daemon, Hostname, Record, RuntimeDir, Serial, Shutdown, attached};
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::header::HOST;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::table;

/// One board, as `--json` prints it.
#[derive(Debug, Serialize)]
struct ListedBoard {
    serial: Serial,
    hostname: Hostname,
    address: String,
    board_name: Option<String>,
    version: Option<String>,
    console: Option<ConsoleStatus>,
    drive: Option<DriveStatus>,
    problem: Option<String>,
}

/// Prints the boards of the gateway with this configuration.
pub(crate) async fn print(config: &Config, json: bool) -> Result<()> {
    let runtime_dir = RuntimeDir::new(&config.runtime_dir);
    let (consoles, console_problem) =
        ask::<ConsoleStatuses>(&runtime_dir, Daemon::SerialBridge).await?;
    let (drives, drive_problem) = ask::<DriveStatuses>(&runtime_dir, Daemon::FileProxy).await?;
    let boards = collect(config, &runtime_dir, &consoles, &drives)?;
    if json {
        println!("{}", serde_json::to_string_pretty(&boards)?);
    } else if boards.is_empty() {
        println!("No board is plugged in.");
    } else {
        let lines: Vec<Vec<String>> = boards.iter().map(ListedBoard::line).collect();
        print!(
            "{}",
            table::render(&["NAME", "ADDRESS", "BOARD", "STATE", "DRIVE"], &lines)
        );
        for board in &boards {
            if let Some(problem) = &board.problem {
                println!("{}: {problem}", board.hostname);
            }
        }
    }
    for problem in [console_problem, drive_problem].into_iter().flatten() {
        eprintln!("cpyctl: {problem}");
    }
    Ok(())
}

fn collect(
    config: &Config,
    runtime_dir: &RuntimeDir,
    consoles: &ConsoleStatuses,
    drives: &DriveStatuses,
) -> Result<Vec<ListedBoard>> {
    let attached = attached::scan(&config.boards_dir)
        .with_context(|| format!("cannot read {}", config.boards_dir.display()))?;
    let records = runtime_dir.records();
    let boards = Hostname::assign(attached.keys())
        .into_iter()
        .map(|(serial, hostname)| {
            let record = Record::read(&records, &serial).unwrap_or_default();
            let firmware = record.firmware;
            ListedBoard {
                address: address(&hostname, &config.http.listen),
                board_name: firmware
                    .as_ref()
                    .map(|firmware| firmware.board_name.clone()),
                version: firmware.map(|firmware| firmware.version),
                console: consoles.get(&serial).cloned(),
                drive: drives.get(&serial).cloned(),
                problem: record.settings_problem,
                serial,
                hostname,
            }
        });
    Ok(boards.collect())
}

/// Where a browser finds the board: on the network, or on this machine where the gateway listens on
/// loopback only.
fn address(hostname: &Hostname, listen: &[SocketAddr]) -> String {
    let loopback = !listen.is_empty() && listen.iter().all(|address| address.ip().is_loopback());
    let domain = if loopback { "localhost" } else { "local" };
    match listen.first().map_or(80, SocketAddr::port) {
        80 => format!("http://{hostname}.{domain}/"),
        port => format!("http://{hostname}.{domain}:{port}/"),
    }
}

/// What a daemon says of all boards, or nothing and a sentence when it does not run.
async fn ask<T: DeserializeOwned + Default>(
    runtime_dir: &RuntimeDir,
    daemon: Daemon,
) -> Result<(T, Option<String>)> {
    let client = Client::new(runtime_dir.socket(daemon), Shutdown::new());
    let request = Request::get("/boards")
        .header(HOST, daemon.name())
        .body(stream(Empty::new()))?;
    match client.send(request).await {
        Ok(reply) => {
            let body = reply.into_body().collect().await?.to_bytes();
            let statuses = serde_json::from_slice(&body)
                .with_context(|| format!("{} gives an answer of another version", daemon.name()))?;
            Ok((statuses, None))
        }
        Err(ClientError::NotRunning { source, .. })
            if source.kind() == std::io::ErrorKind::PermissionDenied =>
        {
            anyhow::bail!(
                "only root and the gateway's users may ask {}: use sudo",
                daemon.name()
            )
        }
        Err(error) => Ok((
            T::default(),
            Some(format!("{} is not running ({error})", daemon.name())),
        )),
    }
}

impl ListedBoard {
    fn line(&self) -> Vec<String> {
        let board = self
            .board_name
            .clone()
            .unwrap_or_else(|| self.serial.to_string());
        vec![
            self.hostname.to_string(),
            self.address.clone(),
            board,
            self.state(),
            self.space(),
        ]
    }

    fn state(&self) -> String {
        let Some(console) = &self.console else {
            return "-".into();
        };
        // The word that JSON has for it.
        serde_json::to_value(console.state)
            .ok()
            .and_then(|word| word.as_str().map(str::to_owned))
            .unwrap_or_default()
    }

    fn space(&self) -> String {
        match &self.drive {
            None => "-".into(),
            Some(drive) if drive.state == DriveState::Unreadable => drive.reason.clone(),
            Some(drive) => {
                let space = format!("{} of {} free", size(drive.free), size(drive.total));
                if drive.writable {
                    space
                } else {
                    format!("{space}, read-only")
                }
            }
        }
    }
}

/// Bytes for people.
fn size(bytes: u64) -> String {
    const KIB: u64 = 1024;
    match bytes {
        0..KIB => format!("{bytes} B"),
        _ if bytes < 10 * KIB * KIB => format!("{} KiB", bytes / KIB),
        _ => format!("{} MiB", bytes / (KIB * KIB)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_say_where_a_browser_finds_the_board() {
        let name: Hostname = "cpy-7e6f35".parse().unwrap();
        let listen = |text: &str| vec![text.parse().unwrap()];
        assert_eq!(address(&name, &[]), "http://cpy-7e6f35.local/");
        assert_eq!(
            address(&name, &listen("[::]:80")),
            "http://cpy-7e6f35.local/"
        );
        assert_eq!(
            address(&name, &listen("0.0.0.0:8080")),
            "http://cpy-7e6f35.local:8080/"
        );
        assert_eq!(
            address(&name, &listen("127.0.0.1:8080")),
            "http://cpy-7e6f35.localhost:8080/"
        );
    }

    #[test]
    fn sizes_are_for_people() {
        assert_eq!(size(512), "512 B");
        assert_eq!(size(1_028_096), "1004 KiB");
        assert_eq!(size(16 << 20), "16 MiB");
    }
}
