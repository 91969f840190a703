//! The public JSON documents of the web workflow: what a board is, what it holds, and, from other modules, how it
//! does and who else is there.

use cpy_board::http::{Body, json};
use cpy_board::status::DriveState;
use hyper::{Response, StatusCode};
use serde::Serialize;

use crate::board_state::{Observer, Statuses};
use crate::boards::{Board, Boards};
use crate::devices::Devices;
use crate::links::Links;
use crate::refusal::Refusal;
use crate::resource::Document;

/// The version of the web workflow that this is: circup asks for 4 at least.
const WEB_API_VERSION: u32 = 4;

/// `/cp/version.json`
#[derive(Serialize)]
struct VersionDocument {
    web_api_version: u32,
    version: String,
    build_date: String,
    board_name: String,
    mcu_name: String,
    board_id: String,
    creator_id: u16,
    creation_id: u16,
    hostname: String,
    port: u16,
    #[serde(rename = "UID")]
    uid: String,
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

/// A document of a board, or of the gateway where `board` is none.
pub(crate) async fn reply(
    document: Document,
    board: Option<&Board>,
    boards: &Boards,
    links: &Links<'_>,
    observer: &Observer,
) -> Result<Response<Body>, Refusal> {
    let ok = StatusCode::OK;
    Ok(match (document, board) {
        (Document::Version, Some(board)) => json(ok, &version(board, links)),
        (Document::Devices, board) => {
            let (network, peers) = tokio::join!(observer.network(), observer.peers());
            json(ok, &Devices::new(board, boards, (&network, peers), links))
        }
        (Document::DiskInfo, Some(board)) => disk_info(board, observer).await?,
        (Document::Board, Some(board)) => {
            let statuses = Statuses::ask_for(&board.serial, observer).await;
            json(ok, &statuses.of(board, observer))
        }
        (Document::Boards, _) => {
            let statuses = Statuses::ask(observer).await;
            json(ok, &statuses.of_all(boards, observer, links))
        }
        (Document::Version | Document::DiskInfo | Document::Board, None) => {
            return Err(links.which_board(boards));
        }
    })
}

fn version(board: &Board, links: &Links<'_>) -> VersionDocument {
    let firmware = board.firmware();
    let usb = board.record.usb;
    VersionDocument {
        web_api_version: WEB_API_VERSION,
        version: firmware.version,
        build_date: firmware.build_date,
        board_name: firmware.board_name,
        mcu_name: firmware.mcu_name,
        board_id: firmware.board_id,
        creator_id: usb.map_or(0, |usb| usb.vendor),
        creation_id: usb.map_or(0, |usb| usb.product),
        hostname: board.hostname.to_string(),
        port: links.local.port(),
        uid: firmware.uid,
        ip: links.ip(),
    }
}

async fn disk_info(board: &Board, observer: &Observer) -> Result<Response<Body>, Refusal> {
    let drive = match observer.files.drive(&board.serial).await? {
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
