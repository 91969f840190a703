//! Reads on what a client is still sending when its answer is ready, within bounds.
//!
//! A client that writes its whole body before it reads anything would otherwise see a reset connection
//! in place of the answer. The answer goes out at once; at the bounds the connection is closed.

use std::time::Duration;

use cpy_board::Shutdown;
use http_body_util::BodyExt;
use hyper::body::{Body, Buf};

/// More than most boards have room for.
const MOST_BYTES: usize = 64 * 1024 * 1024;
const LONGEST: Duration = Duration::from_secs(30);

/// Where bodies go that nobody wants.
#[derive(Clone, Debug)]
pub(crate) struct Drain(Shutdown);

impl Drain {
    /// Its tasks belong to the set.
    pub(crate) fn new(shutdown: Shutdown) -> Self {
        Self(shutdown)
    }

    /// Reads and drops the rest of a body, in the background.
    pub(crate) fn take<B>(&self, mut body: B)
    where
        B: Body<Data: Send, Error: Send> + Send + Unpin + 'static,
    {
        if body.is_end_stream() {
            return;
        }
        let end = self.0.clone();
        self.0.spawn(async move {
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
            tokio::select! {
                () = read => {}
                () = tokio::time::sleep(LONGEST) => {}
                () = end.requested() => {}
            }
        });
    }
}
