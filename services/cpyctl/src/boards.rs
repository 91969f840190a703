//! `cpyctl boards`: a table of the attached boards. A daemon that does not run leaves its columns empty and a
//! line of its own below.

use std::net::SocketAddr;

use anyhow::{Result, bail};
use cpy_board::Config;
use cpy_board::status::{DriveHealth, DriveState};

use crate::daemons::{PATIENCE, Silence};
use crate::output::{self, plain};
use crate::survey::{ListedBoard, Survey, is_local};
use crate::{names, table};

/// Prints the boards of the gateway with this configuration.
pub(crate) async fn print(config: &Config, json: bool) -> Result<()> {
    let survey = Survey::new(config, PATIENCE).await;
    if let Some(forbidden) = survey
        .silences()
        .find(|silence| matches!(silence, Silence::Forbidden(_)))
    {
        bail!("{forbidden}");
    }
    let boards = survey.boards(config)?;
    if json {
        output::print(&serde_json::to_string_pretty(&boards)?)?;
    } else if boards.is_empty() {
        output::print("No board is plugged in.")?;
    } else {
        let named = boards.iter().map(|board| (&board.serial, &board.hostname));
        let network = survey.network.iter();
        let names = network.flat_map(|network| names::lines(network, named.clone()));
        let lines = text(&boards, &config.http.listen).into_iter().chain(names);
        let plain: Vec<String> = lines.map(|line| plain(&line)).collect();
        output::print(&plain.join("\n"))?;
    }
    for silence in survey.silences() {
        eprintln!("cpyctl: {silence}");
    }
    Ok(())
}

/// The boards as a person reads them: lines.
fn text(boards: &[ListedBoard], listen: &[SocketAddr]) -> Vec<String> {
    // A line break in a cell would be taken for the end of the line.
    let cells = |board: &ListedBoard| board.line().iter().map(|cell| plain(cell)).collect();
    let lines: Vec<Vec<String>> = boards.iter().map(cells).collect();
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
        .then(|| format!("Where names do not work: http://{here}:PORT/"));
    let problems = boards.iter().flat_map(|board| {
        let problems = board.problem.iter().map(String::as_str);
        let problems = problems.chain(board.drive_problem());
        problems.map(|problem| format!("{}: {problem}", board.hostname))
    });
    let table = table.lines().map(str::to_owned);
    table.chain(by_port).chain(problems).collect()
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

    /// What the table has no room for. That a drive is write-protected is no news where everybody can see it.
    fn drive_problem(&self) -> Option<&str> {
        let drive = self.drive.as_ref()?;
        let is_new = drive.state == DriveState::Ready && drive.writable && !drive.reason.is_empty();
        is_new.then_some(drive.reason.as_str())
    }

    fn space(&self) -> String {
        match &self.drive {
            None => "-".into(),
            Some(drive) if drive.state == DriveState::Unreadable => drive.reason.clone(),
            Some(drive) => {
                let mut words = format!("{} free", share(drive.free, drive.total));
                if !drive.writable {
                    words += ", write-protected";
                }
                words += match drive.health {
                    DriveHealth::Sound => "",
                    DriveHealth::Disordered => ", not in order",
                    DriveHealth::Damaged => ", damaged",
                };
                words
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
    use cpy_board::Hostname;
    use cpy_board::status::{ConsoleState, ConsoleStatus, DriveStatus};

    use super::*;

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
            address: "http://cpy-7e6f35.localhost:8080/".into(),
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
                health: DriveHealth::Sound,
                reason: String::new(),
                free: 1_000 << 10,
                total: 1_004 << 10,
                block_size: 512,
            }),
            network: None,
            problem: None,
            has_console: true,
            has_drive: true,
        };
        let lines = text(&[board(Some(8001))], &listen);
        let table = lines.join("\n");
        assert!(table.lines().all(|line| line.len() <= 100), "{table}");
        assert!(
            table.contains("  8001  ") && table.contains("http://localhost:PORT/"),
            "{table}"
        );
        let without = text(&[board(None)], &listen);
        assert!(!without.concat().contains("PORT/"));
        let mut hurt = board(None);
        let drive = hurt.drive.as_mut().unwrap();
        drive.health = DriveHealth::Damaged;
        drive.reason = "The drive is damaged.".into();
        let hurt = text(&[hurt], &listen);
        assert!(hurt[1].ends_with("1000/1004 KiB free, damaged"), "{hurt:?}");
        assert_eq!(hurt[2], "cpy-7e6f35: The drive is damaged.");
        let mut odd = board(None);
        odd.board_name = Some("Pico\x1b[2J\n".into());
        let odd = text(&[odd], &listen);
        assert!(
            odd.len() == 2 && odd[1].contains("  Pico\u{fffd}[2J\u{fffd}  "),
            "{odd:?}"
        );
    }
}
