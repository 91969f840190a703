//! The server: connections of one or more listeners, each served until it ends or the daemon stops.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::places::{Place, Places};
use super::turned_away::Porter;
use super::write_deadline::WriteDeadline;
use super::{Accept, Body, Limits, Peer, holding};
use crate::Shutdown;

/// How long to wait when the system has no descriptors left, before the next try to accept.
const BREATH: Duration = Duration::from_millis(100);
/// The same where a descriptor is about to become free.
const TURN: Duration = Duration::from_millis(5);
/// When it is worth another line in the log.
const TELL_AGAIN: Duration = Duration::from_secs(60);

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

/// A handler behind any number of listeners, with the limits that they share.
#[derive(Debug)]
pub struct Server<H> {
    handler: Arc<H>,
    limits: Arc<watch::Sender<Limits>>,
    places: Places,
    porter: Porter,
    shutdown: Shutdown,
}

// By hand, because the handler need not be Clone.
impl<H> Clone for Server<H> {
    fn clone(&self) -> Self {
        Self {
            handler: Arc::clone(&self.handler),
            limits: Arc::clone(&self.limits),
            places: self.places.clone(),
            porter: self.porter.clone(),
            shutdown: self.shutdown.clone(),
        }
    }
}

impl<H: Handler> Server<H> {
    /// A server that listens nowhere yet. Its connections belong to `shutdown`'s task set.
    pub fn new(handler: H, limits: Limits, shutdown: Shutdown) -> Self {
        Self {
            handler: Arc::new(handler),
            limits: Arc::new(watch::Sender::new(limits)),
            places: Places::default(),
            porter: Porter::new(shutdown.clone()),
            shutdown,
        }
    }

    /// Goes by other limits from now on. Connections that are there stay.
    pub fn limit(&self, limits: Limits) {
        self.limits.send_replace(limits);
    }

    /// The limits, as they change.
    #[must_use]
    pub fn limits(&self) -> watch::Receiver<Limits> {
        self.limits.subscribe()
    }

    /// Accepts connections until the daemon stops, or until the future is dropped: connections that
    /// were accepted live on in both cases, to the end of the request that they are in.
    pub async fn serve(&self, listener: impl Accept) {
        let mut told = None;
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.shutdown.requested() => return,
            };
            match accepted {
                Ok((io, peer)) => self.admit(io, peer),
                Err(error) => {
                    // Where descriptors are short it comes and goes many times a second.
                    if told.is_none_or(|told: Instant| told.elapsed() >= TELL_AGAIN) {
                        tracing::warn!(%error, "cannot accept a connection, trying again");
                        told = Some(Instant::now());
                    }
                    if is_want_of_descriptors(&error) && self.places.dismiss_one_idle_for(BREATH) {
                        // It goes as soon as its task has its turn.
                        sleep(TURN).await;
                    } else {
                        sleep(BREATH).await;
                    }
                }
            }
        }
    }

    /// Serves a connection, if there is a place for it.
    fn admit<I>(&self, io: I, peer: Peer)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let limits = *self.limits.borrow();
        match self.places.take(peer, &limits) {
            Ok(place) => {
                let server = self.clone();
                self.shutdown
                    .spawn(async move { server.serve_connection(io, peer, place, limits).await });
            }
            Err(full) => {
                tracing::debug!(?peer, ?full, "no place for a connection");
                self.porter.turn_away(io, full);
            }
        }
    }

    async fn serve_connection<I>(&self, io: I, peer: Peer, place: Place, limits: Limits)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let place = Arc::new(place);
        let service = service_fn(|request| {
            let place = Arc::clone(&place);
            async move {
                let Some(in_use) = place.begin() else {
                    // This connection is about to go, and nothing was done.
                    return pending().await;
                };
                let reply = self.handler.handle(request, peer).await;
                if reply.status() == StatusCode::SWITCHING_PROTOCOLS {
                    in_use.for_good();
                    return Ok::<_, Infallible>(reply);
                }
                Ok(holding(reply, in_use))
            }
        });
        // Between daemons a slow client looks like a daemon that does not read.
        let stall = match peer {
            Peer::Local => None,
            Peer::Tcp { .. } => Some(limits.write_stall),
        };
        let io = WriteDeadline::new(io, stall).at(Arc::clone(&place));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head_time + limits.idle_time)
            .max_headers(limits.head_fields)
            .max_header_size(limits.head_bytes)
            .half_close(true)
            .serve_connection(TokioIo::new(io), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let result = tokio::select! {
            result = connection.as_mut() => result,
            () = place.dismissed() => {
                tracing::debug!(?peer, "an idle connection made room");
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

fn is_want_of_descriptors(error: &io::Error) -> bool {
    let number = rustix::io::Errno::from_io_error(error);
    number
        .is_some_and(|number| matches!(number, rustix::io::Errno::MFILE | rustix::io::Errno::NFILE))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::timeout;

    use super::*;
    use crate::http::sentence;

    const DEADLINE: Duration = Duration::from_secs(10);
    const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

    struct Greeter;

    impl Handler for Greeter {
        async fn handle(&self, request: Request<Incoming>, _: Peer) -> Response<Body> {
            if request.uri().path() == "/wait" {
                return pending().await;
            }
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

    /// A connection whose request is not answered.
    async fn occupy(at: SocketAddr) -> TcpStream {
        let mut stream = TcpStream::connect(at).await.unwrap();
        stream
            .write_all(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .unwrap();
        stream
    }

    /// All that comes for a request until the end.
    async fn last_answer(mut stream: TcpStream) -> String {
        let mut answer = String::new();
        let _ = stream.write_all(GET).await;
        timeout(DEADLINE, stream.read_to_string(&mut answer))
            .await
            .expect("it does not end")
            .unwrap();
        answer
    }

    /// Waits until so many places are taken by requests.
    async fn in_use<H: Handler>(server: &Server<H>, number: usize) {
        timeout(DEADLINE, async {
            while server.places.in_use() != number {
                tokio::task::yield_now().await;
            }
        })
        .await
        .expect("the requests do not arrive");
    }

    async fn greeter(limits: Limits) -> (Server<Greeter>, SocketAddr) {
        let server = Server::new(Greeter, limits, Shutdown::new());
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let at = listener.local_addr().unwrap();
        let serving = server.clone();
        server
            .shutdown
            .spawn(async move { serving.serve(listener).await });
        (server, at)
    }

    #[tokio::test]
    async fn an_idle_connection_makes_room_for_one_that_comes() {
        let limits = Limits {
            connections_per_address: 2,
            ..Limits::default()
        };
        let (_shutdown, at) = serve(limits, 1).await;
        let mut all = Vec::new();
        for _ in 0..5 {
            let mut stream = TcpStream::connect(at[0]).await.unwrap();
            assert!(is_answered(&mut stream).await);
            all.push(stream);
        }
        for stream in &mut all[..3] {
            ends(stream).await;
        }
        let mut rest = vec![0; 65_536];
        let last = all.last_mut().unwrap();
        while timeout(Duration::from_millis(50), last.read(&mut rest))
            .await
            .is_ok()
        {}
        assert!(is_answered(last).await);
    }

    #[tokio::test]
    async fn one_address_cannot_take_all_places() {
        let limits = Limits {
            connections: 4,
            connections_per_address: 2,
            ..Limits::default()
        };
        let (server, at) = greeter(limits).await;
        let _mine = [occupy(at).await, occupy(at).await];
        in_use(&server, 2).await;
        let answer = last_answer(TcpStream::connect(at).await.unwrap()).await;
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert!(answer.contains("\r\nRetry-After: "), "{answer}");
        assert!(answer.contains("Your address"), "{answer}");
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 2], 0).into()).unwrap();
        let mut other = socket.connect(at).await.unwrap();
        assert!(is_answered(&mut other).await);
    }

    #[tokio::test]
    async fn without_a_place_the_answer_says_so_and_other_limits_hold_at_once() {
        let (server, at) = greeter(Limits {
            connections: 2,
            ..Limits::default()
        })
        .await;
        let _busy = [occupy(at).await, occupy(at).await];
        in_use(&server, 2).await;
        let answer = last_answer(TcpStream::connect(at).await.unwrap()).await;
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert!(answer.contains("The gateway has"), "{answer}");
        server.limit(Limits {
            connections: 3,
            ..Limits::default()
        });
        let mut next = TcpStream::connect(at).await.unwrap();
        assert!(is_answered(&mut next).await);
    }

    #[tokio::test]
    async fn a_flood_that_is_turned_away_costs_no_more_than_a_few() {
        let (server, at) = greeter(Limits {
            connections: 1,
            ..Limits::default()
        })
        .await;
        let _busy = occupy(at).await;
        in_use(&server, 1).await;
        let mut flood = Vec::new();
        for _ in 0..200 {
            flood.push(TcpStream::connect(at).await.unwrap());
        }
        // Those who are not told are let go at once.
        let mut ended = 0;
        for stream in &mut flood {
            let mut byte = [0];
            let read = timeout(Duration::from_millis(20), stream.read(&mut byte));
            ended += usize::from(read.await.is_ok());
        }
        assert!(ended >= 200 - 40, "{ended}");
    }

    #[tokio::test]
    async fn a_client_that_does_not_send_a_head_is_let_go() {
        let limits = Limits {
            head_time: Duration::from_millis(150),
            idle_time: Duration::from_millis(150),
            ..Limits::default()
        };
        let (_shutdown, at) = serve(limits, 1).await;
        for sent in [&b""[..], b"GET / HTTP/1.1\r\nHos"] {
            let mut stream = TcpStream::connect(at[0]).await.unwrap();
            stream.write_all(sent).await.unwrap();
            ends(&mut stream).await;
        }
    }

    #[tokio::test]
    async fn a_client_that_reads_nothing_is_given_up() {
        let limits = Limits {
            write_stall: Duration::from_millis(200),
            ..Limits::default()
        };
        let (_shutdown, at) = serve(limits, 1).await;
        let mut stuck = TcpStream::connect(at[0]).await.unwrap();
        // More answers than fit between here and there; the other side stops to read in between.
        let all = GET.repeat(10_000);
        timeout(DEADLINE, async {
            while stuck.write_all(&all).await.is_ok() {}
        })
        .await
        .expect("it is kept");
    }
}
