//! `cpyctl boards`: every attached board, from what the daemons say of it. A daemon that does not
//! run leaves its columns empty and a line of its own below.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::{Context, Result};
use cpy_board::status::{
    AvahiState, ConsoleStatus, ConsoleStatuses, DriveState, DriveStatus, DriveStatuses, NameStatus,
    NetworkStatus,
};
use cpy_board::{Config, Daemon, Hostname, Record, RuntimeDir, Serial, attached};
use serde::Serialize;

use crate::daemons::{Answer, RoutedBoard, routed_boards, statuses};
use crate::{names, table};

/// One board, as `--json` prints it.
#[derive(Debug, Serialize)]
struct ListedBoard {
    serial: Serial,
    hostname: Hostname,
    address: String,
    port: Option<u16>,
    board_name: Option<String>,
    version: Option<String>,
    console: Option<ConsoleStatus>,
    drive: Option<DriveStatus>,
    network: Option<NameStatus>,
    problem: Option<String>,
}

/// What the daemons say; empty where one says nothing.
#[derive(Debug)]
struct Answers {
    consoles: ConsoleStatuses,
    drives: DriveStatuses,
    network: Option<NetworkStatus>,
    routed: Vec<RoutedBoard>,
}

/// Prints the boards of the gateway with this configuration.
pub(crate) async fn print(config: &Config, json: bool) -> Result<()> {
    let runtime_dir = RuntimeDir::new(&config.runtime_dir);
    let (consoles, drives, network, routed) = tokio::join!(
        statuses::<ConsoleStatuses>(&runtime_dir, Daemon::SerialBridge),
        statuses::<DriveStatuses>(&runtime_dir, Daemon::FileProxy),
        network(config, &runtime_dir),
        routed_boards(&config.http.listen),
    );
    let mut problems = Vec::new();
    let answers = Answers {
        consoles: consoles?.unwrap_or_else(|problem| none(&mut problems, problem)),
        drives: drives?.unwrap_or_else(|problem| none(&mut problems, problem)),
        network: network?.map_or_else(|problem| none(&mut problems, problem), Some),
        routed: routed.unwrap_or_else(|problem| none(&mut problems, problem)),
    };
    let boards = collect(config, &answers)?;
    if json {
        println!("{}", serde_json::to_string_pretty(&boards)?);
    } else if boards.is_empty() {
        println!("No board is plugged in.");
    } else {
        print!("{}", text(&boards, &config.http.listen));
        let named = boards.iter().map(|board| (&board.serial, &board.hostname));
        for line in answers
            .network
            .iter()
            .flat_map(|network| names::lines(network, named.clone()))
        {
            println!("{line}");
        }
    }
    for problem in problems {
        eprintln!("cpyctl: {problem}");
    }
    Ok(())
}

fn none<T: Default>(problems: &mut Vec<String>, problem: String) -> T {
    problems.push(problem);
    T::default()
}

/// How names do. Where none are announced there is nobody to ask.
async fn network(config: &Config, runtime_dir: &RuntimeDir) -> Result<Answer<NetworkStatus>> {
    if config.mdns.enabled {
        return statuses(runtime_dir, Daemon::MdnsAdvertiser).await;
    }
    Ok(Ok(NetworkStatus {
        avahi: AvahiState::Disabled,
        boards: BTreeMap::new(),
    }))
}

/// Every attached board. Names are the gateway's or, where it says none, those that mdns-advertiser holds; a board
/// that neither knows (yet) has the one that the plain rule gives.
fn collect(config: &Config, answers: &Answers) -> Result<Vec<ListedBoard>> {
    let attached = attached::scan(&config.boards_dir)
        .with_context(|| format!("cannot read {}", config.boards_dir.display()))?;
    let records = RuntimeDir::new(&config.runtime_dir).records();
    let routed: BTreeMap<&Serial, &RoutedBoard> = answers
        .routed
        .iter()
        .map(|board| (&board.serial, board))
        .collect();
    let network = answers.network.iter().flat_map(|network| &network.boards);
    let network: BTreeMap<&Serial, &NameStatus> = network.collect();
    let held: BTreeMap<Serial, Hostname> = if answers.routed.is_empty() {
        let name =
            |(serial, name): (&&Serial, &&NameStatus)| ((*serial).clone(), name.hostname.clone());
        network.iter().map(name).collect()
    } else {
        let name = |board: &RoutedBoard| (board.serial.clone(), board.hostname.clone());
        answers.routed.iter().map(name).collect()
    };
    let boards = Hostname::assign_beside(attached.keys(), &held)
        .into_iter()
        .map(|(serial, hostname)| {
            let port = routed.get(&serial).and_then(|board| board.port);
            let record = Record::read(&records, &serial).unwrap_or_default();
            let firmware = record.firmware;
            ListedBoard {
                address: address(&hostname, &config.http.listen),
                port,
                board_name: firmware
                    .as_ref()
                    .map(|firmware| firmware.board_name.clone()),
                version: firmware.map(|firmware| firmware.version),
                console: answers.consoles.get(&serial).cloned(),
                drive: answers.drives.get(&serial).cloned(),
                network: network.get(&serial).copied().cloned(),
                problem: record.settings_problem,
                serial,
                hostname,
            }
        });
    Ok(boards.collect())
}

/// The boards as a person reads them.
fn text(boards: &[ListedBoard], listen: &[SocketAddr]) -> String {
    let lines: Vec<Vec<String>> = boards.iter().map(ListedBoard::line).collect();
    let heading = ["NAME", "ADDRESS", "PORT", "BOARD", "STATE", "DRIVE"];
    let table = table::render(&heading, &lines);
    let here = if is_local(listen) {
        "localhost"
    } else {
        "<address of this machine>"
    };
    let by_port = boards
        .iter()
        .any(|board| board.port.is_some())
        .then(|| format!("Where names do not work: http://{here}:PORT/\n"));
    let problems = boards.iter().filter_map(|board| {
        let problem = board.problem.as_ref()?;
        Some(format!("{}: {problem}\n", board.hostname))
    });
    std::iter::once(table)
        .chain(by_port)
        .chain(problems)
        .collect()
}

/// Whether nobody but this machine reaches the gateway.
fn is_local(listen: &[SocketAddr]) -> bool {
    !listen.is_empty() && listen.iter().all(|address| address.ip().is_loopback())
}

/// Where a browser finds the board by its name: on the network, or on this machine where the gateway
/// listens on loopback only.
fn address(hostname: &Hostname, listen: &[SocketAddr]) -> String {
    let domain = if is_local(listen) {
        "localhost"
    } else {
        "local"
    };
    match listen.first().map_or(80, SocketAddr::port) {
        80 => format!("http://{hostname}.{domain}/"),
        port => format!("http://{hostname}.{domain}:{port}/"),
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
            self.port
                .map_or_else(|| "-".into(), |port| port.to_string()),
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
                let space = format!("{} free", share(drive.free, drive.total));
                if drive.writable {
                    space
                } else {
                    format!("{space}, read-only")
                }
            }
        }
    }
}

/// Two numbers of bytes for people, in the unit that suits the second.
fn share(part: u64, whole: u64) -> String {
    const KIB: u64 = 1024;
    let (unit, word) = match whole {
        0..KIB => (1, "B"),
        _ if whole < 10 * KIB * KIB => (KIB, "KiB"),
        _ => (KIB * KIB, "MiB"),
    };
    format!("{}/{} {word}", part / unit, whole / unit)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use cpy_board::status::{ConsoleState, NameState};

    use super::*;

    #[test]
    fn names_are_the_gateways_or_those_that_are_held_or_those_of_the_rule() {
        let dir = tempfile::tempdir().unwrap();
        let serials: [Serial; 2] = ["A0000001", "B0000001"].map(|text| text.parse().unwrap());
        for serial in &serials {
            let board = dir.path().join(serial.as_str());
            std::fs::create_dir(&board).unwrap();
            symlink("/dev/null", board.join("console")).unwrap();
        }
        let config = Config {
            boards_dir: dir.path().into(),
            runtime_dir: dir.path().join("run"),
            ..Config::default()
        };
        let held = NameStatus {
            hostname: "cpy-00000b".parse().unwrap(),
            state: NameState::Claiming,
            instance_name: None,
            reason: String::new(),
        };
        let mut answers = Answers {
            consoles: ConsoleStatuses::new(),
            drives: DriveStatuses::new(),
            network: None,
            routed: Vec::new(),
        };
        let named = |answers: &Answers| {
            let boards = collect(&config, answers).unwrap().into_iter();
            let names: Vec<String> = boards.map(|board| board.hostname.to_string()).collect();
            names
        };
        let second = Hostname::hashed(&serials[1], 0).to_string();
        assert_eq!(named(&answers), ["cpy-000001", &second]);
        answers.network = Some(NetworkStatus {
            avahi: AvahiState::Running,
            boards: [(serials[0].clone(), held)].into(),
        });
        assert_eq!(named(&answers), ["cpy-00000b", "cpy-000001"]);
        answers.routed.push(RoutedBoard {
            serial: serials[1].clone(),
            hostname: "cpy-00000c".parse().unwrap(),
            port: None,
        });
        assert_eq!(named(&answers), ["cpy-000001", "cpy-00000c"]);
    }

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
        assert_eq!(share(0, 512), "0/512 B");
        assert_eq!(share(512, 1_028_096), "0/1004 KiB");
        assert_eq!(share(9 << 20, 16 << 20), "9/16 MiB");
    }

    #[test]
    fn a_usual_table_fits_a_terminal_and_says_where_boards_are_without_names() {
        let listen = ["127.0.0.1:8080".parse().unwrap()];
        let hostname: Hostname = "cpy-7e6f35".parse().unwrap();
        let board = |port| ListedBoard {
            serial: "E6614C311B7E6F35".parse().unwrap(),
            address: address(&hostname, &listen),
            hostname: hostname.clone(),
            port,
            board_name: Some("Raspberry Pi Pico".into()),
            version: None,
            console: Some(ConsoleStatus {
                state: ConsoleState::Running,
                title: String::new(),
                clients: 0,
            }),
            drive: Some(DriveStatus {
                state: DriveState::Ready,
                writable: true,
                reason: String::new(),
                free: 1_000 << 10,
                total: 1_004 << 10,
                block_size: 512,
            }),
            network: None,
            problem: None,
        };
        let table = text(&[board(Some(8001))], &listen);
        assert!(table.lines().all(|line| line.len() <= 100), "{table}");
        assert!(
            table.contains("  8001  ") && table.contains("http://localhost:PORT/"),
            "{table}"
        );
        assert!(!text(&[board(None)], &listen).contains("PORT/"));
    }
}
