//! The `/fs/` interface of the web workflow (CircuitPython, workflows.md, "File REST API"): one
//! request to one drive.

use std::sync::Arc;

use cpy_board::http::{Body, empty, json};
use cpy_fat::{Entry, Kind, Made, Saved, Timestamp, Version};
use headers::HeaderMapExt;
use hyper::body::{Body as _, Incoming};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HeaderMap, HeaderValue,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Request, Response, StatusCode};
use serde::Serialize;

use crate::download;
use crate::drive_path::DrivePath;
use crate::lost;
use crate::precondition::{Precondition, etag};
use crate::refusal::Refusal;
use crate::store::now;
use crate::upload::{BoardSpool, Upload};
use crate::versions::{self, VersionQuery};
use crate::worker::Worker;

/// The prefix that paths have on the web, also in X-Destination.
const FS: &str = "/fs/";
const METHODS: &str = "GET, HEAD, PUT, DELETE, MOVE";

/// How a file was saved, where it was not in the usual way.
const X_SAVE: &str = "x-save";

/// A directory as JSON.
#[derive(Serialize)]
struct Listing {
    free: u64,
    total: u64,
    block_size: u32,
    writable: bool,
    files: Vec<ListedEntry>,
}

#[derive(Serialize)]
struct ListedEntry {
    name: String,
    directory: bool,
    modified_ns: u64,
    file_size: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
}

/// Answers a request for the place `raw_path` on the drive of `worker`.
pub(crate) async fn answer(
    worker: Worker,
    spool: BoardSpool,
    raw_path: &str,
    request: Request<Incoming>,
) -> Result<Response<Body>, Refusal> {
    let target = DrivePath::parse(raw_path)?;
    if let Some(query) = VersionQuery::of(request.uri())? {
        return versions::answer(worker, target, query, &request).await;
    }
    if lost::is_meant(&target, request.uri()) {
        return lost::answer(&worker, &request).await;
    }
    match request.method().as_str() {
        "GET" | "HEAD" if target.means_directory() => list(&worker, target).await,
        "GET" | "HEAD" => download(worker, target, request.headers()).await,
        "PUT" if target.means_directory() => {
            make_directory(&worker, target, request.headers()).await
        }
        "PUT" => save(&worker, spool, target, request).await,
        "DELETE" => delete(&worker, target, request.headers()).await,
        "MOVE" => rename(&worker, target, request.headers()).await,
        _ => Err(Refusal::Method),
    }
}

/// The reply to a refused request.
pub(crate) fn refuse(refusal: &Refusal) -> Response<Body> {
    let mut reply = refusal.reply();
    if matches!(refusal, Refusal::Method) {
        reply
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static(METHODS));
    }
    reply
}

async fn list(worker: &Worker, target: DrivePath) -> Result<Response<Body>, Refusal> {
    let (status, entries) = worker
        .run(move |drive| {
            let entries = drive.list(target.path()).map_err(|refusal| match refusal {
                Refusal::Fat(cpy_fat::Error::NotADirectory { .. }) => Refusal::NotADirectory,
                other => other,
            })?;
            Ok((drive.status(), entries))
        })
        .await?;
    let block = u64::from(status.block_size.max(1));
    let listing = Listing {
        free: status.free / block,
        total: status.total / block,
        block_size: status.block_size,
        writable: status.writable,
        files: entries.iter().map(ListedEntry::of).collect(),
    };
    let mut reply = json(StatusCode::OK, &listing);
    never_cached(reply.headers_mut());
    Ok(reply)
}

async fn download(
    worker: Worker,
    target: DrivePath,
    headers: &HeaderMap,
) -> Result<Response<Body>, Refusal> {
    let precondition = Precondition::of(headers)?;
    let path = target.path().clone();
    let file = worker
        .run(move |drive| {
            drive.open_file(&path).map_err(|refusal| match refusal {
                Refusal::Fat(cpy_fat::Error::IsADirectory { .. }) => Refusal::NotAFile,
                other => other,
            })
        })
        .await?;
    let version = file.version();
    if !precondition.is_met(Some(version)) {
        return Err(Refusal::Precondition);
    }
    let length = file.metadata().size;
    let mut reply = if precondition.is_known(Some(version)) {
        let mut reply = empty(StatusCode::NOT_MODIFIED);
        reply.headers_mut().remove(CONTENT_LENGTH);
        reply
    } else {
        let mut reply = Response::new(download::body(worker, file));
        let headers = reply.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static(content_type(&target)),
        );
        headers.insert(CONTENT_LENGTH, length.into());
        reply
    };
    let headers = reply.headers_mut();
    headers.typed_insert(etag(version));
    never_cached(headers);
    Ok(reply)
}

async fn save(
    worker: &Worker,
    spool: BoardSpool,
    target: DrivePath,
    request: Request<Incoming>,
) -> Result<Response<Body>, Refusal> {
    let modified = timestamp(request.headers());
    let precondition = Arc::new(Precondition::of(request.headers())?);
    let expects_continue = request.headers().contains_key(EXPECT);
    let declared = request.body().size_hint().exact();
    let share = spool.reserve(declared, expects_continue)?;
    let path = target.path().clone();
    let expected = Arc::clone(&precondition);
    let room = worker
        .run(move |drive| {
            drive.expect(&path, &expected)?;
            drive.room_for(&path, declared)
        })
        .await
        .map_err(|refusal| match refusal {
            Refusal::Fat(cpy_fat::Error::NoSpace { free, .. }) => Refusal::TooLarge {
                free,
                expects_continue,
            },
            other => other,
        })?;
    let upload = tokio::select! {
        upload = Upload::collect(request.into_body(), share, room) => upload?,
        () = worker.unplugged() => return Err(Refusal::NotPluggedIn),
    };
    let length = upload.length();
    let mut content = upload.into_source().await;
    let (saved, version) = worker
        .run(move |drive| {
            // Somebody may have been faster.
            drive.expect(target.path(), &precondition)?;
            let saved = drive.save(target.path(), length, content.as_mut(), modified)?;
            Ok((saved, drive.version(target.path()).unwrap_or_default()))
        })
        .await?;
    Ok(saved_reply(saved, version))
}

/// The reply to a save, with the entity tag of what is there now.
pub(crate) fn saved_reply(saved: Saved, version: Option<Version>) -> Response<Body> {
    let mut reply = empty(match saved {
        Saved::Created => StatusCode::CREATED,
        Saved::Replaced | Saved::ReplacedInPlace => StatusCode::NO_CONTENT,
    });
    let headers = reply.headers_mut();
    if let Some(version) = version {
        headers.typed_insert(etag(version));
    }
    if saved == Saved::ReplacedInPlace {
        headers.insert(X_SAVE, HeaderValue::from_static("in-place"));
    }
    reply
}

async fn make_directory(
    worker: &Worker,
    target: DrivePath,
    headers: &HeaderMap,
) -> Result<Response<Body>, Refusal> {
    let modified = timestamp(headers);
    let precondition = Precondition::of(headers)?;
    let made = worker
        .run(move |drive| {
            drive.expect(target.path(), &precondition)?;
            drive.make_directory(target.path(), modified)
        })
        .await?;
    Ok(empty(match made {
        Made::Created => StatusCode::CREATED,
        Made::Existed(_) => StatusCode::NO_CONTENT,
    }))
}

async fn delete(
    worker: &Worker,
    target: DrivePath,
    headers: &HeaderMap,
) -> Result<Response<Body>, Refusal> {
    let precondition = Precondition::of(headers)?;
    worker
        .run(move |drive| {
            drive.expect(target.path(), &precondition)?;
            drive.delete(target.path())
        })
        .await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

async fn rename(
    worker: &Worker,
    target: DrivePath,
    headers: &HeaderMap,
) -> Result<Response<Body>, Refusal> {
    let destination = destination(headers)?;
    let precondition = Precondition::of(headers)?;
    worker
        .run(move |drive| {
            drive.expect(target.path(), &precondition)?;
            drive.rename(target.path(), destination.path())
        })
        .await?;
    Ok(empty(StatusCode::CREATED))
}

pub(crate) fn destination(headers: &HeaderMap) -> Result<DrivePath, Refusal> {
    let header = headers.get("x-destination").ok_or(Refusal::Destination)?;
    let text = std::str::from_utf8(header.as_bytes()).map_err(|_| Refusal::Destination)?;
    if !text.starts_with(FS) {
        return Err(Refusal::Destination);
    }
    Ok(DrivePath::parse(&text[FS.len() - 1..])?)
}

/// X-Timestamp: milliseconds since 1970; zero, nonsense or none is now.
pub(crate) fn timestamp(headers: &HeaderMap) -> Timestamp {
    let told = headers
        .get("x-timestamp")
        .and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let seconds = match told {
        Some(milliseconds @ 1_u64..) => milliseconds / 1000,
        _ => now(),
    };
    Timestamp::from_unix_seconds(seconds)
}

pub(crate) fn never_cached(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// The types that a board gives to files.
pub(crate) fn content_type(target: &DrivePath) -> &'static str {
    let name = target
        .path()
        .names()
        .last()
        .map_or("", |name| name.as_str());
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    match ending.to_ascii_lowercase().as_str() {
        "txt" | "py" | "toml" => "text/plain;charset=UTF-8",
        "js" => "text/javascript;charset=UTF-8",
        "html" => "text/html;charset=UTF-8",
        "json" => "application/json;charset=UTF-8",
        _ => "application/octet-stream",
    }
}

impl ListedEntry {
    fn of(entry: &Entry) -> Self {
        Self {
            name: entry.name.to_string(),
            directory: entry.metadata.kind == Kind::Directory,
            modified_ns: entry.metadata.modified.unix_seconds() * 1_000_000_000,
            file_size: entry.metadata.size,
            etag: entry.version.map(|version| format!("\"{version}\"")),
        }
    }
}
