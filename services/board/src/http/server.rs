//! The server: connections of one or more listeners, each served until it ends or the daemon stops.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::Semaphore;

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
    /// Connections at a time, over all listeners. Further ones wait in the kernel's queue.
    pub connections: usize,
    /// The time that a request's head may take, and that a connection may be idle between two.
    pub head_time: Duration,
    /// Header fields in a request's head; more are answered with 431.
    pub head_fields: usize,
    /// Bytes in a request's head; more are answered with 431.
    pub head_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 512,
            head_time: Duration::from_secs(30),
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
    places: Arc<Semaphore>,
    shutdown: Shutdown,
}

// By hand, because the handler need not be Clone.
impl<H> Clone for Server<H> {
    fn clone(&self) -> Self {
        Self {
            handler: Arc::clone(&self.handler),
            limits: self.limits,
            places: Arc::clone(&self.places),
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
            places: Arc::new(Semaphore::new(limits.connections)),
            shutdown,
        }
    }

    /// Accepts connections until the daemon stops, or until the future is dropped: connections that
    /// were accepted live on in both cases, to the end of the request that they are in.
    pub async fn serve(&self, listener: impl Accept) {
        loop {
            let accepted = async {
                let place = Arc::clone(&self.places).acquire_owned().await;
                (
                    place.expect("nobody closes the semaphore"),
                    listener.accept().await,
                )
            };
            let (place, connection) = tokio::select! {
                accepted = accepted => accepted,
                () = self.shutdown.requested() => return,
            };
            match connection {
                Ok((io, peer)) => {
                    let server = self.clone();
                    self.shutdown.spawn(async move {
                        server.serve_connection(io, peer).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(BREATH).await;
                }
            }
        }
    }

    async fn serve_connection<I>(&self, io: I, peer: Peer)
    where
        I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let service = service_fn(|request| async move {
            Ok::<_, Infallible>(self.handler.handle(request, peer).await)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.head_time)
            .max_headers(self.limits.head_fields)
            .max_header_size(self.limits.head_bytes)
            .half_close(true)
            .serve_connection(TokioIo::new(io), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let result = tokio::select! {
            result = connection.as_mut() => result,
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
