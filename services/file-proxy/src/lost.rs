//! What was lost when a drive was wiped, on the web: `GET /fs/?lost` lists it, a PUT there without a body gives it all back
//! and says what became of what stood in its place, and a DELETE forgets it.

use cpy_board::http::{Body, empty, json};
use cpy_fat::Version;
use hyper::body::{Body as _, Incoming};
use hyper::{Request, Response, StatusCode, Uri};
use serde::Serialize;

use crate::drive::Drive;
use crate::drive_path::DrivePath;
use crate::files::never_cached;
use crate::refusal::Refusal;
use crate::store::Kept;
use crate::worker::Worker;

/// The query's one key.
const KEY: &str = "lost";

/// What `?lost` answers.
#[derive(Serialize)]
struct Lost {
    files: Vec<LostFile>,
}

#[derive(Serialize)]
struct LostFile {
    path: String,
    modified_ns: u64,
    file_size: u64,
    /// Whether something is in its place now.
    replaces: bool,
}

/// What a PUT answers.
#[derive(Default, Serialize)]
struct GivenBack {
    files: usize,
    /// How many of them took the place of a file that is in the history now,
    replaced: usize,
    /// and how many of one that could not be kept.
    unkept: usize,
}

/// Whether a request is for what was lost. Drives are lost whole, so it is the root's.
pub(crate) fn is_meant(target: &DrivePath, uri: &Uri) -> bool {
    let is_key = |query: &str| query.eq_ignore_ascii_case(KEY);
    target.path().is_root() && uri.query().is_some_and(is_key)
}

/// Answers a request for what a drive has lost.
pub(crate) async fn answer(
    worker: &Worker,
    request: &Request<Incoming>,
) -> Result<Response<Body>, Refusal> {
    match request.method().as_str() {
        "GET" | "HEAD" => list(worker).await,
        "PUT" if request.body().is_end_stream() => restore(worker).await,
        "PUT" => Err(Refusal::BodyUnwanted),
        "DELETE" => forget(worker).await,
        _ => Err(Refusal::KeptMethod("GET, HEAD, PUT, DELETE")),
    }
}

async fn list(worker: &Worker) -> Result<Response<Body>, Refusal> {
    let mut files = Vec::new();
    for (_, kept) in worker.run(Drive::lost).await? {
        let listed = worker.run(move |drive| {
            let replaces = version_at(drive, &kept).is_some();
            Ok(LostFile::of(kept, replaces))
        });
        files.push(listed.await?);
    }
    let mut reply = json(StatusCode::OK, &Lost { files });
    never_cached(reply.headers_mut());
    Ok(reply)
}

/// Gives everything back, file by file. What cannot be given back is still lost, and keeps no other file from it.
async fn restore(worker: &Worker) -> Result<Response<Body>, Refusal> {
    let mut done = GivenBack::default();
    let mut failures = Vec::new();
    for (number, kept) in worker.run(Drive::lost).await? {
        let given = worker.run(move |drive| {
            let before = version_at(drive, &kept);
            drive.give_back(number, &kept)?;
            Ok(before.map(|before| is_kept(drive, &kept, before)))
        });
        match given.await {
            Ok(before) => {
                done.files += 1;
                done.replaced += usize::from(before == Some(true));
                done.unkept += usize::from(before == Some(false));
            }
            Err(refusal @ (Refusal::Fat(_) | Refusal::History(_))) => failures.push(refusal),
            Err(refusal) => return Err(refusal),
        }
    }
    let files = failures.len();
    match failures.into_iter().next() {
        None => Ok(json(StatusCode::OK, &done)),
        Some(first) => Err(Refusal::StillLost {
            files,
            first: Box::new(first),
        }),
    }
}

/// Which content is in the place of a lost file now.
fn version_at(drive: &mut Drive, kept: &Kept) -> Option<Version> {
    let path = kept.path.parse().ok()?;
    drive.version(&path).ok().flatten()
}

/// Whether this content, in whose place a lost file is now, is in the history.
fn is_kept(drive: &mut Drive, kept: &Kept, version: Version) -> bool {
    let path = kept.path.parse().ok();
    path.is_some_and(|path| drive.is_kept(&path, version).unwrap_or(false))
}

async fn forget(worker: &Worker) -> Result<Response<Body>, Refusal> {
    for (number, _) in worker.run(Drive::lost).await? {
        worker.run(move |drive| drive.forget_lost(number)).await?;
    }
    Ok(empty(StatusCode::NO_CONTENT))
}

impl LostFile {
    fn of(kept: Kept, replaces: bool) -> Self {
        Self {
            replaces,
            path: kept.path,
            modified_ns: kept.modified * 1_000_000_000,
            file_size: kept.size,
        }
    }
}
