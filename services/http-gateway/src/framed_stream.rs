//! A client's connection as hyper may read it: a head with two lengths is spoilt on the way, so that hyper
//! answers it with 400 and closes, as it does with differing lengths. All else passes unchanged.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use cpy_board::http::{Accept, Limits, Peer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::framing::Framing;

/// What no head may hold.
const SPOIL: u8 = b'\0';
/// hyper looks at a head that came in pieces when it sees an empty line, and the spoilt one has none.
const EMPTY_LINE: &[u8] = b"\n\n";

/// A listener whose connections are [`FramedStream`]s.
#[derive(Debug)]
pub(crate) struct FramedListener<L> {
    listener: L,
    limits: Limits,
}

/// A connection whose requests are followed as they are read.
#[derive(Debug)]
pub(crate) struct FramedStream<S> {
    stream: S,
    framing: Framing,
    /// To be read before anything else.
    owed: &'static [u8],
}

impl<L> FramedListener<L> {
    /// `limits` are those of the server that accepts here.
    pub(crate) fn new(listener: L, limits: Limits) -> Self {
        Self { listener, limits }
    }
}

impl<L: Accept> Accept for FramedListener<L> {
    type Io = FramedStream<L::Io>;

    async fn accept(&self) -> io::Result<(Self::Io, Peer)> {
        let (stream, peer) = self.listener.accept().await?;
        Ok((FramedStream::new(stream, self.limits), peer))
    }
}

impl<S> FramedStream<S> {
    pub(crate) fn new(stream: S, limits: Limits) -> Self {
        Self {
            stream,
            framing: Framing::new(limits),
            owed: b"",
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for FramedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.owed.is_empty() {
            let (now, later) = self.owed.split_at(self.owed.len().min(buffer.remaining()));
            buffer.put_slice(now);
            self.owed = later;
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let read = &mut buffer.filled_mut()[before..];
        if let Some(last) = self.framing.follow(read) {
            tracing::debug!("a request has two lengths");
            read[last] = SPOIL;
            self.owed = EMPTY_LINE;
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

    use http_body_util::{BodyExt as _, Empty};
    use hyper::body::{Bytes, Incoming};
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper::{Request, Response};
    use hyper_util::rt::TokioIo;
    use proptest::prelude::*;
    use proptest::sample::{Index, select};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, Join, duplex, join};

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
        let runtime = tokio::runtime::Builder::new_current_thread().build();
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
            let mut stream = FramedStream::new(first.chain(second), Limits::default());
            let mut read = Vec::new();
            block_on(stream.read_to_end(&mut read)).unwrap();
            prop_assert_eq!(read, sent);
        }
    }
}
