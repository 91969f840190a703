//! A file on its way out: read from the drive in pieces, as fast as the client takes them.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use cpy_board::http::{Body, stream};
use cpy_fat::FileHandle;
use futures_util::{StreamExt, TryStreamExt};
use http_body_util::StreamBody;
use hyper::body::Frame;

use crate::drive::PIECE;
use crate::refusal::Refusal;
use crate::worker::Worker;

/// Pieces on their way from the drive to the client: one is sent while the next is read.
const AHEAD: usize = 2;

/// The content of an opened file. If the file is changed before all of it was read, or the board
/// goes away, the body ends in an error, and so does the client's connection.
pub(crate) fn body(worker: Worker, file: FileHandle) -> Body {
    let size = file.metadata().size;
    // The handle remembers where it was in the file; the worker runs the pieces in their order.
    let file = Arc::new(Mutex::new(file));
    let pieces = futures_util::stream::iter((0..size).step_by(PIECE))
        .map(move |offset| {
            let length = PIECE.min((size - offset) as usize);
            read(worker.clone(), Arc::clone(&file), offset, length)
        })
        .buffered(AHEAD);
    stream(StreamBody::new(pieces.map_ok(Frame::data)))
}

async fn read(
    worker: Worker,
    file: Arc<Mutex<FileHandle>>,
    offset: u32,
    length: usize,
) -> Result<Bytes, Refusal> {
    worker
        .run(move |drive| {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            let mut piece = vec![0; length];
            drive.read_at(&mut file, offset, &mut piece)?;
            Ok(Bytes::from(piece))
        })
        .await
}
