//! A drive as a whole, for `cpyctl drive`: what a check finds, an image of its volume, and the repaired image that takes
//! its place. What repairs is elsewhere.

use bytes::Bytes;
use cpy_board::http::{Body, empty, stream};
use cpy_board::status::{DriveFinding, DriveReport};
use cpy_fat::SECTOR_SIZE;
use futures_util::{StreamExt as _, TryStreamExt as _};
use headers::{ETag, HeaderMapExt as _, IfMatch};
use http_body_util::StreamBody;
use hyper::body::{Body as _, Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response, StatusCode};

use crate::drive::{Drive, PIECE_SECTORS};
use crate::refusal::Refusal;
use crate::upload::{BoardSpool, Upload};
use crate::worker::Worker;

/// What a look at a drive finds.
pub(crate) async fn check(worker: &Worker) -> Result<DriveReport, Refusal> {
    let report = worker.run(Drive::check).await?;
    let finding = |finding: &cpy_fat::Finding| DriveFinding {
        finding: finding.to_string(),
        harmless: finding.is_harmless(),
    };
    Ok(DriveReport {
        findings: report.findings.iter().map(finding).collect(),
        omitted: report.omitted,
        files: report.files,
        directories: report.directories,
    })
}

/// Answers a request for the sectors of a drive's volume.
pub(crate) async fn answer(
    worker: Worker,
    spool: BoardSpool,
    request: Request<Incoming>,
) -> Result<Response<Body>, Refusal> {
    match request.method().as_str() {
        "GET" | "HEAD" => download(worker).await,
        "PUT" => replace(&worker, spool, request).await,
        _ => Err(Refusal::Method),
    }
}

async fn download(worker: Worker) -> Result<Response<Body>, Refusal> {
    let sectors = worker.run(Drive::sectors).await?;
    let pieces = futures_util::stream::iter((0..sectors).step_by(PIECE_SECTORS))
        .then(move |first| read(worker.clone(), first));
    let mut reply = Response::new(stream(StreamBody::new(pieces.map_ok(Frame::data).boxed())));
    let headers = reply.headers_mut();
    let octets = HeaderValue::from_static("application/octet-stream");
    headers.insert(CONTENT_TYPE, octets);
    headers.insert(CONTENT_LENGTH, (sectors * SECTOR_SIZE as u64).into());
    Ok(reply)
}

async fn read(worker: Worker, first: u64) -> Result<Bytes, Refusal> {
    let piece = worker.run(move |drive| drive.piece(first)).await?;
    Ok(piece.into())
}

/// Takes a repaired image. `If-Match` has the SHA-256 of the one that it was made from, as the drive must still be.
async fn replace(
    worker: &Worker,
    spool: BoardSpool,
    request: Request<Incoming>,
) -> Result<Response<Body>, Refusal> {
    let condition: IfMatch = request
        .headers()
        .typed_try_get()
        .map_err(|_| Refusal::Condition("if-match".into()))?
        .ok_or(Refusal::Unconditional)?;
    let expected = worker.run(Drive::sectors).await? * SECTOR_SIZE as u64;
    let share = spool.reserve(request.body().size_hint().exact(), false)?;
    let upload = tokio::select! {
        upload = Upload::collect(request.into_body(), share, expected) => upload?,
        () = worker.unplugged() => return Err(Refusal::NotPluggedIn),
    };
    let got = upload.length();
    if got != expected {
        return Err(Refusal::ImageLength { expected, got });
    }
    let mut image = upload.into_source().await;
    worker
        .run(move |drive| {
            let now = drive.fingerprint()?.entity_tag();
            let now: ETag = now.parse().map_err(|_| Refusal::Internal)?;
            if !condition.precondition_passes(&now) {
                return Err(Refusal::Precondition);
            }
            drive.replace(image.as_mut())
        })
        .await?;
    Ok(empty(StatusCode::NO_CONTENT))
}
