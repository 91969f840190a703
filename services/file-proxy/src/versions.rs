//! The history of a file on the web, beside the file: `GET /fs/<path>?history` lists what it held, `?history=<number>`
//! is one of these contents, and a PUT there without a body gives it back to the file. For a directory the list has all
//! files below it, those that were deleted too.

use cpy_board::http::{Body, json, stream};
use futures_util::TryStreamExt;
use http_body_util::StreamBody;
use hyper::body::{Body as _, Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response, StatusCode, Uri};
use serde::Serialize;
use tokio_util::io::ReaderStream;

use crate::drive_path::DrivePath;
use crate::files::{content_type, never_cached, saved_reply, timestamp};
use crate::precondition::Precondition;
use crate::refusal::Refusal;
use crate::store::Kept;
use crate::worker::Worker;

/// The query's one key.
const KEY: &str = "history";

/// What a query asks of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VersionQuery {
    /// All that there is.
    All,
    /// The version with this number.
    One(u64),
}

/// What `?history` answers.
#[derive(Serialize)]
struct Versions {
    /// The newest first.
    versions: Vec<Listed>,
}

#[derive(Serialize)]
struct Listed {
    id: u64,
    /// The same for all that one change took away, as when a directory is deleted.
    change: u64,
    path: String,
    modified_ns: u64,
    kept_ns: u64,
    file_size: u64,
}

impl VersionQuery {
    /// What the query asks; none where it asks something else, which the web workflow does not know.
    pub(crate) fn of(uri: &Uri) -> Result<Option<Self>, Refusal> {
        let Some(query) = uri.query() else {
            return Ok(None);
        };
        let (key, number) = match query.split_once('=') {
            Some((key, number)) => (key, Some(number)),
            None => (query, None),
        };
        if !key.eq_ignore_ascii_case(KEY) {
            return Ok(None);
        }
        match number {
            None => Ok(Some(Self::All)),
            Some(number) => {
                let number = number.parse().map_err(|_| Refusal::NoSuchVersion)?;
                Ok(Some(Self::One(number)))
            }
        }
    }
}

/// Answers a request for the history of `target`.
pub(crate) async fn answer(
    worker: Worker,
    target: DrivePath,
    query: VersionQuery,
    request: &Request<Incoming>,
) -> Result<Response<Body>, Refusal> {
    match (request.method().as_str(), query) {
        ("GET" | "HEAD", VersionQuery::All) => list(&worker, target).await,
        ("GET" | "HEAD", VersionQuery::One(number)) => download(&worker, target, number).await,
        ("PUT", VersionQuery::One(number)) if request.body().is_end_stream() => {
            restore(&worker, target, number, request).await
        }
        ("PUT", VersionQuery::One(_)) => Err(Refusal::BodyUnwanted),
        (_, VersionQuery::All) => Err(Refusal::KeptMethod("GET, HEAD")),
        (_, VersionQuery::One(_)) => Err(Refusal::KeptMethod("GET, HEAD, PUT")),
    }
}

async fn list(worker: &Worker, target: DrivePath) -> Result<Response<Body>, Refusal> {
    let versions = worker
        .run(move |drive| drive.versions(target.path()))
        .await?;
    let versions = versions.into_iter().map(Listed::of).collect();
    let mut reply = json(StatusCode::OK, &Versions { versions });
    never_cached(reply.headers_mut());
    Ok(reply)
}

async fn download(
    worker: &Worker,
    target: DrivePath,
    number: u64,
) -> Result<Response<Body>, Refusal> {
    let content_type = content_type(&target);
    let (kept, content) = worker
        .run(move |drive| drive.open_version(target.path(), number))
        .await?;
    let file = tokio::fs::File::from_std(content.into_file());
    let pieces = ReaderStream::new(file).map_ok(Frame::data);
    let mut reply = Response::new(stream(StreamBody::new(pieces)));
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CONTENT_LENGTH, kept.size.into());
    never_cached(headers);
    Ok(reply)
}

async fn restore(
    worker: &Worker,
    target: DrivePath,
    number: u64,
    request: &Request<Incoming>,
) -> Result<Response<Body>, Refusal> {
    let modified = timestamp(request.headers());
    let precondition = Precondition::of(request.headers())?;
    let (saved, version) = worker
        .run(move |drive| {
            let path = target.path();
            drive.expect(path, &precondition)?;
            let (kept, mut content) = drive.open_version(path, number)?;
            let saved = drive.restore(path, kept.size, &mut content, modified)?;
            Ok((saved, drive.version(path).unwrap_or_default()))
        })
        .await?;
    Ok(saved_reply(saved, version))
}

impl Listed {
    fn of((id, kept): (u64, Kept)) -> Self {
        const NANOSECONDS: u64 = 1_000_000_000;
        Self {
            id,
            change: kept.change,
            path: kept.path,
            modified_ns: kept.modified * NANOSECONDS,
            kept_ns: kept.since * NANOSECONDS,
            file_size: kept.size,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &str) -> Result<Option<VersionQuery>, Refusal> {
        VersionQuery::of(&format!("/fs/code.py?{query}").parse().unwrap())
    }

    #[test]
    fn a_query_that_means_the_history_is_not_taken_for_none() {
        assert_eq!(of("history").unwrap(), Some(VersionQuery::All));
        assert_eq!(of("History=3").unwrap(), Some(VersionQuery::One(3)));
        for number in ["", "x", "-1", "3&more"] {
            let refused = of(&format!("history={number}"));
            assert!(matches!(refused, Err(Refusal::NoSuchVersion)), "{number}");
        }
        assert_eq!(of("time=3").unwrap(), None);
    }
}
