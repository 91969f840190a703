//! The public JSON documents: what the web workflow says of a board, and what the pages show beside it.

use std::sync::Arc;

use cpy_board::http::{Body, json};
use cpy_board::status::{ConsoleState, ConsoleStatuses, DriveState, DriveStatuses};
use cpy_board::{Daemon, Password};
use hyper::header::{CACHE_CONTROL, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;

use crate::boards::{Board, Boards};
use crate::file_proxy::FileProxy;
use crate::links::Links;
use crate::refusal::{self, Refusal};
use crate::resource::Document;
use crate::serial_bridge::SerialBridge;

/// The version of the web workflow that this is: circup asks for 4 at least.
const WEB_API_VERSION: u32 = 4;

/// Who makes the documents.
#[derive(Debug)]
pub(crate) struct Documents {
    pub(crate) files: FileProxy,
    pub(crate) consoles: SerialBridge,
    /// The password of boards that set none.
    pub(crate) default_password: Option<Password>,
}

/// `/cp/version.json`
#[derive(Serialize)]
struct Version<'a> {
    web_api_version: u32,
    version: &'a str,
    build_date: &'a str,
    board_name: &'a str,
    mcu_name: &'a str,
    board_id: &'a str,
    creator_id: u16,
    creation_id: u16,
    hostname: &'a str,
    port: u16,
    #[serde(rename = "UID")]
    uid: &'a str,
    ip: String,
}

/// `/cp/devices.json`
#[derive(Serialize)]
struct Devices<'a> {
    total: usize,
    devices: Vec<Device<'a>>,
}

#[derive(Serialize)]
struct Device<'a> {
    hostname: &'a str,
    instance_name: &'a str,
    port: u16,
    ip: String,
}

/// An entry of `/cp/diskinfo.json`, sizes in bytes.
#[derive(Serialize)]
struct Disk {
    root: &'static str,
    free: u64,
    total: u64,
    block_size: u32,
    writable: bool,
}

/// `/cp/boards.json`
#[derive(Serialize)]
struct Overview<'a> {
    total: usize,
    boards: Vec<Listed<'a>>,
}

#[derive(Serialize)]
struct Listed<'a> {
    #[serde(flatten)]
    board: State<'a>,
    url: String,
}

/// `/cp/board.json`
#[derive(Serialize)]
struct State<'a> {
    serial: &'a str,
    hostname: &'a str,
    port: Option<u16>,
    instance_name: &'a str,
    board_name: &'a str,
    board_id: &'a str,
    version: &'a str,
    uid: &'a str,
    attached: bool,
    console: Option<Console<'a>>,
    drive: Option<Drive<'a>>,
    problems: Vec<String>,
}

#[derive(Serialize)]
struct Console<'a> {
    state: ConsoleState,
    title: &'a str,
}

#[derive(Serialize)]
struct Drive<'a> {
    state: DriveWord,
    writable: bool,
    reason: &'a str,
    free: u64,
    total: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum DriveWord {
    Ready,
    Absent,
    Unreadable,
}

/// What the daemons say of all boards; nothing where one of them does not answer.
struct Statuses {
    consoles: Option<ConsoleStatuses>,
    drives: Option<DriveStatuses>,
}

impl Documents {
    /// A document of a board, or of the gateway where `board` is none.
    pub(crate) async fn reply(
        &self,
        document: Document,
        board: Option<&Board>,
        boards: &Boards,
        links: &Links<'_>,
    ) -> Result<Response<Body>, Refusal> {
        let mut reply = match (document, board) {
            (Document::Version, Some(board)) => json(StatusCode::OK, &version(board, links)),
            (Document::Devices, board) => json(StatusCode::OK, &devices(board, boards, links)),
            (Document::DiskInfo, Some(board)) => self.disk_info(board).await?,
            (Document::Board, Some(board)) => {
                let statuses = self.statuses().await;
                json(StatusCode::OK, &self.state(board, &statuses))
            }
            (Document::Boards, _) => self.overview(boards, links).await,
            (Document::Version | Document::DiskInfo | Document::Board, None) => {
                return Err(links.which_board(boards));
            }
        };
        let no_store = HeaderValue::from_static("no-store");
        reply.headers_mut().insert(CACHE_CONTROL, no_store);
        Ok(reply)
    }

    async fn disk_info(&self, board: &Board) -> Result<Response<Body>, Refusal> {
        let drive = match self.files.drive(&board.serial).await? {
            Ok(drive) => drive,
            Err(answer) => return Ok(answer),
        };
        if drive.state == DriveState::Unreadable {
            return Err(Refusal::DriveUnreadable(drive.reason));
        }
        let disk = Disk {
            root: "/",
            free: drive.free,
            total: drive.total,
            block_size: drive.block_size,
            writable: drive.writable,
        };
        Ok(json(StatusCode::OK, &[disk]))
    }

    async fn overview(&self, boards: &Boards, links: &Links<'_>) -> Response<Body> {
        let statuses = self.statuses().await;
        let boards: Vec<Listed<'_>> = boards
            .attached()
            .map(|board| Listed {
                board: self.state(board, &statuses),
                url: links.board(board),
            })
            .collect();
        let overview = Overview {
            total: boards.len(),
            boards,
        };
        json(StatusCode::OK, &overview)
    }

    async fn statuses(&self) -> Statuses {
        let (consoles, drives) = tokio::join!(self.consoles.consoles(), self.files.drives());
        Statuses {
            consoles: consoles.ok(),
            drives: drives.ok(),
        }
    }

    fn state<'a>(&self, board: &'a Board, statuses: &'a Statuses) -> State<'a> {
        let facts = Facts::of(board);
        let console = statuses.consoles.as_ref().and_then(|consoles| {
            let console = consoles.get(&board.serial)?;
            Some(Console {
                state: console.state,
                title: &console.title,
            })
        });
        let drive = statuses.drives.as_ref().map(|drives| {
            let Some(drive) = drives.get(&board.serial) else {
                return Drive {
                    state: DriveWord::Absent,
                    writable: false,
                    reason: "",
                    free: 0,
                    total: 0,
                };
            };
            Drive {
                state: match drive.state {
                    DriveState::Ready => DriveWord::Ready,
                    DriveState::Unreadable => DriveWord::Unreadable,
                },
                writable: drive.writable,
                reason: &drive.reason,
                free: drive.free,
                total: drive.total,
            }
        });
        State {
            serial: board.serial.as_str(),
            hostname: board.hostname.as_str(),
            port: board.port,
            instance_name: board.instance_name(),
            board_name: facts.board_name,
            board_id: facts.board_id,
            version: facts.version,
            uid: facts.uid,
            attached: board.attached,
            problems: self.problems(board, statuses, console.as_ref(), drive.as_ref()),
            console,
            drive,
        }
    }

    /// What is wrong with a board, a sentence each.
    fn problems(
        &self,
        board: &Board,
        statuses: &Statuses,
        console: Option<&Console<'_>>,
        drive: Option<&Drive<'_>>,
    ) -> Vec<String> {
        let mut problems = Vec::new();
        if statuses.consoles.is_none() {
            problems.push(Refusal::NotRunning(Daemon::SerialBridge).to_string());
        }
        if statuses.drives.is_none() {
            problems.push(Refusal::NotRunning(Daemon::FileProxy).to_string());
        }
        if !board.attached {
            problems.push(Refusal::NotPluggedIn(board.hostname.clone()).to_string());
            return problems;
        }
        if console.is_some_and(|console| console.state == ConsoleState::Waiting) {
            problems.push("The board's console cannot be opened yet.".to_owned());
        }
        match drive {
            Some(drive) if matches!(drive.state, DriveWord::Absent) => {
                problems
                    .push("The board shows no drive, so its files cannot be reached.".to_owned());
            }
            Some(drive) if !drive.reason.is_empty() => problems.push(drive.reason.to_owned()),
            _ => {}
        }
        problems.extend(board.record.settings_problem.clone());
        if board.record.settings.password.is_none() && self.default_password.is_none() {
            problems.push(refusal::NO_PASSWORD.to_owned());
        }
        problems
    }
}

fn version<'a>(board: &'a Board, links: &Links<'_>) -> Version<'a> {
    let facts = Facts::of(board);
    let usb = board.record.usb;
    Version {
        web_api_version: WEB_API_VERSION,
        version: facts.version,
        build_date: facts.build_date,
        board_name: facts.board_name,
        mcu_name: facts.mcu_name,
        board_id: facts.board_id,
        creator_id: usb.map_or(0, |usb| usb.vendor),
        creation_id: usb.map_or(0, |usb| usb.product),
        hostname: board.hostname.as_str(),
        port: links.port(),
        uid: facts.uid,
        ip: links.ip(),
    }
}

/// Every board but the one that is asked.
fn devices<'a>(asked: Option<&Board>, boards: &'a Boards, links: &Links<'_>) -> Devices<'a> {
    let devices: Vec<Device<'_>> = boards
        .attached()
        .map(Arc::as_ref)
        .filter(|board| asked.is_none_or(|asked| asked.serial != board.serial))
        .map(|board| Device {
            hostname: board.hostname.as_str(),
            instance_name: board.instance_name(),
            port: links.main_port(),
            ip: links.ip(),
        })
        .collect();
    Devices {
        total: devices.len(),
        devices,
    }
}

/// What `boot_out.txt` says; empty where there is none, but for the serial in the place of the id.
struct Facts<'a> {
    version: &'a str,
    build_date: &'a str,
    board_name: &'a str,
    mcu_name: &'a str,
    board_id: &'a str,
    uid: &'a str,
}

impl<'a> Facts<'a> {
    fn of(board: &'a Board) -> Self {
        let serial = board.serial.as_str();
        match &board.record.firmware {
            Some(firmware) => Self {
                version: &firmware.version,
                build_date: &firmware.build_date,
                board_name: &firmware.board_name,
                mcu_name: &firmware.mcu_name,
                board_id: &firmware.board_id,
                uid: if firmware.uid.is_empty() {
                    serial
                } else {
                    &firmware.uid
                },
            },
            None => Self {
                version: "",
                build_date: "",
                board_name: "",
                mcu_name: "",
                board_id: "",
                uid: serial,
            },
        }
    }
}
