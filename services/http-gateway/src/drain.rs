//! Reads what a client is still sending when its answer is ready, within bounds.
//!
//! A client that writes its whole body before it reads anything would otherwise see a reset connection
//! in place of the answer. When the bounds are reached the answer goes out and the connection is closed.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Body, Buf};

const MOST_BYTES: usize = 1024 * 1024;
const LONGEST: Duration = Duration::from_secs(3);

/// Reads and drops the rest of a body.
pub(crate) async fn drain<B: Body + Unpin>(mut body: B) {
    let read = async {
        let mut left = MOST_BYTES;
        while let Some(Ok(frame)) = body.frame().await {
            let size = frame.data_ref().map_or(0, Buf::remaining);
            match left.checked_sub(size) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    // Beyond the bound it is the client's own fault.
    let _ = tokio::time::timeout(LONGEST, read).await;
}
