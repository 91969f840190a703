//! A keystroke and its echo: through the gateway, and on a bare PTY of an equal board.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;

use cpy_tests::{Board, Console, Gateway, wait};
use rustix::fs::OFlags;
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

use crate::samples::Samples;

const ROUNDS: u32 = 3000;
/// Keys before the line is given up and a new prompt asked for.
const LINE: u32 = 50;
const OPTIONS: [&str; 2] = ["--script", "/dev/null"];

/// Keystrokes in turns on both ways.
pub(crate) async fn measure(gateway: &Gateway) {
    let board = gateway.plug("E6614C31BE0C0002", &OPTIONS).await;
    let mut console = Console::open(gateway, &board).await;
    console.until("Press any key").await;
    let bare_boards = gateway.directory().join("bare");
    let bare = Board::plugged_in(
        gateway.directory(),
        &bare_boards,
        "E6614C31BE0C0003",
        &OPTIONS,
    );
    let mut port = open(&bare_boards.join(bare.serial().as_str()).join("console")).await;
    // Any key enters the REPL.
    console.send("x").await;
    console.until(">>> ").await;
    port.write_all(b"x").unwrap();
    read_until(&mut port, b">>> ");
    let mut through = Samples::default();
    let mut direct = Samples::default();
    for round in 1..=ROUNDS {
        through
            .time(async {
                console.send("q").await;
                console.until("q").await;
            })
            .await;
        direct
            .time(async {
                port.write_all(b"q").unwrap();
                read_until(&mut port, b"q");
            })
            .await;
        if round % LINE == 0 {
            console.send("\x03").await;
            console.until(">>> ").await;
            port.write_all(b"\x03").unwrap();
            read_until(&mut port, b">>> ");
        }
    }
    through.print("keystroke echo, WebSocket");
    direct.print("keystroke echo, bare PTY");
    let added = through.median().saturating_sub(direct.median());
    println!("{:<44}{added:>12.1?}", "keystroke echo, added");
}

async fn open(link: &std::path::Path) -> File {
    let flags = i32::try_from(OFlags::NOCTTY.bits()).unwrap();
    let port = wait::until("the bare board has a console", async || {
        File::options()
            .read(true)
            .write(true)
            .custom_flags(flags)
            .open(link)
            .ok()
    })
    .await;
    let mut mode = tcgetattr(&port).unwrap();
    mode.make_raw();
    tcsetattr(&port, OptionalActions::Now, &mode).unwrap();
    port
}

fn read_until(port: &mut File, end: &[u8]) {
    let mut seen = Vec::new();
    let mut buffer = [0; 256];
    while !seen.windows(end.len()).any(|window| window == end) {
        let count = port.read(&mut buffer).unwrap();
        seen.extend_from_slice(&buffer[..count]);
    }
}
