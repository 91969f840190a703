//! The server: connections of one or more listeners, each served until it ends or the daemon stops.

use std::convert::Infallible;
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::places::Places;
use super::write_deadline::WriteDeadline;
use super::{Accept, Body, Peer};
use crate::Shutdown;

/// How long to wait when the system has no descriptors left, before the next try to accept.
const BREATH: Duration = Duration::from_millis(100);

/// Answers requests.
pub trait Handler: Send + Sync + 'static {
    /// The answer to one request. Requests of one connection come one after the other, those of
    /// different connections at the same time.
    fn handle(
        &self,
        request: Request<Incoming>,
        peer: Peer,
    ) -> impl Future<Output = Response<Body>> + Send;
}

/// What one server is ready to hold for its clients.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time, over all listeners: 512. Further ones wait.
    pub connections: usize,
    /// Connections at a time of one address on the network: 128, because a class may sit behind one
    /// address. Further ones are closed.
    pub connections_per_address: usize,
    /// The time that the first head of a connection may take: 10 s.
    pub first_head_time: Duration,
    /// The time that a further head may take, and that a connection may be idle before it: 30 s.
    pub head_time: Duration,
    /// The longest that a client on the network may take nothing of what is sent to it: 2 min. A slow one
    /// may take as long as it likes in all.
    pub write_stall: Duration,
    /// Header fields in a request's head: 64; more are answered with 431.
    pub head_fields: usize,
    /// Bytes in a request's head: 32 KiB; more are answered with 431.
    pub head_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 512,
            connections_per_address: 128,
            first_head_time: Duration::from_secs(10),
            head_time: Duration::from_secs(30),
            write_stall: Duration::from_secs(120),
            head_fields: 64,
            head_bytes: 32 * 1024,
        }
    }
}

/// A handler behind any number of listeners, with the limits that they share.
#[derive(Debug)]
pub struct Server<H> {
    handler: Arc<H>,
    limits: Limits,
    places: Places,
    shutdown: Shutdown,
}

// By hand, because the handler need not be Clone.
impl<H> Clone for Server<H> {
    fn clone(&self) -> Self {
        Self {
            handler: Arc::clone(&self.handler),
            limits: self.limits,
            places: self.places.clone(),
            shutdown: self.shutdown.clone(),
        }
    }
}

impl<H: Handler> Server<H> {
    /// A server that listens nowhere yet. Its connections belong to `shutdown`'s task set.
    pub fn new(handler: H, limits: Limits, shutdown: Shutdown) -> Self {
        Self {
            handler: Arc::new(handler),
            limits,
            places: Places::new(limits),
            shutdown,
        }
    }

    /// Accepts connections until the daemon stops, or until the future is dropped: connections that
    /// were accepted live on in both cases, to the end of the request that they are in.
    pub async fn serve(&self, listener: impl Accept) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.shutdown.requested() => return,
            };
            let (io, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(BREATH).await;
                    continue;
                }
            };
            let Some(share) = self.places.for_peer(peer) else {
                tracing::debug!(?peer, "an address has too many connections");
                continue;
            };
            let place = tokio::select! {
                place = self.places.among_all() => place,
                () = self.shutdown.requested() => return,
            };
            let server = self.clone();
            self.shutdown.spawn(async move {
                server.serve_connection(io, peer).await;
                drop((share, place));
            });
        }
    }

    async fn serve_connection<I>(&self, io: I, peer: Peer)
    where
        I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let first_head = Notify::new();
        let service = service_fn(|request| {
            first_head.notify_one();
            async move { Ok::<_, Infallible>(self.handler.handle(request, peer).await) }
        });
        // Between daemons a slow client looks like a daemon that does not read.
        let stall = match peer {
            Peer::Local => None,
            Peer::Tcp { .. } => Some(self.limits.write_stall),
        };
        let io = TokioIo::new(WriteDeadline::new(io, stall));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.head_time)
            .max_headers(self.limits.head_fields)
            .max_header_size(self.limits.head_bytes)
            .half_close(true)
            .serve_connection(io, service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let result = tokio::select! {
            result = connection.as_mut() => result,
            () = late(&first_head, self.limits.first_head_time) => {
                tracing::debug!(?peer, "no request came");
                return;
            }
            () = self.shutdown.requested() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = result {
            tracing::debug!(?peer, %error, "connection ended");
        }
    }
}

/// Ends when there was no first head in this time, and not at all when there was.
async fn late(first_head: &Notify, time: Duration) {
    if timeout(time, first_head.notified()).await.is_ok() {
        pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use hyper::StatusCode;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::http::sentence;

    const DEADLINE: Duration = Duration::from_secs(10);
    const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

    struct Greeter;

    impl Handler for Greeter {
        async fn handle(&self, _: Request<Incoming>, _: Peer) -> Response<Body> {
            sentence(StatusCode::OK, "Hello. ".repeat(1000))
        }
    }

    /// Listens as often as told.
    async fn serve(limits: Limits, listeners: usize) -> (Shutdown, Vec<SocketAddr>) {
        let shutdown = Shutdown::new();
        let server = Server::new(Greeter, limits, shutdown.clone());
        let mut addresses = Vec::new();
        for _ in 0..listeners {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            addresses.push(listener.local_addr().unwrap());
            let server = server.clone();
            shutdown.spawn(async move { server.serve(listener).await });
        }
        (shutdown, addresses)
    }

    async fn is_answered(stream: &mut TcpStream) -> bool {
        let mut answer = [0; 12];
        stream.write_all(GET).await.is_ok()
            && timeout(DEADLINE, stream.read_exact(&mut answer))
                .await
                .expect("neither an answer nor an end")
                .is_ok_and(|_| &answer == b"HTTP/1.1 200")
    }

    async fn ends(stream: &mut TcpStream) {
        let mut rest = Vec::new();
        // A reset is an end, too.
        let _ = timeout(DEADLINE, stream.read_to_end(&mut rest))
            .await
            .expect("it does not end");
    }

    #[tokio::test]
    async fn a_listener_that_waits_takes_no_place() {
        let limits = Limits {
            connections: 2,
            ..Limits::default()
        };
        let (_shutdown, at) = serve(limits, 5).await;
        let mut first = TcpStream::connect(at[0]).await.unwrap();
        assert!(is_answered(&mut first).await);
        let mut second = TcpStream::connect(at[4]).await.unwrap();
        assert!(is_answered(&mut second).await);
    }

    #[tokio::test]
    async fn one_address_cannot_take_all_places() {
        let limits = Limits {
            connections: 4,
            connections_per_address: 2,
            ..Limits::default()
        };
        let (_shutdown, at) = serve(limits, 1).await;
        let mut mine = Vec::new();
        for _ in 0..2 {
            let mut stream = TcpStream::connect(at[0]).await.unwrap();
            assert!(is_answered(&mut stream).await);
            mine.push(stream);
        }
        let mut third = TcpStream::connect(at[0]).await.unwrap();
        assert!(!is_answered(&mut third).await);
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 2], 0).into()).unwrap();
        let mut other = socket.connect(at[0]).await.unwrap();
        assert!(is_answered(&mut other).await);
    }

    #[tokio::test]
    async fn a_client_that_does_not_send_a_head_is_let_go() {
        let limits = Limits {
            first_head_time: Duration::from_millis(200),
            ..Limits::default()
        };
        let (_shutdown, at) = serve(limits, 1).await;
        for sent in [&b""[..], b"GET / HTTP/1.1\r\nHos"] {
            let mut stream = TcpStream::connect(at[0]).await.unwrap();
            stream.write_all(sent).await.unwrap();
            ends(&mut stream).await;
        }
        let mut kept = TcpStream::connect(at[0]).await.unwrap();
        assert!(is_answered(&mut kept).await);
        let mut rest = vec![0; 65_536];
        while timeout(3 * limits.first_head_time, kept.read(&mut rest))
            .await
            .is_ok_and(|size| size.is_ok_and(|size| size > 0))
        {}
        assert!(kept.write_all(GET).await.is_ok());
        assert!(kept.read(&mut rest).await.unwrap() > 0, "it was not kept");
    }

    #[tokio::test]
    async fn a_client_that_reads_nothing_gives_its_place_back() {
        let limits = Limits {
            connections: 1,
            write_stall: Duration::from_millis(200),
            ..Limits::default()
        };
        let (_shutdown, at) = serve(limits, 1).await;
        let mut stuck = TcpStream::connect(at[0]).await.unwrap();
        // More answers than fit between here and there; the other side stops to read in between.
        let all = GET.repeat(10_000);
        let _ = timeout(Duration::from_secs(1), stuck.write_all(&all)).await;
        let mut next = TcpStream::connect(at[0]).await.unwrap();
        assert!(is_answered(&mut next).await);
    }
}
