//! Consoles end to end: boards are PTYs, each client is a WebSocket on the daemon's socket.

mod bench;

use std::fs::File;
use std::time::{Duration, Instant};

use bench::{A1, Bench, Board, mode, within};
use cpy_board::status::ConsoleState;
use futures_util::{SinkExt, StreamExt};
use hyper::{Method, StatusCode};
use rustix::fs::FlockOperation;
use rustix::termios::tcgetattr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::{Error, Message};

const SKIPPED: &str = "bytes skipped: this connection is too slow";
const GONE: &str =
    "[The board is gone. This console stays open and goes on when the board is back.]\r\n";
const BACK: &str = "[The board is back.]\r\n";
const NOT_SENT: &str = "[Not sent: the board's console is not open.]\r\n";

#[tokio::test]
async fn two_clients_share_one_console() {
    let (bench, board) = Bench::with_board().await;
    board.print(b"before\r\n").await;
    let mut one = bench.join(A1).await;
    one.until_end("before\r\n").await;
    let mut two = bench.join(A1).await;
    bench.until(A1, |status| status.clients == 2).await;
    board.print("live 🐍".as_bytes()).await;
    for client in [&mut one, &mut two] {
        client.until_end("🐍").await;
        assert_eq!(client.seen, "before\r\nlive 🐍");
    }
    one.send(Message::text("print(1)\r")).await;
    board.expect(b"print(1)\r").await;
    two.send(Message::text("\x03\x04\x01")).await;
    board.expect(b"\x03\x04\x01").await;
    drop((one, two));
    bench.until(A1, |status| status.clients == 0).await;
}

#[tokio::test]
async fn echo_is_off_before_the_first_byte_is_read() {
    let bench = Bench::start().await;
    let board = Board::new();
    board.print(b"Adafruit CircuitPython\r\n>>> ").await;
    // This terminal does echo, as a fresh one does.
    within("an echo", board.typed()).await;
    bench.plug_in(A1, &board);
    bench.until_state(A1, ConsoleState::Unknown).await;
    board.print(b"more").await;
    let mut client = bench.join(A1).await;
    client.until_end("more").await;
    // A line end that came before the port was raw may have been translated.
    assert_eq!(
        client.seen.replace(['\r', '\n'], ""),
        "Adafruit CircuitPython>>> more"
    );
    assert_eq!(
        board.typed_now().unwrap_err().kind(),
        std::io::ErrorKind::WouldBlock
    );
    client.send(Message::text("\x03\r")).await;
    board.expect(b"\x03\r").await;
}

#[tokio::test]
async fn the_port_is_raw_exclusive_and_far_from_1200_baud() {
    let (_bench, board) = Bench::with_board().await;
    let device = File::open(&board.device).unwrap();
    let mut raw = tcgetattr(&device).unwrap();
    assert_eq!((raw.input_speed(), raw.output_speed()), (115_200, 115_200));
    let settings = format!("{raw:?}");
    raw.make_raw();
    assert_eq!(format!("{raw:?}"), settings);
    let lock = rustix::fs::flock(&device, FlockOperation::NonBlockingLockExclusive);
    assert!(lock.is_err());
}

#[tokio::test]
async fn a_character_split_between_two_reads_is_whole() {
    let (bench, board) = Bench::with_board().await;
    let mut client = bench.join(A1).await;
    let snake = "🐍".as_bytes();
    board.print(b"a").await;
    board.print(&snake[..2]).await;
    client.until_end("a").await;
    board.print(&snake[2..]).await;
    client.until_end("🐍").await;
    assert_eq!(client.seen, "a🐍");
}

#[tokio::test]
async fn invalid_utf8_becomes_replacement_characters() {
    let (bench, board) = Bench::with_board().await;
    let bytes = b"a\xff\xfeb\xf0\x9f\x90c\xc3\x28\xed\xa0\x80.";
    board.print(bytes).await;
    let mut client = bench.join(A1).await;
    client.until_end(".").await;
    assert_eq!(client.seen, String::from_utf8_lossy(bytes));
}

#[tokio::test]
async fn a_stuck_client_never_stalls_the_port() {
    let (bench, board) = Bench::with_board().await;
    let mut stuck = bench.join(A1).await;
    let mut other = bench.join(A1).await;
    bench.until(A1, |status| status.clients == 2).await;
    let line = format!("{}\r\n", "0123456789é".repeat(8));
    let total = 20_000_000 / line.len();
    let printing = async {
        for _ in 0..total {
            board.print(line.as_bytes()).await;
        }
        board.print(b"the end").await;
    };
    within("20 MB", async {
        tokio::join!(printing, other.until_end("the end"))
    })
    .await;
    let printed = total * line.len() + "the end".len();
    assert!(
        other.seen.len() == printed || other.seen.contains(SKIPPED),
        "{} of {printed} bytes",
        other.seen.len()
    );
    stuck.until_end("the end").await;
    assert!(stuck.seen.contains(SKIPPED));
    assert!(stuck.seen.ends_with(&format!("{line}the end")));
}

#[tokio::test]
async fn text_comes_in_frames_of_bounded_size() {
    let (bench, board) = Bench::with_board().await;
    board.print("é".repeat(40_000).as_bytes()).await;
    board.print(b".").await;
    let mut client = bench.join(A1).await;
    while !client.seen.ends_with('.') {
        let message = within("text", client.socket.next()).await.unwrap().unwrap();
        let text = message.into_text().unwrap();
        assert!(text.len() <= 16 * 1024);
        client.seen.push_str(&text);
    }
    assert!(client.seen.len() <= 80_001);
}

#[tokio::test]
async fn sixty_four_kib_paste_arrives_in_order() {
    let (bench, board) = Bench::with_board().await;
    let mut client = bench.join(A1).await;
    let paste: Vec<u8> = (0..200_000_u32).flat_map(u32::to_be_bytes).collect();
    for size in [64 * 1024, paste.len()] {
        client.send(Message::binary(paste[..size].to_vec())).await;
        board.expect(&paste[..size]).await;
    }
}

#[tokio::test]
async fn binary_frames_fragments_and_empty_texts_are_taken() {
    let (bench, board) = Bench::with_board().await;
    let mut client = bench.join(A1).await;
    client.send(Message::text("")).await;
    client.send(Message::binary(vec![])).await;
    client.send(Message::binary(vec![0, 0xff, 3])).await;
    board.expect(&[0, 0xff, 3]).await;
    let fragment = |bytes: &'static str, data, last| {
        Message::Frame(Frame::message(bytes.as_bytes(), OpCode::Data(data), last))
    };
    client.send(fragment("one ", Data::Text, false)).await;
    client.send(Message::Ping("in between".into())).await;
    client.send(fragment("", Data::Continue, false)).await;
    client.send(fragment("two", Data::Continue, true)).await;
    board.expect(b"one two").await;
    assert_eq!(
        client.next_other().await,
        Some(Message::Pong("in between".into()))
    );
}

#[tokio::test]
async fn pings_are_answered_while_the_board_takes_no_input() {
    let (bench, board) = Bench::with_board().await;
    let mut client = bench.join(A1).await;
    let mut other = bench.join(A1).await;
    let paste = vec![b'x'; 200_000];
    client.send(Message::binary(paste.clone())).await;
    client.send(Message::Ping("still there?".into())).await;
    assert_eq!(
        client.next_other().await,
        Some(Message::Pong("still there?".into()))
    );
    // What the board prints still comes, and a second client's key is not behind the whole paste.
    board.print(b"busy").await;
    client.until_end("busy").await;
    other.send(Message::text("\x03")).await;
    other.send(Message::Ping("queued".into())).await;
    other.next_other().await;
    let mut typed = Vec::new();
    while !typed.contains(&3) {
        typed.extend(within("Ctrl-C", board.typed()).await);
    }
    assert!(typed.len() < 100_000, "Ctrl-C came after {}", typed.len());
    let rest = paste.len() + 1 - typed.len();
    board.expect(&paste[..rest]).await;
    client.socket.close(None).await.unwrap();
    assert!(matches!(client.next_other().await, Some(Message::Close(_))));
    assert_eq!(client.next_other().await, None);
}

#[tokio::test]
async fn a_client_that_types_too_much_has_to_wait_until_the_board_reads() {
    let (bench, board) = Bench::with_board().await;
    let mut client = bench.join(A1).await;
    let paste: Vec<u8> = (0..750_000_u32).flat_map(u32::to_be_bytes).collect();
    let typing = async {
        for part in paste.chunks(10_000) {
            client.send(Message::binary(part.to_vec())).await;
        }
        client
    };
    let mut typing = Box::pin(typing);
    // The sockets' buffers and the daemon's queue are full long before the end.
    let waits = tokio::time::timeout(Duration::from_millis(300), typing.as_mut()).await;
    assert!(waits.is_err());
    tokio::join!(typing, board.expect(&paste));
}

#[tokio::test]
async fn what_was_typed_before_leaving_is_delivered() {
    let (bench, board) = Bench::with_board().await;
    let mut client = bench.join(A1).await;
    client.send(Message::text("print('bye')\r")).await;
    client.socket.close(None).await.unwrap();
    drop(client);
    board.expect(b"print('bye')\r").await;
}

#[tokio::test]
async fn the_socket_stays_open_over_unplug_and_replug() {
    let (bench, board) = Bench::with_board().await;
    let mut client = bench.join(A1).await;
    board.print(b"first").await;
    client.until_end("first").await;
    // The device goes first, then udev removes the link.
    drop(board);
    client.until_end(GONE).await;
    bench.remove_link(A1);
    bench.until_state(A1, ConsoleState::Offline).await;

    for _ in 0..3 {
        client.send(Message::text("x")).await;
    }
    client.until_end(NOT_SENT).await;
    assert!(matches!(bench.try_join(A1).await, Err(Error::Http(reply)) if reply.status() == 503));

    let board = Board::new();
    bench.plug_in(A1, &board);
    client.until_end(BACK).await;
    board.print(b"second").await;
    client.until_end("second").await;
    assert_eq!(
        client.seen,
        format!("first\r\n{GONE}\r\n{NOT_SENT}\r\n{BACK}second")
    );
    client.send(Message::text("y")).await;
    board.expect(b"y").await;

    // What came before the unplug is still there for somebody new.
    let mut late = bench.join(A1).await;
    late.until_end("second").await;
    assert_eq!(late.seen, format!("first\r\n{GONE}\r\n{BACK}second"));
}

#[tokio::test]
async fn a_link_that_goes_first_closes_the_port() {
    let (bench, board) = Bench::with_board().await;
    let mut client = bench.join(A1).await;
    bench.remove_link(A1);
    client.until_end(GONE).await;
    bench.until_state(A1, ConsoleState::Offline).await;
    bench.plug_in(A1, &board);
    client.until_end(BACK).await;
    board.print(b"again").await;
    client.until_end("again").await;
}

#[tokio::test]
async fn a_replug_within_a_moment_is_seen() {
    let (bench, board) = Bench::with_board().await;
    let mut client = bench.join(A1).await;
    drop(board);
    bench.remove_link(A1);
    let board = Board::new();
    bench.plug_in(A1, &board);
    client.until_end(BACK).await;
    board.print(b"here").await;
    client.until_end("here").await;
}

#[tokio::test]
async fn a_busy_port_is_tried_again() {
    let bench = Bench::start().await;
    let board = Board::new();
    let other = File::open(&board.device).unwrap();
    rustix::fs::flock(&other, FlockOperation::LockExclusive).unwrap();
    bench.plug_in(A1, &board);
    bench.until_state(A1, ConsoleState::Waiting).await;
    let mut client = bench.join(A1).await;
    client.send(Message::text("x")).await;
    client.until_end(NOT_SENT).await;
    drop(other);
    bench.until_state(A1, ConsoleState::Unknown).await;
    board.print(b"ready").await;
    client.until_end("ready").await;
    assert_eq!(client.seen, format!("\r\n{NOT_SENT}ready"));
}

#[tokio::test]
async fn the_title_tells_the_state() {
    let (bench, board) = Bench::with_board().await;
    board
        .print("\x1b]0;🐍code.py | 10.0.3\x1b\\".as_bytes())
        .await;
    bench.until_state(A1, ConsoleState::Running).await;
    board
        .print(
            "\x1b]0;🐍Done | 10.0.3\x1b\\\r\nCode stopped by auto-reload. Reloading soon.\r\n"
                .as_bytes(),
        )
        .await;
    bench.until_state(A1, ConsoleState::Reloading).await;
    let statuses = bench.statuses().await;
    assert_eq!(statuses.values().next().unwrap().title, "🐍Done | 10.0.3");
    let (status, one) = bench.request(Method::GET, "/boards/A1/console").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        one,
        r#"{"state":"reloading","title":"🐍Done | 10.0.3","clients":0}"#
    );
    // The titles pass through.
    let mut client = bench.join(A1).await;
    client.until_end("soon.\r\n").await;
    assert!(client.seen.starts_with("\x1b]0;🐍code.py | 10.0.3\x1b\\"));
}

#[tokio::test]
async fn a_message_beyond_all_bounds_is_refused_with_1009() {
    let (bench, _board) = Bench::with_board().await;
    let mut client = bench.join(A1).await;
    let huge = Message::binary(vec![b'x'; 1024 * 1024 + 1]);
    // The daemon may close before it has read all of it.
    let _ = within("sending", client.socket.send(huge)).await;
    assert_eq!(client.until_close().await, CloseCode::Size);
}

#[tokio::test]
async fn broken_text_is_refused_with_1007() {
    let (bench, _board) = Bench::with_board().await;
    let mut client = bench.join(A1).await;
    let frame = Frame::message(&b"\xff"[..], OpCode::Data(Data::Text), true);
    client.send(Message::Frame(frame)).await;
    assert_eq!(client.until_close().await, CloseCode::Invalid);
}

#[tokio::test]
async fn shutdown_sends_a_close_frame() {
    let (bench, board) = Bench::with_board().await;
    let mut client = bench.join(A1).await;
    let _stuck = bench.join(A1).await;
    bench.until(A1, |status| status.clients == 2).await;
    // More than the stuck client's socket holds.
    let text = vec![b'x'; 2_000_000];
    tokio::join!(board.print(&text), async {
        while client.seen.len() < 500_000 {
            let message = within("text", client.socket.next()).await.unwrap().unwrap();
            client.seen.push_str(message.to_text().unwrap());
        }
    });
    let asked = Instant::now();
    bench.shutdown.request();
    assert_eq!(client.until_close().await, CloseCode::Away);
    assert!(!client.seen.contains("gone"));
    assert_eq!(client.next_other().await, None);
    assert!(bench.shutdown.drain(Duration::from_secs(3)).await);
    assert!(asked.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn other_requests_are_answered_with_a_reason() {
    let (bench, _board) = Bench::with_board().await;
    assert_eq!(mode(&bench.socket()), 0o660);
    for (method, path, expected) in [
        (Method::GET, "/", StatusCode::NOT_FOUND),
        (Method::GET, "/boards/", StatusCode::NOT_FOUND),
        (Method::GET, "/boards/B2/console", StatusCode::NOT_FOUND),
        (Method::GET, "/boards/../console", StatusCode::NOT_FOUND),
        (Method::GET, "/boards/A1/console/x", StatusCode::NOT_FOUND),
        (
            Method::PUT,
            "/boards/A1/console",
            StatusCode::METHOD_NOT_ALLOWED,
        ),
        (Method::DELETE, "/boards", StatusCode::METHOD_NOT_ALLOWED),
    ] {
        let (status, body) = bench.request(method, path).await;
        assert_eq!(status, expected, "{path}");
        assert!(body.ends_with(".\n"), "{body:?}");
    }
    assert!(matches!(bench.try_join("B2").await, Err(Error::Http(reply)) if reply.status() == 404));
}

#[tokio::test]
async fn a_bad_handshake_is_refused() {
    let (bench, _board) = Bench::with_board().await;
    let good = [
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "WebSocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    for (name, value, expected) in [
        ("sec-websocket-version", "8", StatusCode::UPGRADE_REQUIRED),
        ("sec-websocket-key", "short", StatusCode::BAD_REQUEST),
        ("connection", "close", StatusCode::BAD_REQUEST),
    ] {
        let mut headers = good;
        for header in &mut headers {
            if header.0 == name {
                header.1 = value;
            }
        }
        let path = "/boards/A1/console";
        let (status, body) = bench.request_with(Method::GET, path, &headers).await;
        assert_eq!(status, expected, "{name}: {body}");
    }
}

/// RFC 6455, section 1.3, has this key and its answer.
#[tokio::test]
async fn the_handshake_is_as_in_the_rfc() {
    let (bench, _board) = Bench::with_board().await;
    let mut stream = UnixStream::connect(bench.socket()).await.unwrap();
    let request = "GET /boards/A1/console HTTP/1.1\r\nHost: board\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = Vec::new();
    while !reply.ends_with(b"\r\n\r\n") {
        reply.push(within("the reply", stream.read_u8()).await.unwrap());
    }
    let reply = String::from_utf8(reply).unwrap().to_lowercase();
    assert!(reply.starts_with("http/1.1 101 "), "{reply}");
    assert!(
        reply.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n"),
        "{reply}"
    );
    assert!(!reply.contains("extensions"), "{reply}");
}
