//! How boards do, for the pages: what the daemons say of consoles, drives and names, and what is wrong, in sentences.

use std::sync::Arc;

use cpy_board::Serial;
use cpy_board::status::Peers;
use cpy_board::status::{ConsoleState, ConsoleStatuses, DriveState, DriveStatus, DriveStatuses};
use serde::Serialize;
use tokio::sync::watch;

use crate::boards::{Board, Boards};
use crate::exchanges::Exchanges;
use crate::file_proxy::FileProxy;
use crate::links::Links;
use crate::mdns_advertiser::MdnsAdvertiser;
use crate::network::{self, Network, NetworkAnswer};
use crate::policy::Policy;
use crate::refusal::Refusal;
use crate::serial_bridge::SerialBridge;

/// Whom to ask, and what is known beside.
#[derive(Debug)]
pub(crate) struct Observer {
    pub(crate) files: FileProxy,
    pub(crate) consoles: SerialBridge,
    pub(crate) names: MdnsAdvertiser,
    pub(crate) exchanges: Exchanges,
    pub(crate) policy: watch::Receiver<Arc<Policy>>,
}

impl Observer {
    /// What the configuration says now.
    pub(crate) fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.policy.borrow())
    }

    /// How names do.
    pub(crate) async fn network(&self) -> NetworkAnswer {
        self.names.network(&self.policy()).await
    }

    /// Other devices.
    pub(crate) async fn peers(&self) -> Peers {
        self.names.peers(&self.policy()).await
    }
}

/// What the daemons say of boards, or why one of them says nothing.
pub(crate) struct Statuses {
    consoles: Result<ConsoleStatuses, Refusal>,
    drives: Result<DriveStatuses, Refusal>,
    network: NetworkAnswer,
}

/// `/cp/boards.json`
#[derive(Serialize)]
pub(crate) struct AllStates {
    total: usize,
    /// What is wrong with the gateway itself.
    problems: Vec<String>,
    /// What keeps boards' names from the network.
    name_problems: Vec<String>,
    boards: Vec<Listed>,
}

#[derive(Serialize)]
struct Listed {
    #[serde(flatten)]
    board: State,
    url: String,
}

/// `/cp/board.json`
#[derive(Serialize)]
pub(crate) struct State {
    serial: String,
    hostname: String,
    port: Option<u16>,
    instance_name: String,
    board_name: String,
    board_id: String,
    version: String,
    uid: String,
    attached: bool,
    console: Option<Console>,
    drive: Option<Drive>,
    network: Network,
    problems: Vec<String>,
}

#[derive(Serialize)]
struct Console {
    state: ConsoleState,
    title: String,
}

#[derive(Default, Serialize)]
struct Drive {
    state: DriveWord,
    writable: bool,
    reason: String,
    free: u64,
    total: u64,
}

#[derive(Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum DriveWord {
    Ready,
    #[default]
    Absent,
    Unreadable,
}

impl Statuses {
    /// Of all boards.
    pub(crate) async fn ask(observer: &Observer) -> Self {
        let (consoles, drives, network) = tokio::join!(
            observer.consoles.consoles(),
            observer.files.drives(),
            observer.network()
        );
        Self {
            consoles,
            drives,
            network,
        }
    }

    /// Of one board only.
    pub(crate) async fn ask_for(serial: &Serial, observer: &Observer) -> Self {
        let (console, drive, network) = tokio::join!(
            observer.consoles.console(serial),
            observer.files.drive(serial),
            observer.network()
        );
        let entry = |status| (serial.clone(), status);
        Self {
            consoles: console.map(|known| known.into_iter().map(entry).collect()),
            drives: drive.map(|known| known.into_iter().map(|s| (serial.clone(), s)).collect()),
            network,
        }
    }

    /// Every attached board, with its address.
    pub(crate) fn of_all(
        &self,
        boards: &Boards,
        observer: &Observer,
        links: &Links<'_>,
    ) -> AllStates {
        let listed: Vec<Listed> = boards
            .attached()
            .map(|board| Listed {
                board: self.of(board, observer),
                url: links.board(board),
            })
            .collect();
        AllStates {
            total: listed.len(),
            problems: boards.problems().to_vec(),
            name_problems: network::problems_of_all(boards, &self.network),
            boards: listed,
        }
    }

    pub(crate) fn of(&self, board: &Board, observer: &Observer) -> State {
        let console = self.consoles.as_ref().ok().and_then(|consoles| {
            let console = consoles.get(&board.serial)?;
            Some(Console {
                state: console.state,
                title: console.title.clone(),
            })
        });
        let drive = match &self.drives {
            Ok(_) if !board.has_drive => Some(Drive::default()),
            Ok(drives) => drives.get(&board.serial).map(Drive::from),
            Err(_) => None,
        };
        let mut problems = Vec::new();
        if !board.attached {
            problems.push(Refusal::NotPluggedIn(board.hostname.clone()).to_string());
        }
        problems.extend(self.consoles.as_ref().err().map(ToString::to_string));
        problems.extend(self.drives.as_ref().err().map(ToString::to_string));
        if board.attached {
            problems.extend(console.as_ref().and_then(Console::problem));
            problems.extend(drive.as_ref().and_then(Drive::problem));
            if drive.is_none() && self.drives.is_ok() {
                problems.push("The board's drive does not answer now.".to_owned());
            }
            problems.extend(board.record.settings_problem.clone());
            problems.extend(board.refused_port.map(refused_port));
            if board.unread {
                problems.push(Refusal::SettingsUnread(board.hostname.clone()).to_string());
            } else {
                let own = board.record.settings.password.as_ref();
                problems.extend(observer.policy().password(own).err().map(|r| r.to_string()));
            }
        }
        let firmware = board.firmware();
        State {
            serial: board.serial.to_string(),
            hostname: board.hostname.to_string(),
            port: board.port,
            instance_name: network::instance_name(board, &self.network).to_owned(),
            board_name: firmware.board_name,
            board_id: firmware.board_id,
            version: firmware.version,
            uid: firmware.uid,
            attached: board.attached,
            console,
            drive,
            network: Network::of(board, &self.network),
            problems,
        }
    }
}

fn refused_port(port: u16) -> String {
    format!(
        "CIRCUITPY_WEB_API_PORT asks for port {port}, which cannot be had on this machine: \
         the board does not answer there."
    )
}

impl Console {
    fn problem(&self) -> Option<String> {
        let waits = self.state == ConsoleState::Waiting;
        waits.then(|| "The board's console cannot be opened yet.".to_owned())
    }
}

impl Drive {
    fn problem(&self) -> Option<String> {
        if self.state == DriveWord::Absent {
            return Some("The board shows no drive, so its files cannot be reached.".to_owned());
        }
        (!self.reason.is_empty()).then(|| self.reason.clone())
    }
}

impl From<&DriveStatus> for Drive {
    fn from(drive: &DriveStatus) -> Self {
        Self {
            state: match drive.state {
                DriveState::Ready => DriveWord::Ready,
                DriveState::Unreadable => DriveWord::Unreadable,
            },
            writable: drive.writable,
            reason: drive.reason.clone(),
            free: drive.free,
            total: drive.total,
        }
    }
}
