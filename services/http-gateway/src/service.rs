//! One of the daemons behind the gateway, as somebody to send requests to.

use std::time::Duration;

use cpy_board::http::{Body, Client, stream};
use cpy_board::{Daemon, RuntimeDir, Shutdown};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper::header::{HOST, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::refusal::Refusal;
use crate::reply::passed_back;

/// The longest status document that is read: a kilobyte a board is plenty.
const LONGEST_DOCUMENT: usize = 1024 * 1024;
/// A status that takes longer counts as none: clients give up on what is made of it after 2 s.
const PATIENCE: Duration = Duration::from_secs(1);

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

    /// Sends a request and waits for the head of its answer.
    pub(crate) async fn send(&self, request: Request<Body>) -> Result<Response<Incoming>, Refusal> {
        self.client
            .send(request)
            .await
            .map_err(|error| Refusal::unanswered(self.daemon, &error))
    }

    /// A document that the daemon keeps of itself. The outer error: there is no answer; the inner one:
    /// an answer that is not the document.
    pub(crate) async fn document<T: DeserializeOwned>(
        &self,
        path: &str,
    ) -> Result<Result<T, Response<Body>>, Refusal> {
        let late = |_| Refusal::BrokeOff(self.daemon);
        let answer = self.send(request(Method::GET, path).map(|()| stream(Empty::new())));
        let answer = timeout(PATIENCE, answer).await.map_err(late)??;
        if answer.status() != StatusCode::OK {
            return Ok(Err(passed_back(answer)));
        }
        let text = Limited::new(answer.into_body(), LONGEST_DOCUMENT).collect();
        let text = timeout(PATIENCE, text).await.map_err(late)?;
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
