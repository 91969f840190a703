//! A client's connection as hyper may read it: a head with two lengths is spoilt on the way, so that hyper
//! answers it with 400 and closes, as it does with differing lengths; so is a chunk that is larger than any file, for
//! which hyper would wait. All else passes unchanged.
//!
//! What hyper has no answer to is answered here: a head that takes too long with 408, a first line that is too long
//! with 414. When a head is awaited nothing else is on its way to the client, because hyper reads on only then.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use cpy_board::http::{Accept, Limits, Peer, last_words};
use hyper::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::time::{Sleep, sleep};

use crate::farewell::Farewell;
use crate::framing::{AwaitedHead, Framing};

/// What neither a head nor the size of a chunk may hold.
const SPOIL: u8 = b'\0';
/// hyper looks at a head that came in pieces when it sees an empty line, and the spoilt one has none.
const EMPTY_LINE: &[u8] = b"\n\n";

/// A listener whose connections are [`FramedStream`]s.
#[derive(Debug)]
pub(crate) struct FramedListener<L> {
    listener: L,
    limits: watch::Receiver<Limits>,
}

/// A connection whose requests are followed as they are read.
#[derive(Debug)]
pub(crate) struct FramedStream<S> {
    stream: S,
    framing: Framing,
    limits: Limits,
    /// To be read before anything else.
    owed: &'static [u8],
    /// How long a head is waited for, and which one.
    patience: Option<(AwaitedHead, Pin<Box<Sleep>>)>,
    /// The last answer, with which the connection ends.
    farewell: Option<Farewell>,
}

impl<L> FramedListener<L> {
    /// `limits` are those of the server that accepts here.
    pub(crate) fn new(listener: L, limits: watch::Receiver<Limits>) -> Self {
        Self { listener, limits }
    }
}

impl<L: Accept> Accept for FramedListener<L> {
    type Io = FramedStream<L::Io>;

    async fn accept(&self) -> io::Result<(Self::Io, Peer)> {
        let (stream, peer) = self.listener.accept().await?;
        let limits = *self.limits.borrow();
        Ok((FramedStream::new(stream, limits), peer))
    }
}

impl<S> FramedStream<S> {
    pub(crate) fn new(stream: S, limits: Limits) -> Self {
        Self {
            stream,
            framing: Framing::new(limits),
            limits,
            owed: b"",
            patience: None,
            farewell: None,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> FramedStream<S> {
    /// Waits for the rest of a head or for the next one, but not for ever.
    fn poll_patience(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(awaited) = self.framing.awaited_head() else {
            self.patience = None;
            return Poll::Pending;
        };
        let longest = if awaited.begun || awaited.number == 0 {
            self.limits.head_time
        } else {
            self.limits.idle_time
        };
        let timer = match &mut self.patience {
            Some((head, timer)) if *head == awaited => timer,
            other => &mut other.insert((awaited, Box::pin(sleep(longest)))).1,
        };
        ready!(timer.as_mut().poll(context));
        if !awaited.begun {
            // A client that has asked for nothing expects no answer: to it this is the end of an idle connection.
            return Poll::Ready(Ok(()));
        }
        tracing::debug!("the head of a request took too long");
        self.poll_farewell(
            StatusCode::REQUEST_TIMEOUT,
            "The head of the request did not come in time.",
            context,
        )
    }

    /// Answers in the place of hyper, for which the connection ends.
    fn poll_farewell(
        &mut self,
        status: StatusCode,
        text: &str,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let words = last_words(status, None, text);
        let farewell = self.farewell.insert(Farewell::new(words));
        farewell.poll_over(&mut self.stream, context)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for FramedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if let Some(farewell) = &mut this.farewell {
            return farewell.poll_over(&mut this.stream, context);
        }
        if !self.owed.is_empty() {
            let (now, later) = self.owed.split_at(self.owed.len().min(buffer.remaining()));
            buffer.put_slice(now);
            self.owed = later;
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Pending => return self.poll_patience(context),
            Poll::Ready(read) => read?,
        }
        let read = &mut buffer.filled_mut()[before..];
        if let Some(last) = self.framing.follow(read) {
            tracing::debug!("a request has two lengths, or a chunk that is none");
            read[last] = SPOIL;
            self.owed = EMPTY_LINE;
        }
        if self.framing.is_endless() {
            buffer.set_filled(before);
            return self.poll_farewell(
                StatusCode::URI_TOO_LONG,
                "The address of the request is too long.",
                context,
            );
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for FramedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::convert::Infallible;
    use std::time::Duration;

    use http_body_util::{BodyExt as _, Empty};
    use hyper::body::{Bytes, Incoming};
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper::{Request, Response};
    use hyper_util::rt::TokioIo;
    use proptest::prelude::*;
    use proptest::sample::{Index, select};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, Join, duplex, join};

    use tokio::time::Instant;

    use super::*;

    /// Questions and answers.
    type Wire = Join<DuplexStream, DuplexStream>;

    /// What hyper made of the bytes of a client.
    #[derive(Debug, PartialEq, Eq)]
    struct Outcome {
        requests: Vec<Seen>,
        answers: String,
    }

    /// A request that reached a handler.
    #[derive(Debug, PartialEq, Eq)]
    struct Seen {
        two_lengths: bool,
        path: String,
        /// As far as it could be read.
        body: Vec<u8>,
    }

    /// Serves what a client sends, in reads of at most `piece` bytes.
    async fn serve<S>(sent: &[u8], piece: usize, wrap: impl FnOnce(Wire) -> S) -> Outcome
    where
        S: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let (mut writer, questions) = duplex(piece);
        let (mut reader, answers) = duplex(65_536);
        let requests = RefCell::new(Vec::new());
        let service = service_fn(|request: Request<Incoming>| async {
            let (head, mut body) = request.into_parts();
            let mut bytes = Vec::new();
            while let Some(Ok(frame)) = body.frame().await {
                bytes.extend(frame.into_data().unwrap_or_default());
            }
            requests.borrow_mut().push(Seen {
                two_lengths: head.headers.contains_key("Two-Lengths"),
                path: head.uri.path().to_owned(),
                body: bytes,
            });
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        });
        let limits = Limits::default();
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
        let mut answers = String::new();
        let receive = reader.read_to_string(&mut answers);
        let (_, (), received) = tokio::join!(connection, send, receive);
        received.unwrap();
        Outcome {
            requests: requests.into_inner(),
            answers,
        }
    }

    fn framed(stream: Wire) -> FramedStream<Wire> {
        FramedStream::new(stream, Limits::default())
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        runtime.unwrap().block_on(future)
    }

    /// Heads, of which only the marked ones have two lengths.
    const HEADS: [&str; 9] = [
        "GET /get HTTP/1.1\r\n\r\n",
        "GET /upgrade HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        "CONNECT a:1 HTTP/1.1\r\n\r\n",
        "PUT /length HTTP/1.1\ncontent-length: 5\n\n",
        "PUT /length HTTP/1.1\r\nContent-Length: 20\r\n\r\n",
        "PUT /wait HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
        CHUNKED,
        "PUT /both HTTP/1.1\r\nTwo-Lengths: 1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "PUT /both HTTP/1.1\nTwo-Lengths: 1\ntransfer-encoding: a, Chunked\nCONTENT-LENGTH:5\n\r\n",
    ];
    const CHUNKED: &str = "PUT /chunks HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    const CHUNKS: [&str; 6] = [
        "5\r\nhello\r\n",
        "0000000000000000000002 ;a=b\r\n\r\n\r\n",
        "0\r\n",
        "A: b\r\n",
        "A: b\n",
        "\r\n",
    ];
    const OTHER: [&str; 6] = ["\n", "\r", "hello", "5", "\0", "GET / HTTP/1.1\r\nA: "];

    /// A piece of what a client may send.
    fn piece() -> impl Strategy<Value = String> {
        let chunks = prop::collection::vec(select(&CHUNKS[..]), 0..7);
        prop_oneof![
            4 => select(&HEADS[..]).prop_map(str::to_owned),
            4 => chunks.prop_map(|chunks| CHUNKED.to_owned() + &chunks.concat()),
            1 => select(&CHUNKS[..]).prop_map(str::to_owned),
            1 => select(&OTHER[..]).prop_map(str::to_owned),
        ]
    }

    proptest! {
        #[test]
        fn hyper_gets_every_request_up_to_the_first_with_two_lengths(
            pieces in prop::collection::vec(piece(), 1..10),
            size in prop_oneof![1..80_usize, Just(65_536)],
        ) {
            let sent = pieces.concat();
            let alone = block_on(serve(sent.as_bytes(), size, |stream| stream));
            let guarded = block_on(serve(sent.as_bytes(), size, framed));
            match alone.requests.iter().position(|seen| seen.two_lengths) {
                None => prop_assert_eq!(guarded, alone),
                Some(first) => {
                    prop_assert_eq!(&guarded.requests, &alone.requests[..first]);
                    let refusals = guarded.answers.matches("HTTP/1.1 400 ").count();
                    prop_assert_eq!(refusals, 1, "{}", guarded.answers);
                }
            }
        }

        #[test]
        fn bytes_of_any_kind_pass_unchanged(
            sent in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'\n')], 0..200),
            cut in any::<Index>(),
        ) {
            let (first, second) = sent.split_at(cut.index(sent.len() + 1));
            let mut stream = FramedStream::new(join(first.chain(second), tokio::io::sink()), Limits::default());
            let mut read = Vec::new();
            block_on(stream.read_to_end(&mut read)).unwrap();
            prop_assert_eq!(read, sent);
        }
    }

    /// What a client sees that sends this and then waits, and how long it waits.
    async fn waiting(sent: &str) -> (String, u64) {
        let limits = Limits {
            head_time: Duration::from_secs(3),
            idle_time: Duration::from_secs(20),
            ..Limits::default()
        };
        let (mut client, theirs) = duplex(1 << 20);
        let service =
            service_fn(async |_| Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())));
        let serving = http1::Builder::new()
            .max_header_size(limits.head_bytes)
            .serve_connection(TokioIo::new(FramedStream::new(theirs, limits)), service);
        let seen = async {
            client.write_all(sent.as_bytes()).await.unwrap();
            let begun = Instant::now();
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.unwrap();
            drop(client);
            (answer, begun.elapsed().as_secs())
        };
        tokio::join!(seen, async { drop(serving.await) }).0
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_takes_too_long_is_told_and_an_idle_connection_just_ends() {
        const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        let (answer, seconds) = waiting("").await;
        assert_eq!((answer.as_str(), seconds), ("", 3));
        let (answer, seconds) = waiting(GET).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert_eq!((answer.matches("HTTP/1.1").count(), seconds), (1, 20));
        for before in ["", GET] {
            let (answer, seconds) = waiting(&format!("{before}GET / HTTP/1.1\r\nHos")).await;
            let last = &answer[answer.rfind("HTTP/1.1").unwrap()..];
            assert!(last.starts_with("HTTP/1.1 408 "), "{answer}");
            assert!(last.contains("\r\nConnection: close\r\n"), "{answer}");
            // And two more for its goodbye.
            assert!((3..=5).contains(&seconds), "{seconds}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_without_end_is_told_from_headers_that_are_too_large() {
        let long = "x".repeat(100_000);
        let (answer, _) = waiting(&format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 414 "), "{answer}");
        let (answer, _) = waiting(&format!("GET / HTTP/1.1\r\nX: {long}\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
}
