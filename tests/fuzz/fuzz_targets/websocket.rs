//! The frames of a WebSocket on their way through the gateway to a console: however they come in pieces, the gateway
//! passes them on byte by byte, and what is typed on the board is what an independent reader of RFC 6455 finds in them.
//!
//! The input: sizes of pieces, and what the client sends behind its handshake.

#![no_main]

use std::convert::Infallible;

use bytes::Bytes;
use cpy_board::http::Limits;
use cpy_fuzz::pieces::cut;
use cpy_fuzz::runtime;
use cpy_http_gateway::fuzzing::{framed, tunnel};
use cpy_serial_bridge::fuzzing::typed;
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue, UPGRADE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use libfuzzer_sys::fuzz_target;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex, join};

const HANDSHAKE: &[u8] = b"GET /cp/serial/ HTTP/1.1\r\nHost: cpy-00000a.local\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

fuzz_target!(|input: &[u8]| {
    let (pieces, whole) = cut(input);
    let at_once = runtime::block_on(session(&[whole]));
    let in_pieces = runtime::block_on(session(&pieces));
    assert_eq!(at_once, in_pieces);
    let wanted = payloads(whole);
    assert!(at_once == wanted, "{at_once:?} and not {wanted:?}");
});

/// What is typed when a client sends these pieces.
async fn session(pieces: &[&[u8]]) -> Vec<u8> {
    let (mut writer, questions) = duplex(512);
    let (mut reader, answers) = duplex(1 << 20);
    let (upstream, console) = duplex(512);
    let service = service_fn(|_: Request<Incoming>| {
        let mut reply = Response::new(Empty::<Bytes>::new());
        *reply.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = reply.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        std::future::ready(Ok::<_, Infallible>(reply))
    });
    let wire = framed(join(questions, answers), Limits::default());
    let mut connection = http1::Builder::new()
        // A client may have said all that it will.
        .half_close(true)
        .auto_date_header(false)
        .serve_connection(TokioIo::new(wire), service);
    let gateway = async {
        std::future::poll_fn(|context| connection.poll_without_shutdown(context))
            .await
            .expect("a handshake");
        let parts = connection.into_parts();
        // What came along with the handshake is the first of the frames.
        let (before, wire) = (std::io::Cursor::new(parts.read_buf), parts.io.into_inner());
        let (reading, writing) = tokio::io::split(wire);
        tunnel(join(before.chain(reading), writing), upstream).await;
    };
    let send = async {
        let _ = writer.write_all(HANDSHAKE).await;
        for piece in pieces {
            let _ = writer.write_all(piece).await;
            tokio::task::yield_now().await;
        }
        let _ = writer.shutdown().await;
    };
    let mut answers = Vec::new();
    let receive = reader.read_to_end(&mut answers);
    let (_, (), _, typed) = tokio::join!(gateway, send, receive, typed(console, b"hello\r\n"));
    assert!(
        answers.starts_with(b"HTTP/1.1 101 "),
        "{}",
        String::from_utf8_lossy(&answers)
    );
    typed
}

/// What whole messages hold, up to the first thing that RFC 6455 forbids.
fn payloads(mut bytes: &[u8]) -> Vec<u8> {
    const LONGEST: usize = 1024 * 1024;
    let mut typed = Vec::new();
    // The message that is under way, and whether it is text.
    let mut open: Option<(bool, Vec<u8>)> = None;
    loop {
        let [first, second, ..] = *bytes else {
            return typed;
        };
        let (is_last, kind) = (first & 0x80 > 0, first & 0x0F);
        let is_control = kind >= 8;
        if first & 0x70 > 0 || second & 0x80 == 0 || !matches!(kind, 0..=2 | 8..=10) {
            return typed;
        }
        let (length, at): (u64, usize) = match second & 0x7F {
            126 if bytes.len() >= 4 => (u64::from(u16::from_be_bytes([bytes[2], bytes[3]])), 4),
            127 if bytes.len() >= 10 => (u64::from_be_bytes(bytes[2..10].try_into().unwrap()), 10),
            126 | 127 => return typed,
            short => (u64::from(short), 2),
        };
        if is_control && (!is_last || length > 125) {
            return typed;
        }
        let Some(end) = usize::try_from(length)
            .ok()
            .and_then(|length| length.checked_add(at + 4))
        else {
            return typed;
        };
        if end > bytes.len() || end - at - 4 > LONGEST {
            return typed;
        }
        let key: [u8; 4] = bytes[at..at + 4].try_into().unwrap();
        let masked = bytes[at + 4..end].iter().zip(key.iter().cycle());
        let payload: Vec<u8> = masked.map(|(byte, key)| byte ^ key).collect();
        bytes = &bytes[end..];
        match (kind, &mut open) {
            (8, _) => return typed,
            (9 | 10, _) => continue,
            (0, Some((_, message))) => message.extend(payload),
            (1 | 2, None) => open = Some((kind == 1, payload)),
            _ => return typed,
        }
        if let Some((is_text, message)) = &open {
            if *is_text && !may_be_text(message, is_last) {
                return typed;
            }
            if is_last {
                typed.extend_from_slice(message);
                open = None;
            }
        }
    }
}

fn may_be_text(bytes: &[u8], is_whole: bool) -> bool {
    match std::str::from_utf8(bytes) {
        Ok(_) => true,
        Err(error) => !is_whole && error.error_len().is_none(),
    }
}
