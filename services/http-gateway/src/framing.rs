//! The framing of the requests in a client's bytes: where heads and bodies end, and whether a head says in
//! two ways how long its body is.
//!
//! hyper is the authority on what a request is. It takes one with both `Transfer-Encoding` and
//! `Content-Length` by the former and hides the latter, as it may; RFC 9112 (section 6.3) suspects
//! smuggling behind it. So this follows what hyper reads, with the same parser and within the same limits.
//! What hyper refuses is not followed further, nor is what is no HTTP: a WebSocket's frames. Only chunks are refused
//! here that hyper would wait for: those that are larger than any file.

use std::borrow::Cow;
use std::mem;

use cpy_board::http::Limits;
use httparse::{EMPTY_HEADER, Request, Status};

use crate::chunked::{self, Chunked, NotChunked};

/// How far the requests of a connection have come.
#[derive(Debug)]
pub(crate) struct Framing {
    limits: Limits,
    state: State,
    /// Heads that have ended.
    heads: u64,
    /// The last of them asks for another protocol: what follows may not be HTTP.
    may_leave: bool,
}

/// What a connection waits for between two bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AwaitedHead {
    /// How many were before.
    pub(crate) number: u64,
    /// Whether a part of it has come.
    pub(crate) begun: bool,
}

#[derive(Debug)]
enum State {
    /// In a head, of which this much came before.
    Head(Vec<u8>),
    /// In a body, with so many bytes to come.
    Body(u64),
    /// In a body in chunks.
    Chunked(Chunked),
    /// The first line of a head is longer than a head may be.
    Endless,
    /// Nothing is followed any more.
    Lost,
}

/// A head has both `Transfer-Encoding` and `Content-Length`.
struct TwoLengths;

impl Framing {
    /// At the beginning of a connection.
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: State::between(),
            heads: 0,
            may_leave: false,
        }
    }

    /// The head that the next bytes belong to, where it is known that they do.
    pub(crate) fn awaited_head(&self) -> Option<AwaitedHead> {
        match &self.state {
            State::Head(before) if !self.may_leave => Some(AwaitedHead {
                number: self.heads,
                begun: !before.is_empty(),
            }),
            _ => None,
        }
    }

    /// Whether the first line of a head is longer than a head may be.
    pub(crate) fn is_endless(&self) -> bool {
        matches!(self.state, State::Endless)
    }

    /// Goes on over these bytes. Where they complete a head with two lengths, or a chunk goes wrong: the index of the
    /// byte that does it.
    pub(crate) fn follow(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            match &mut self.state {
                // Empty lines before a request are nothing.
                State::Head(before) if before.is_empty() && matches!(rest[0], b'\r' | b'\n') => {
                    at += 1;
                }
                State::Head(before) => {
                    let seen = before.len();
                    let head = join(mem::take(before), rest, self.limits.head_bytes);
                    let Some(end) = end_of_head(&head, seen) else {
                        self.state = self.within(head);
                        return None;
                    };
                    at += end - seen;
                    self.heads += 1;
                    let Ok(state) = self.body_of(&head[..end]) else {
                        self.state = State::Lost;
                        return Some(at - 1);
                    };
                    self.state = state;
                }
                State::Body(left) => {
                    at += chunked::skip(left, rest);
                    if *left == 0 {
                        self.state = State::between();
                    }
                }
                State::Chunked(body) => match body.follow(rest) {
                    Ok(Some(end)) => {
                        at += end;
                        self.state = State::between();
                    }
                    Ok(None) => return None,
                    Err(NotChunked(wrong)) => {
                        self.state = State::Lost;
                        return Some(at + wrong);
                    }
                },
                State::Endless | State::Lost => return None,
            }
        }
        None
    }

    /// The state in a head of which this is the beginning.
    fn within(&self, head: Cow<'_, [u8]>) -> State {
        if self.has_endless_line(&head) {
            return State::Endless;
        }
        // Methods are letters, a WebSocket's frames begin with a control byte or beyond ASCII.
        if head.len() > self.limits.head_bytes || !head[0].is_ascii_graphic() {
            return State::Lost;
        }
        State::Head(head.into_owned())
    }

    /// The state after a head.
    fn body_of(&mut self, head: &[u8]) -> Result<State, TwoLengths> {
        self.may_leave = false;
        if self.has_endless_line(head) {
            return Ok(State::Endless);
        }
        let mut fields = vec![EMPTY_HEADER; self.limits.head_fields];
        let mut request = Request::new(&mut fields);
        let whole = matches!(request.parse(head), Ok(Status::Complete(_)));
        if !whole || head.len() > self.limits.head_bytes {
            return Ok(State::Lost);
        }
        let value_of = |name: &str| {
            let mut fields = request.headers.iter();
            let field = fields.find(|field| field.name.eq_ignore_ascii_case(name))?;
            Some(field.value)
        };
        self.may_leave = value_of("Upgrade").is_some();
        match (value_of("Transfer-Encoding"), value_of("Content-Length")) {
            (Some(_), Some(_)) => Err(TwoLengths),
            (Some(_), None) => Ok(State::Chunked(Chunked::default())),
            (None, Some(length)) => Ok(number(length).map_or(State::Lost, State::Body)),
            (None, None) => Ok(State::between()),
        }
    }

    /// Whether the first line of a head, of which this is the beginning, takes all that a head may have. What is no
    /// text is no line.
    fn has_endless_line(&self, head: &[u8]) -> bool {
        let limit = self.limits.head_bytes;
        let line = head.get(..limit).unwrap_or_default();
        !line.is_empty() && line[0].is_ascii_graphic() && !line.contains(&b'\n')
    }
}

impl State {
    /// Before a head.
    fn between() -> Self {
        Self::Head(Vec::new())
    }
}

/// A head as far as it came: what came before, and as much of the rest as it may have.
fn join(mut before: Vec<u8>, rest: &[u8], limit: usize) -> Cow<'_, [u8]> {
    if before.is_empty() {
        return Cow::Borrowed(rest);
    }
    before.extend_from_slice(&rest[..rest.len().min(limit)]);
    Cow::Owned(before)
}

/// The end of the empty line, which is not among the bytes that were seen before. hyper takes lines that
/// end in LF alone.
fn end_of_head(head: &[u8], seen: usize) -> Option<usize> {
    (seen.saturating_sub(2)..head.len()).find_map(|at| match &head[at..] {
        [b'\n', b'\n', ..] => Some(at + 2),
        [b'\n', b'\r', b'\n', ..] => Some(at + 3),
        _ => None,
    })
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |number, byte| {
        let digit = char::from(*byte).to_digit(10)?;
        number.checked_mul(10)?.checked_add(digit.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const LENGTH: &str = "PUT /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello";
    const CHUNKS: &str = "PUT /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\
        5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n";
    const BOTH: &str = "PUT /a HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n";

    /// Where the last byte of the first head with two lengths is, when the bytes come in these pieces.
    fn found<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Option<usize> {
        let mut framing = Framing::new(Limits::default());
        let mut before = 0;
        for piece in pieces {
            if let Some(at) = framing.follow(piece) {
                return Some(before + at);
            }
            before += piece.len();
        }
        None
    }

    #[test]
    fn two_lengths_are_found_in_any_order_and_case() {
        for head in [
            BOTH,
            "PUT /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
            "PUT /a HTTP/1.1\r\ntransfer-ENCODING:chunked\r\nX: y\r\ncontent-lengtH:\t5 \r\n\r\n",
            "PUT /a HTTP/1.1\nContent-Length: 5\nTransfer-Encoding: chunked\n\n",
            "PUT /a HTTP/1.1\nContent-Length: 5\nTransfer-Encoding: chunked\n\r\n",
            "PUT /a HTTP/1.1\r\nContent-Length: x\r\nTransfer-Encoding: gzip\r\n\r\n",
            "PUT /a HTTP/1.0\r\nContent-Length:\r\nTransfer-Encoding:\r\n\r\n",
        ] {
            assert_eq!(found([head.as_bytes()]), Some(head.len() - 1), "{head:?}");
        }
    }

    #[test]
    fn two_lengths_are_found_behind_other_requests_wherever_the_bytes_are_cut() {
        for before in ["", "\r\n\r\n", GET, LENGTH, CHUNKS] {
            let before = [before, GET, CHUNKS, "\r\n", LENGTH, LENGTH].concat();
            let all = [&before, BOTH, "hello"].concat();
            let last = before.len() + BOTH.len() - 1;
            for cut in 0..all.len() {
                let (first, second) = all.as_bytes().split_at(cut);
                assert_eq!(found([first, second]), Some(last), "{all:?} cut at {cut}");
            }
            assert_eq!(found(all.as_bytes().chunks(1)), Some(last), "{all:?}");
        }
    }

    #[test]
    fn lengths_that_are_not_of_one_head_are_none() {
        let inside = "PUT /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\
            17\r\nContent-Length: 5\r\n\r\n\r\n\r\n0\r\nContent-Length: 5\r\n\r\n";
        let hidden = format!(
            "PUT /a HTTP/1.1\r\nContent-Length: {}\r\n\r\n{BOTH}",
            BOTH.len()
        );
        for all in [
            [LENGTH, CHUNKS, LENGTH].concat(),
            [inside, GET].concat(),
            [&hidden, GET].concat(),
            "GET / HTTP/1.1\r\nX: Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n".into(),
            "GET /Content-Length: HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".into(),
            "GET / HTTP/1.1\r\nX-Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n".into(),
        ] {
            assert_eq!(found([all.as_bytes()]), None, "{all:?}");
            assert_eq!(found(all.as_bytes().chunks(1)), None, "{all:?}");
        }
    }

    #[test]
    fn what_hyper_refuses_is_not_followed() {
        let limits = Limits::default();
        for refused in [
            format!(
                "GET / HTTP/1.1\r\nX: {}\r\n\r\n",
                "x".repeat(limits.head_bytes)
            ),
            format!(
                "GET / HTTP/1.1\r\n{}\r\n",
                "X: y\r\n".repeat(limits.head_fields + 1)
            ),
            "PUT / HTTP/1.1\r\nContent-Length: -1\r\n\r\n".to_owned(),
            "PUT / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n".to_owned(),
            "nonsense\r\n\r\n".to_owned(),
            "\u{81}\u{85}".to_owned(),
        ] {
            let mut framing = Framing::new(limits);
            for piece in refused.as_bytes().chunks(1000) {
                assert_eq!(framing.follow(piece), None, "{refused:?}");
            }
            assert!(matches!(framing.state, State::Lost), "{refused:?}");
        }
    }

    #[test]
    fn a_chunk_that_is_none_is_found_behind_other_requests_wherever_the_bytes_are_cut() {
        for chunks in [
            "n",
            "5\r\nhello\r\nn",
            "ffffffff0",
            "fffffffff",
            "00100000000",
        ] {
            let head = "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
            let before = [GET, CHUNKS, head, chunks].concat();
            let all = [&before, "fffffff\r\n", GET, BOTH].concat();
            for cut in 0..all.len() {
                let (first, second) = all.as_bytes().split_at(cut);
                let wrong = Some(before.len() - 1);
                assert_eq!(found([first, second]), wrong, "{all:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn a_line_without_end_is_told_from_a_head_that_is_too_large() {
        let limits = Limits::default();
        let long = "x".repeat(2 * limits.head_bytes);
        for (head, endless) in [
            (format!("GET /{long}"), true),
            (format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"), true),
            (format!("GET / HTTP/1.1\r\nX: {long}\r\n\r\n"), false),
            (format!("\u{81}{long}"), false),
        ] {
            for piece in [1000, limits.head_bytes, usize::MAX] {
                let mut framing = Framing::new(limits);
                framing.follow(GET.as_bytes());
                for piece in head.as_bytes().chunks(piece) {
                    assert_eq!(framing.follow(piece), None);
                }
                assert_eq!(framing.is_endless(), endless, "{:?}", &head[..20]);
                assert_eq!(framing.awaited_head(), None);
            }
        }
    }

    #[test]
    fn it_is_known_when_a_head_is_awaited() {
        let mut framing = Framing::new(Limits::default());
        let mut after = |bytes: &str| {
            framing.follow(bytes.as_bytes());
            let awaited = framing.awaited_head();
            awaited.map(|head| (head.number, head.begun))
        };
        assert_eq!(after(""), Some((0, false)));
        assert_eq!(after("\r\n"), Some((0, false)));
        assert_eq!(after("GET"), Some((0, true)));
        assert_eq!(after(" / HTTP/1.1\r\nHost: a\r\n"), Some((0, true)));
        assert_eq!(after("\r\n"), Some((1, false)));
        assert_eq!(after(&LENGTH[..LENGTH.len() - 1]), None);
        assert_eq!(after("o"), Some((2, false)));
        assert_eq!(after(&[GET, "G"].concat()), Some((3, true)));
        assert_eq!(after("ET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"), None);
        assert_eq!(after(GET), Some((5, false)));
    }

    #[test]
    fn nothing_is_kept_between_requests() {
        let mut framing = Framing::new(Limits::default());
        for piece in [GET.as_bytes(), CHUNKS.as_bytes()].concat().chunks(7) {
            framing.follow(piece);
        }
        assert!(matches!(framing.state, State::Head(kept) if kept.capacity() == 0));
    }
}
