//! The console: a WebSocket that the gateway opens and then leaves alone.

use crate::bench::{Bench, PICO, RIGHT};
use crate::wire::Wire;

const UPGRADE: &str = "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n";

async fn open(bench: &Bench) -> Wire {
    let mut wire = bench.connect().await;
    let host = bench.address;
    wire.send(&format!(
        "GET /cp/serial/ HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n{RIGHT}{UPGRADE}\r\n"
    ))
    .await;
    let answer = wire.answer().await;
    answer.is(101).has("upgrade", "websocket");
    answer.has("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    answer.has_no("sec-websocket-extensions");
    wire
}

#[tokio::test]
async fn bytes_pass_both_ways_unchanged() {
    let bench = Bench::new().await;
    let mut wire = open(&bench).await;
    for bytes in [
        &b"\x81\x85\x01\x02\x03\x04\x00\xff\x1b[0m\r"[..],
        b"\x03\x04\x05",
    ] {
        wire.send_bytes(bytes).await;
        assert_eq!(wire.exactly(bytes.len()).await, bytes);
    }
}

#[tokio::test]
async fn the_handshake_is_passed_on_without_password_and_extensions() {
    let bench = Bench::new().await;
    let _wire = open(&bench).await;
    let seen = bench.console.seen.last();
    assert_eq!(seen.line, format!("GET /boards/{PICO}/console"));
    assert_eq!(
        seen.header("sec-websocket-key"),
        Some("dGhlIHNhbXBsZSBub25jZQ==")
    );
    assert_eq!(seen.header("sec-websocket-version"), Some("13"));
    assert_eq!(seen.header("upgrade"), Some("websocket"));
    for name in ["authorization", "sec-websocket-extensions", "origin"] {
        assert_eq!(seen.header(name), None, "{seen:?}");
    }
}

#[tokio::test]
async fn http_answers_while_many_consoles_are_open() {
    let bench = Bench::new().await;
    let mut wires = Vec::new();
    for _ in 0..20 {
        wires.push(open(&bench).await);
    }
    bench.get("/cp/version.json", "").await.is(200);
    wires[7].send("still here").await;
    assert_eq!(wires[7].exactly(10).await, b"still here");
}

#[tokio::test]
async fn a_refusal_of_the_handshake_is_passed_back() {
    let bench = Bench::new().await;
    let old = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\n";
    let answer = bench.get("/cp/serial/", &format!("{RIGHT}{old}")).await;
    answer.is(426).says("version 13");
    let evil = format!("{RIGHT}{UPGRADE}Origin: http://evil\r\n");
    bench.get("/cp/serial/", &evil).await.is(403);
    bench.get("/cp/serial/", UPGRADE).await.is(401);
}

#[tokio::test]
async fn each_side_ends_the_console_for_the_other() {
    let mut bench = Bench::new().await;
    let mut wire = open(&bench).await;
    bench.console.stop().await;
    assert!(wire.until_closed().await.is_empty());
    let answer = bench.get("/cp/serial/", &format!("{RIGHT}{UPGRADE}")).await;
    answer
        .is(503)
        .says("console service (serial-bridge) is not running");
    bench.console.start();
    drop(open(&bench).await);
    // The stand-in ends when its last console has.
    assert!(bench.shutdown.drain(crate::bench::DEADLINE).await);
}

#[tokio::test]
async fn the_end_of_the_gateway_ends_consoles() {
    let mut bench = Bench::new().await;
    let mut wire = open(&bench).await;
    let stopping = bench.stop();
    let closing = async {
        // 1001: going away.
        assert_eq!(wire.until_closed().await, b"\x88\x02\x03\xe9");
        drop(wire);
    };
    tokio::join!(stopping, closing);
}

#[tokio::test]
async fn a_service_that_was_stopped_does_not_hold_up_what_others_know() {
    let bench = Bench::new().await;
    bench.console.stop().await;
    bench.files.stop().await;
    let _silent = (bench.console.start_silent(), bench.files.start_silent());
    let begun = std::time::Instant::now();
    let state = bench.get("/cp/board.json", "").await.json();
    assert!(begun.elapsed().as_millis() < 1500, "{:?}", begun.elapsed());
    let problems = state["problems"].to_string();
    for service in ["serial-bridge", "file-proxy"] {
        let part = format!("({service}) does not answer");
        assert!(problems.contains(&part), "{problems}");
    }
    let answer = bench.get("/cp/serial/", &format!("{RIGHT}{UPGRADE}")).await;
    answer.is(503).says("does not answer");
}
