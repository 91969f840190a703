//! How boards do, for the pages: what the daemons say of consoles and drives, and what is wrong, in sentences.

use cpy_board::status::{ConsoleState, ConsoleStatuses, DriveState, DriveStatus, DriveStatuses};
use cpy_board::{Daemon, Password};
use serde::Serialize;

use crate::boards::{Board, Boards};
use crate::file_proxy::FileProxy;
use crate::links::Links;
use crate::refusal::{self, Refusal};
use crate::serial_bridge::SerialBridge;

/// Whom to ask, and what is known beside.
#[derive(Debug)]
pub(crate) struct Observer {
    pub(crate) files: FileProxy,
    pub(crate) consoles: SerialBridge,
    /// The password of boards that set none.
    pub(crate) default_password: Option<Password>,
}

/// What the daemons say of all boards; nothing where one of them does not answer.
pub(crate) struct Statuses {
    consoles: Option<ConsoleStatuses>,
    drives: Option<DriveStatuses>,
}

/// `/cp/boards.json`
#[derive(Serialize)]
pub(crate) struct AllStates {
    total: usize,
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
    pub(crate) async fn ask(observer: &Observer) -> Self {
        let (consoles, drives) =
            tokio::join!(observer.consoles.consoles(), observer.files.drives());
        Self {
            consoles: consoles.ok(),
            drives: drives.ok(),
        }
    }

    /// Every attached board, with its address.
    pub(crate) fn of_all(
        &self,
        boards: &Boards,
        observer: &Observer,
        links: &Links<'_>,
    ) -> AllStates {
        let boards: Vec<Listed> = boards
            .attached()
            .map(|board| Listed {
                board: self.of(board, observer),
                url: links.board(board),
            })
            .collect();
        AllStates {
            total: boards.len(),
            boards,
        }
    }

    pub(crate) fn of(&self, board: &Board, observer: &Observer) -> State {
        let console = self.consoles.as_ref().and_then(|consoles| {
            let console = consoles.get(&board.serial)?;
            Some(Console {
                state: console.state,
                title: console.title.clone(),
            })
        });
        let drive = self.drives.as_ref().map(|drives| {
            drives
                .get(&board.serial)
                .map_or_else(Drive::default, Drive::from)
        });
        let mut problems = Vec::new();
        if !board.attached {
            problems.push(Refusal::NotPluggedIn(board.hostname.clone()).to_string());
        }
        if self.consoles.is_none() {
            problems.push(Refusal::NotRunning(Daemon::SerialBridge).to_string());
        }
        if self.drives.is_none() {
            problems.push(Refusal::NotRunning(Daemon::FileProxy).to_string());
        }
        if board.attached {
            problems.extend(console.as_ref().and_then(Console::problem));
            problems.extend(drive.as_ref().and_then(Drive::problem));
            problems.extend(board.record.settings_problem.clone());
            if board.record.settings.password.is_none() && observer.default_password.is_none() {
                problems.push(refusal::NO_PASSWORD.to_owned());
            }
        }
        let firmware = board.firmware();
        State {
            serial: board.serial.to_string(),
            hostname: board.hostname.to_string(),
            port: board.port,
            instance_name: board.instance_name().to_owned(),
            board_name: firmware.board_name,
            board_id: firmware.board_id,
            version: firmware.version,
            uid: firmware.uid,
            attached: board.attached,
            console,
            drive,
            problems,
        }
    }
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
