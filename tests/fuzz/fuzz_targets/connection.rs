//! Whatever a client sends, hyper gets every request that it would get without the gateway's look at the framing, up
//! to the first whose head has two lengths, and that one it does not get; or up to the first chunk that is larger than
//! any file, at which the body ends.
//!
//! The input: the most that is read at once, and what the client sends.

#![no_main]

use std::cell::RefCell;
use std::convert::Infallible;

use bytes::Bytes;
use cpy_board::http::Limits;
use cpy_fuzz::runtime;
use cpy_http_gateway::fuzzing::framed;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use libfuzzer_sys::fuzz_target;
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, Join, duplex, join,
};

type Wire = Join<DuplexStream, DuplexStream>;

/// A request that reached a handler.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    method: String,
    target: String,
    fields: usize,
    /// As far as it could be read.
    body: Vec<u8>,
}

fuzz_target!(|input: &[u8]| {
    let Some((size, sent)) = input.split_first() else {
        return;
    };
    let size = usize::from(*size) + 1;
    let limits = Limits::default();
    let (alone, answers) = runtime::block_on(serve(sent, size, limits, |wire| wire));
    let (guarded, refusals) =
        runtime::block_on(serve(sent, size, limits, |wire| framed(wire, limits)));
    if guarded == alone {
        assert_eq!(answers, refusals);
        // hyper goes by one of two lengths and hides the other, so the bytes tell whether there were two.
        assert!(
            alone.is_empty() || !begins_with_two_lengths(sent),
            "{alone:?}"
        );
    } else {
        let lower = sent.to_ascii_lowercase();
        let has = |name: &[u8]| lower.windows(name.len()).any(|at| at == name);
        assert!(has(b"transfer-encoding"));
        let pairs = guarded.iter().zip(&alone);
        let same = pairs
            .take_while(|(guarded, alone)| guarded == alone)
            .count();
        if let [cut] = &guarded[same..] {
            let whole = &alone[same];
            assert!(
                alone.len() == guarded.len() && cut.target == whole.target,
                "{guarded:?} of {alone:?}"
            );
            assert!(whole.body.starts_with(&cut.body), "{cut:?} of {whole:?}");
            return;
        }
        assert!(
            guarded.len() == same && same < alone.len() && has(b"content-length"),
            "{guarded:?} of {alone:?}"
        );
        assert!(refusals.contains("HTTP/1.1 400 "), "{refusals}");
    }
});

/// Whether the first head has both headers that say a length.
fn begins_with_two_lengths(sent: &[u8]) -> bool {
    let begin = sent.iter().position(|byte| !b"\r\n".contains(byte));
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Request::new(&mut fields);
    let parsed = head.parse(&sent[begin.unwrap_or(0)..]);
    let has = |name: &str| {
        let mut fields = head.headers.iter();
        fields.any(|field| field.name.eq_ignore_ascii_case(name))
    };
    parsed.is_ok_and(|parsed| parsed.is_complete())
        && has("content-length")
        && has("transfer-encoding")
}

/// Serves what a client sends: the requests that were seen, and the answers.
async fn serve<S>(
    sent: &[u8],
    size: usize,
    limits: Limits,
    wrap: impl FnOnce(Wire) -> S,
) -> (Vec<Seen>, String)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut writer, questions) = duplex(size);
    let (mut reader, answers) = duplex(1 << 20);
    let requests = RefCell::new(Vec::new());
    let service = service_fn(|request: Request<Incoming>| async {
        let (head, mut body) = request.into_parts();
        let mut bytes = Vec::new();
        while let Some(Ok(frame)) = body.frame().await {
            bytes.extend(frame.into_data().unwrap_or_default());
        }
        requests.borrow_mut().push(Seen {
            method: head.method.to_string(),
            target: head.uri.to_string(),
            fields: head.headers.len(),
            body: bytes,
        });
        Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
    });
    let connection = http1::Builder::new()
        .half_close(true)
        .auto_date_header(false)
        .max_headers(limits.head_fields)
        .max_header_size(limits.head_bytes)
        .serve_connection(TokioIo::new(wrap(join(questions, answers))), service);
    let send = async {
        // It fails where the server has closed.
        let _ = writer.write_all(sent).await;
        let _ = writer.shutdown().await;
    };
    let mut answers = Vec::new();
    let receive = reader.read_to_end(&mut answers);
    let (_, (), received) = tokio::join!(connection, send, receive);
    received.unwrap();
    (
        requests.into_inner(),
        String::from_utf8_lossy(&answers).into_owned(),
    )
}
