//! An image of a drive's volume on its way from file-proxy and back.

use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use cpy_board::http::stream;
use cpy_board::{Fingerprint, RuntimeDir, Serial};
use futures_util::TryStreamExt as _;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use hyper::header::{CONTENT_LENGTH, IF_MATCH};
use hyper::{Method, Request, StatusCode};
use tempfile::NamedTempFile;
use tokio::fs::File;
use tokio_util::io::ReaderStream;

use crate::daemons::{ask_file_proxy, send_to_file_proxy, success};

/// How long a drive may take to be read whole, compared and written: the largest ones have 16 MB, and slow USB reads
/// less than one a second.
const PATIENCE: Duration = Duration::from_secs(600);

/// Writes the image of a drive to this new file, durably, and to no part. The entity tag by which its state is known.
pub(super) async fn fetch(runtime_dir: &RuntimeDir, serial: &Serial, to: &Path) -> Result<String> {
    let name = || format!("cannot write {}", to.display());
    ensure!(!to.exists(), "{} exists already", to.display());
    let file = NamedTempFile::new_in(directory(to)).with_context(name)?;
    let mut writer = BufWriter::new(file.as_file());
    let reply = ask_file_proxy(runtime_dir, Method::GET, &target(serial)).await?;
    let mut body = success(reply).await?.into_body();
    let mut fingerprint = Fingerprint::default();
    while let Some(frame) = body.frame().await {
        let frame = frame.context("the drive could not be read to its end")?;
        if let Ok(data) = frame.into_data() {
            fingerprint.add(&data);
            writer.write_all(&data).with_context(name)?;
        }
    }
    writer.flush().with_context(name)?;
    drop(writer);
    file.as_file().sync_all().with_context(name)?;
    file.persist_noclobber(to).with_context(name)?;
    Ok(fingerprint.entity_tag())
}

/// A copy of an image beside it, which is gone when it is dropped.
pub(super) fn copy(image: &Path) -> io::Result<NamedTempFile> {
    let copy = NamedTempFile::new_in(directory(image))?;
    std::fs::copy(image, copy.path())?;
    Ok(copy)
}

/// Puts this image in the place of the drive's volume, if that is still in the state `tag`.
pub(super) async fn put_back(
    runtime_dir: &RuntimeDir,
    serial: &Serial,
    tag: &str,
    from: &Path,
) -> Result<()> {
    let file = File::open(from).await?;
    let length = file.metadata().await?.len();
    let pieces = ReaderStream::with_capacity(file, 64 * 1024).map_ok(Frame::data);
    let request = Request::put(target(serial))
        .header(IF_MATCH, tag)
        .header(CONTENT_LENGTH, length)
        .body(stream(StreamBody::new(pieces)))?;
    let reply = send_to_file_proxy(runtime_dir, request, PATIENCE).await?;
    if reply.status() == StatusCode::PRECONDITION_FAILED {
        bail!("the drive was changed while it was being repaired: nothing was written, try again");
    }
    success(reply).await.map(|_| ())
}

fn directory(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

fn target(serial: &Serial) -> String {
    format!("/boards/{serial}/image")
}
