//! The console over the network: a REPL that many people share.

use cpy_tests::{Board, Console, Gateway};
use tokio_tungstenite::tungstenite::{Bytes, Message};

const SERIAL: &str = "E6614C311B7E6F35";

async fn repl(gateway: &Gateway, board: &Board) -> Console {
    let mut console = Console::open(gateway, board).await;
    console.until("Press any key to enter the REPL").await;
    console.send("\r").await;
    console.until(">>> ").await;
    console
}

#[tokio::test]
async fn what_is_typed_is_evaluated() {
    let gateway = Gateway::start().await;
    let board = gateway.plug(SERIAL, &[]).await;
    let mut console = repl(&gateway, &board).await;
    console.send("print('ä' * 3)\r").await;
    console.until("äää\r\n>>> ").await;
    console.send("while True: pass\r\r").await;
    console.send("\x03").await;
    console.until("KeyboardInterrupt").await;
    console.until(">>> ").await;
    console.send("\x04").await;
    console.until("soft reboot").await;
    console.until("Hello World!").await;
}

#[tokio::test]
async fn a_save_makes_the_board_reload_and_its_output_comes() {
    let gateway = Gateway::start().await;
    let board = gateway.plug(SERIAL, &[]).await;
    let mut console = Console::open(&gateway, &board).await;
    console.until("Press any key").await;
    let program = "print('saved', 6 * 7)\n";
    gateway
        .call("PUT", "/fs/code.py")
        .to(&board)
        .body(program)
        .expect(204)
        .await;
    console.until("saved 42").await;
}

#[tokio::test]
async fn a_paste_of_64_kib_arrives_in_order() {
    let gateway = Gateway::start().await;
    let board = gateway.plug(SERIAL, &[]).await;
    let mut console = repl(&gateway, &board).await;
    console.send("\x05").await;
    console.until("=== ").await;
    let mut program = String::from("total = ''\n");
    let mut expected = 0_u64;
    for n in 0_u64.. {
        let line = format!("total += '{n:05}'\n");
        if program.len() + line.len() > 64 << 10 {
            break;
        }
        expected += n;
        program.push_str(&line);
    }
    console.send(&program.replace('\n', "\r")).await;
    console
        .send(
            "print(sum(int(total[n:n + 5]) for n in range(0, len(total), 5)), 'is the sum')\r\x04",
        )
        .await;
    console.until(&format!("\n{expected} is the sum")).await;
}

#[tokio::test]
async fn two_clients_share_one_console_and_a_late_one_sees_the_past() {
    let gateway = Gateway::start().await;
    let board = gateway.plug(SERIAL, &[]).await;
    let mut first = repl(&gateway, &board).await;
    let mut second = Console::open(&gateway, &board).await;
    second.until("Hello World!").await;
    second.send("6 * 7\r").await;
    first.until("42\r\n").await;
    second.until("42\r\n").await;
    first.send("7 * 8\r").await;
    second.until("56\r\n").await;
}

#[tokio::test]
async fn frames_of_any_kind_are_taken_and_pings_answered() {
    let gateway = Gateway::start().await;
    let board = gateway.plug(SERIAL, &[]).await;
    let mut console = repl(&gateway, &board).await;
    console.message(Message::text("")).await;
    console.message(Message::binary(&b"10 + 1\r"[..])).await;
    console.until("11\r\n").await;
    console
        .message(Message::Ping(Bytes::from_static(b"still there?")))
        .await;
    let payload = loop {
        if let Message::Pong(payload) = console.next().await.expect("the console is open") {
            break payload;
        }
    };
    assert_eq!(&payload[..], b"still there?");
    console.send("12 + 1\r").await;
    console.until("13\r\n").await;
}

#[tokio::test]
async fn http_answers_while_the_console_is_flooded_and_nobody_reads() {
    let gateway = Gateway::start().await;
    let board = gateway.plug(SERIAL, &["--flood"]).await;
    let _stuck = Console::open(&gateway, &board).await;
    for _ in 0..20 {
        let begun = std::time::Instant::now();
        gateway
            .call("GET", "/cp/version.json")
            .board(&board)
            .expect(200)
            .await;
        assert!(
            begun.elapsed().as_secs() < 2,
            "the online editor gives up after 2 s"
        );
    }
}

#[tokio::test]
async fn the_console_follows_unplug_and_replug() {
    let gateway = Gateway::start().await;
    let mut board = gateway.plug(SERIAL, &[]).await;
    let mut console = repl(&gateway, &board).await;
    board.unplug();
    console.until("The board is gone").await;
    board.plug();
    console.until("Hello World!").await;
}
