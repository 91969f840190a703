//! Daemons that are asked to end: what is under way comes to its end, clients are told, and it takes less than 5 s.

use std::time::{Duration, Instant};

use cpy_tests::gateway::DAEMONS;
use cpy_tests::{Board, Console, Gateway, http, wait};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

const SERIAL: &str = "E6614C311B7E6F35";
const OTHER: &str = "E6614C31AAAAAA01";
const IN_TIME: Duration = Duration::from_secs(5);

/// Sends the head of an upload, and as much of its content.
async fn upload(gateway: &Gateway, board: &Board, path: &str, length: usize) -> TcpStream {
    let mut stream = TcpStream::connect(gateway.address())
        .await
        .expect("it connects");
    let lines =
        format!("Content-Length: {length}\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n");
    let head = http::head("PUT", path, board) + &lines;
    stream.write_all(head.as_bytes()).await.expect("it is read");
    let mut asked = [0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
    stream.read_exact(&mut asked).await.expect("it answers");
    assert!(asked.starts_with(b"HTTP/1.1 100 "));
    stream
}

async fn answer(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let read = timeout(wait::DEADLINE, stream.read_to_end(&mut answer)).await;
    // A reset is an end, too.
    let _ = read.expect("the connection is not closed");
    String::from_utf8_lossy(&answer).into_owned()
}

/// How the console ends: its last message must be this one.
async fn goes_away(console: &mut Console) {
    let mut last = None;
    while let Ok(Some(message)) = timeout(wait::DEADLINE, console.next()).await {
        last = Some(message);
    }
    let Some(Message::Close(Some(frame))) = last else {
        panic!("no goodbye, but {last:?}");
    };
    assert_eq!(frame.code, CloseCode::Away);
}

#[tokio::test]
async fn all_daemons_end_at_once_with_saves_finished_and_clients_told() {
    let mut gateway = Gateway::start().await;
    let mut board = gateway.plug(SERIAL, &["--size", "4096"]).await;
    let other = gateway.plug(OTHER, &[]).await;
    let big: Vec<u8> = (0..700_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    gateway
        .call("PUT", "/fs/big.bin")
        .to(&board)
        .body(big.clone())
        .expect(201)
        .await;
    let mut consoles = [
        Console::open(&gateway, &board).await,
        Console::open(&gateway, &other).await,
    ];
    // Connections that do not hurry: idle, in a head, in a body, in an answer.
    let _silent = TcpStream::connect(gateway.address()).await.unwrap();
    let mut in_head = TcpStream::connect(gateway.address()).await.unwrap();
    in_head.write_all(b"GET / HTTP/1.1\r\nHos").await.unwrap();
    let mut stalled = upload(&gateway, &other, "/fs/stalled.txt", 100).await;
    stalled.write_all(b"stalled").await.unwrap();
    let mut slow_reader = TcpStream::connect(gateway.address()).await.unwrap();
    let ask = http::head("GET", "/fs/big.bin", &board) + "\r\n";
    slow_reader.write_all(ask.as_bytes()).await.unwrap();
    slow_reader.read_u8().await.unwrap();
    // And one save whose content is on its way.
    let mut save = upload(&gateway, &board, "/fs/saved.bin", big.len()).await;
    save.write_all(&big).await.unwrap();

    let stopping = tokio::task::spawn_blocking(move || (gateway.terminate_all(), gateway));
    let answer = answer(&mut save).await;
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer:?}");
    for console in &mut consoles {
        goes_away(console).await;
    }
    let times;
    (times, gateway) = stopping.await.unwrap();
    println!("{times:?}");
    for (daemon, time) in times {
        assert!(time < IN_TIME, "{daemon}: {time:?}");
    }
    assert!(board.image().read("/saved.bin").unwrap() == big);
    board.unplug();
    drop((board, other));
    drop(gateway);
}

/// Ends a daemon while the test goes on, and says how long that took.
fn ending(mut gateway: Gateway, daemon: &'static str) -> JoinHandle<(Duration, Gateway)> {
    tokio::task::spawn_blocking(move || {
        let begun = Instant::now();
        gateway.terminate(daemon);
        (begun.elapsed(), gateway)
    })
}

#[tokio::test]
async fn whichever_daemon_of_a_console_ends_its_clients_get_a_goodbye() {
    let mut gateway = Gateway::start().await;
    let board = gateway.plug(SERIAL, &[]).await;
    for daemon in ["cpy-serial-bridge", "cpy-http-gateway"] {
        let mut console = Console::open(&gateway, &board).await;
        // Somebody must read on, so that the goodbye is answered.
        let reading = tokio::spawn(async move { goes_away(&mut console).await });
        let time;
        (time, gateway) = ending(gateway, daemon).await.unwrap();
        assert!(time < IN_TIME, "{daemon}: {time:?}");
        reading.await.unwrap();
        gateway.start_daemon(daemon);
        gateway.answers().await;
        gateway.ready(&board).await;
    }
}

#[tokio::test]
async fn a_save_whose_content_comes_while_its_daemons_end_is_finished() {
    for daemon in ["cpy-file-proxy", "cpy-http-gateway"] {
        let mut gateway = Gateway::start().await;
        let board = gateway.plug(SERIAL, &[]).await;
        let mut save = upload(&gateway, &board, "/fs/saved.txt", 10).await;
        save.write_all(b"01234").await.unwrap();
        let socket = gateway.directory().join("run/file-proxy/http.sock");
        let address = gateway.address();
        let stopping = ending(gateway, daemon);
        wait::until("the daemon has heard it and listens no more", async || {
            let listens = match daemon {
                "cpy-file-proxy" => UnixStream::connect(&socket).await.is_ok(),
                _ => TcpStream::connect(address).await.is_ok(),
            };
            (!listens).then_some(())
        })
        .await;
        save.write_all(b"56789").await.unwrap();
        let answer = answer(&mut save).await;
        assert!(answer.starts_with("HTTP/1.1 201 "), "{daemon}: {answer:?}");
        let time;
        (time, gateway) = stopping.await.unwrap();
        assert!(time < IN_TIME, "{daemon}: {time:?}");
        let saved = board.image().read("/saved.txt");
        assert_eq!(saved.unwrap(), b"0123456789");
        drop(board);
        drop(gateway);
    }
}

#[tokio::test]
async fn daemons_with_nothing_to_do_end_at_once() {
    let mut gateway = Gateway::start().await;
    let _board = gateway.plug(SERIAL, &[]).await;
    let _silent = TcpStream::connect(gateway.address()).await.unwrap();
    let times = gateway.terminate_all();
    assert_eq!(times.len(), DAEMONS.len());
    for (daemon, time) in times {
        assert!(time < Duration::from_secs(3), "{daemon}: {time:?}");
    }
}

#[tokio::test]
async fn an_upload_that_trickles_in_holds_no_daemon_for_longer() {
    for daemon in ["cpy-file-proxy", "cpy-http-gateway"] {
        let mut gateway = Gateway::start().await;
        let board = gateway.plug(SERIAL, &[]).await;
        let mut slow = upload(&gateway, &board, "/fs/slow.txt", 1000).await;
        let trickling = tokio::spawn(async move {
            let mut second = tokio::time::interval(Duration::from_secs(1));
            while slow.write_all(b".").await.is_ok() {
                second.tick().await;
            }
        });
        let time;
        (time, gateway) = ending(gateway, daemon).await.unwrap();
        assert!(time < IN_TIME, "{daemon}: {time:?}");
        trickling.abort();
        assert_eq!(board.image().read("/slow.txt"), None);
        drop(board);
        drop(gateway);
    }
}
