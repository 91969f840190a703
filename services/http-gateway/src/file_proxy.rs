//! Requests to file-proxy: a client's own, passed on as they are, and the gateway's questions.

use std::time::Duration;

use bytes::Bytes;
use cpy_board::http::{Body, stream};
use cpy_board::status::{DriveStatus, DriveStatuses};
use cpy_board::{Daemon, RuntimeDir, Serial, Shutdown};
use http_body_util::Empty;
use hyper::body::{Body as _, Incoming};
use hyper::header::{ACCEPT, EXPECT, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode, Version};
use serde::Deserialize;
use tokio::time::sleep;

use crate::drain::Drain;
use crate::lent_body::{AnswerBody, Lender, Rest};
use crate::refusal::Refusal;
use crate::reply::{close_after, passed_back};
use crate::service::{Service, request};

/// What file-proxy is told of a client's request, beside the length of its body. Not the password.
const PASSED_ON: [HeaderName; 5] = [ACCEPT, IF_MATCH, IF_NONE_MATCH, TIMESTAMP, DESTINATION];
/// When a file was changed.
const TIMESTAMP: HeaderName = HeaderName::from_static("x-timestamp");
/// Where a file is moved.
pub(crate) const DESTINATION: HeaderName = HeaderName::from_static("x-destination");

/// How long an answer may take: a drive on slow USB may be busy for seconds.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long the answer to a whole upload may take, which comes when all is on the drive.
const SAVE_PATIENCE: Duration = Duration::from_secs(60);

/// The daemon that has the drives.
#[derive(Clone, Debug)]
pub(crate) struct FileProxy {
    service: Service,
    drain: Drain,
}

/// What is of interest in the listing of a directory.
#[derive(Deserialize)]
struct Listing {
    files: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    file_size: u64,
}

impl FileProxy {
    pub(crate) fn new(runtime_dir: &RuntimeDir, shutdown: Shutdown) -> Self {
        Self {
            service: Service::new(Daemon::FileProxy, runtime_dir, shutdown.clone()),
            drain: Drain::new(shutdown),
        }
    }

    /// Passes on a request for a path below `/fs/` and its body, and the answer back, both as they come.
    pub(crate) async fn forward(
        &self,
        board: &Serial,
        head: &Parts,
        body: Incoming,
    ) -> Result<Response<Body>, Refusal> {
        let mut request = request(head.method.clone(), &files_path(board, head));
        for name in &PASSED_ON {
            for value in head.headers.get_all(name) {
                request.headers_mut().append(name, value.clone());
            }
        }
        let held = expects_continue(head) && !body.is_end_stream();
        let (lender, lent) = Lender::lend(body, held);
        if held {
            let expectation = HeaderValue::from_static("100-continue");
            request.headers_mut().insert(EXPECT, expectation);
            let lender = lender.clone();
            hyper::ext::on_informational(&mut request, move |answer| {
                if answer.status() == StatusCode::CONTINUE {
                    lender.release();
                }
            });
        }
        let patience = match head.method {
            Method::PUT => SAVE_PATIENCE,
            _ => PATIENCE,
        };
        let request = request.map(|()| stream(lent));
        let answer = self.service.send(request, lender.overdue(patience)).await;
        let rest = lender.take_back();
        let unsent = matches!(rest, Rest::Unsent);
        if answer.is_err() {
            lender.end();
        }
        match rest {
            Rest::Unread(rest) => self.drain.take(rest),
            Rest::Broken if answer.is_err() => return Err(Refusal::BrokenBody),
            _ => {}
        }
        let mut reply = passed_back(answer?.map(|body| AnswerBody::new(body, lender)));
        if unsent {
            close_after(&mut reply);
        }
        Ok(reply)
    }

    /// Writes a file from one part of the form that `head` sent, which is let go of when there is an answer.
    pub(crate) async fn put<B>(
        &self,
        board: &Serial,
        path: &str,
        head: &Parts,
        file: B,
    ) -> Result<Response<Body>, Refusal>
    where
        B: hyper::body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (lender, lent) = Lender::lend(file, false);
        let mut request = request(Method::PUT, &format!("/boards/{board}{path}"));
        if let Some(timestamp) = head.headers.get(TIMESTAMP) {
            request.headers_mut().insert(TIMESTAMP, timestamp.clone());
        }
        let request = request.map(|()| stream(lent));
        let overdue = lender.overdue(SAVE_PATIENCE);
        let answer = self.service.send(request, overdue).await;
        let rest = lender.take_back();
        if answer.is_err() {
            lender.end();
            if matches!(rest, Rest::Broken) {
                return Err(Refusal::BrokenForm);
            }
        }
        Ok(passed_back(
            answer?.map(|body| AnswerBody::new(body, lender)),
        ))
    }

    /// Whether the directory that a request names is there; otherwise the answer that says why not.
    pub(crate) async fn directory(
        &self,
        board: &Serial,
        head: &Parts,
    ) -> Result<Result<(), Response<Body>>, Refusal> {
        // Only the answer to GET carries the sentence, only that to HEAD is free of the listing.
        for method in [Method::HEAD, Method::GET] {
            let is_last = method == Method::GET;
            let mut request = request(method, &files_path(board, head));
            let json = HeaderValue::from_static("application/json");
            request.headers_mut().insert(ACCEPT, json);
            let answer = self
                .service
                .send(request.map(|()| stream(Empty::new())), sleep(PATIENCE))
                .await?;
            if answer.status().is_success() {
                return Ok(Ok(()));
            }
            if is_last {
                return Ok(Err(passed_back(answer)));
            }
        }
        unreachable!("the loop returns with its last method")
    }

    /// The sizes of the files in the directory that a request names, as far as they can be had.
    pub(crate) async fn sizes(&self, board: &Serial, head: &Parts) -> Option<Vec<u64>> {
        let path = format!("/boards/{board}{}", head.uri.path());
        let listing: Listing = self.service.document(&path).await.ok()?.ok()?;
        Some(listing.files.iter().map(|file| file.file_size).collect())
    }

    /// Where bodies go that file-proxy does not want.
    pub(crate) fn drain(&self) -> &Drain {
        &self.drain
    }

    /// Every drive.
    pub(crate) async fn drives(&self) -> Result<DriveStatuses, Refusal> {
        let drives = self.service.document("/boards").await?;
        drives.map_err(|_| Refusal::BrokeOff(Daemon::FileProxy))
    }

    /// A board's drive, or file-proxy's own answer where it has none.
    pub(crate) async fn drive(
        &self,
        board: &Serial,
    ) -> Result<Result<DriveStatus, Response<Body>>, Refusal> {
        self.service
            .document(&format!("/boards/{board}/drive"))
            .await
    }
}

/// Whether the client waits to be asked for its body (RFC 9110, section 10.1.1).
pub(crate) fn expects_continue(head: &Parts) -> bool {
    let expects = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
    head.version > Version::HTTP_10 && head.headers.get_all(EXPECT).iter().any(expects)
}

/// The raw path, undecoded: what it names is file-proxy's to say.
pub(crate) fn files_path(board: &Serial, head: &Parts) -> String {
    let target = head.uri.path_and_query().map_or("/", |path| path.as_str());
    format!("/boards/{board}{target}")
}
