//! One of the daemons behind the gateway, as somebody to send requests to.

use std::time::Duration;

use cpy_board::http::{Body, Client, stream};
use cpy_board::{Daemon, RuntimeDir, Shutdown};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper::header::{HOST, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout_at};

use crate::refusal::Refusal;
use crate::reply::passed_back;

/// The longest status document that is read: a kilobyte a board is plenty.
const LONGEST_DOCUMENT: usize = 1024 * 1024;
/// A status that takes longer counts as none: clients give up on what is made of it after 2 s.
const STATUS_PATIENCE: Duration = Duration::from_millis(700);

/// A daemon, with a connection of its own for every request.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    daemon: Daemon,
    client: Client,
}

impl Service {
    pub(crate) fn new(daemon: Daemon, runtime_dir: &RuntimeDir, shutdown: Shutdown) -> Self {
        Self {
            daemon,
            client: Client::new(runtime_dir.socket(daemon), shutdown),
        }
    }

    /// Sends a request and waits for the head of its answer, until the daemon is `overdue`.
    pub(crate) async fn send(
        &self,
        request: Request<Body>,
        overdue: impl Future<Output = ()>,
    ) -> Result<Response<Incoming>, Refusal> {
        tokio::select! {
            answer = self.client.send(request) => {
                answer.map_err(|error| Refusal::unanswered(self.daemon, &error))
            }
            () = overdue => {
                tracing::info!(service = self.daemon.name(), "a service does not answer");
                Err(Refusal::Silent(self.daemon))
            }
        }
    }

    /// A document that the daemon keeps of itself. The outer error: there is no answer; the inner one:
    /// an answer that is not the document.
    pub(crate) async fn document<T: DeserializeOwned>(
        &self,
        path: &str,
    ) -> Result<Result<T, Response<Body>>, Refusal> {
        self.document_within(path, STATUS_PATIENCE).await
    }

    /// The same of a daemon that may take as long as this.
    pub(crate) async fn document_within<T: DeserializeOwned>(
        &self,
        path: &str,
        patience: Duration,
    ) -> Result<Result<T, Response<Body>>, Refusal> {
        let end = Instant::now() + patience;
        let request = request(Method::GET, path).map(|()| stream(Empty::new()));
        // Not told to the log: the pages ask every few seconds.
        let late = |_| Refusal::Silent(self.daemon);
        let answer = timeout_at(end, self.client.send(request)).await;
        let answer = answer
            .map_err(late)?
            .map_err(|error| Refusal::unanswered(self.daemon, &error))?;
        if answer.status() != StatusCode::OK {
            return Ok(Err(passed_back(answer)));
        }
        let text = Limited::new(answer.into_body(), LONGEST_DOCUMENT).collect();
        let text = timeout_at(end, text).await.map_err(late)?;
        let document = text
            .ok()
            .and_then(|text| serde_json::from_slice(&text.to_bytes()).ok());
        document.map(Ok).ok_or_else(|| {
            tracing::warn!(
                service = self.daemon.name(),
                path,
                "a service's status cannot be understood"
            );
            Refusal::BrokeOff(self.daemon)
        })
    }
}

/// A request to a daemon, for a path that is known to be one.
pub(crate) fn request(method: Method, path: &str) -> Request<()> {
    let mut request = Request::new(());
    *request.method_mut() = method;
    *request.uri_mut() = path
        .parse()
        .expect("a target, or text without odd characters, behind a prefix is a target");
    request
        .headers_mut()
        .insert(HOST, HeaderValue::from_static("localhost"));
    request
}
