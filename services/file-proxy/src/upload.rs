//! An upload on its way: a request's body, kept away from the drive until it is complete.

use std::io::{self, Cursor};
use std::path::PathBuf;

use bytes::Buf;
use cpy_fat::Source;
use http_body_util::BodyExt;
use hyper::body::Body;
use tokio::io::AsyncWriteExt;

use crate::refusal::Refusal;

/// Uploads up to this size stay in memory; the common one is a program of a few KiB.
const IN_MEMORY: usize = 256 * 1024;

/// Where larger uploads wait, as files without a name that no crash can leave behind.
#[derive(Clone, Debug)]
pub(crate) struct Spool(PathBuf);

impl Spool {
    /// A spool in this directory, which is made when it is first needed.
    pub(crate) fn new(directory: impl Into<PathBuf>) -> Self {
        Self(directory.into())
    }

    async fn file(&self) -> io::Result<tokio::fs::File> {
        tokio::fs::create_dir_all(&self.0).await?;
        let directory = self.0.clone();
        let made = tokio::task::spawn_blocking(move || tempfile::tempfile_in(directory)).await;
        Ok(tokio::fs::File::from_std(made.map_err(io::Error::other)??))
    }
}

/// A body that has arrived whole.
#[derive(Debug)]
pub(crate) struct Upload {
    length: u64,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Memory(Vec<u8>),
    File(tokio::fs::File),
}

impl Upload {
    /// Takes a body in until its end, `limit` bytes at most.
    pub(crate) async fn collect<B>(mut body: B, spool: &Spool, limit: u64) -> Result<Self, Refusal>
    where
        B: Body<Data = bytes::Bytes> + Unpin,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let mut upload = Self {
            length: 0,
            content: Content::Memory(Vec::new()),
        };
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| Refusal::CutShort(error.into()))?;
            // Trailers say nothing about the content.
            let Ok(data) = frame.into_data() else {
                continue;
            };
            upload.length += data.remaining() as u64;
            if upload.length > limit {
                return Err(Refusal::TooLarge {
                    free: limit,
                    expects_continue: false,
                });
            }
            upload.append(&data, spool).await.map_err(Refusal::Spool)?;
        }
        if let Content::File(file) = &mut upload.content {
            file.flush().await.map_err(Refusal::Spool)?;
        }
        Ok(upload)
    }

    /// Bytes that arrived.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// The content, to be read from its start.
    pub(crate) async fn into_source(self) -> Box<dyn Source + Send> {
        match self.content {
            Content::Memory(bytes) => Box::new(Cursor::new(bytes)),
            Content::File(file) => Box::new(file.into_std().await),
        }
    }

    async fn append(&mut self, data: &[u8], spool: &Spool) -> io::Result<()> {
        if let Content::Memory(bytes) = &mut self.content {
            if bytes.len() + data.len() <= IN_MEMORY {
                bytes.extend_from_slice(data);
                return Ok(());
            }
            let mut file = spool.file().await?;
            file.write_all(bytes).await?;
            self.content = Content::File(file);
        }
        match &mut self.content {
            Content::File(file) => file.write_all(data).await,
            Content::Memory(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Seek as _};

    use bytes::Bytes;
    use futures_util::stream;
    use http_body_util::StreamBody;
    use hyper::body::Frame;

    use super::*;

    fn body(
        pieces: Vec<io::Result<&'static [u8]>>,
    ) -> impl Body<Data = Bytes, Error = io::Error> + Unpin {
        let frames = pieces
            .into_iter()
            .map(|piece| piece.map(|data| Frame::data(Bytes::from(data))));
        StreamBody::new(stream::iter(frames))
    }

    async fn content(upload: Upload) -> Vec<u8> {
        let mut content = Vec::new();
        let mut source = upload.into_source().await;
        source.rewind().unwrap();
        source.read_to_end(&mut content).unwrap();
        content
    }

    #[tokio::test]
    async fn small_and_large_uploads_come_out_as_they_went_in() {
        static PIECE: [u8; 100_000] = [7; 100_000];
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::new(dir.path().join("uploads"));
        for pieces in [0, 1, 2, 3, 20] {
            let all = (0..pieces).map(|_| Ok(&PIECE[..])).collect();
            let upload = Upload::collect(body(all), &spool, u64::MAX).await.unwrap();
            assert_eq!(upload.length(), pieces * 100_000);
            assert_eq!(content(upload).await.len() as u64, pieces * 100_000);
        }
        let left: Vec<_> = std::fs::read_dir(dir.path().join("uploads"))
            .unwrap()
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_no_upload() {
        let spool = Spool::new("/nonexistent");
        let broken = body(vec![
            Ok(b"half"),
            Err(io::ErrorKind::ConnectionReset.into()),
        ]);
        let result = Upload::collect(broken, &spool, 100).await;
        assert!(matches!(result, Err(Refusal::CutShort(_))));
    }

    #[tokio::test]
    async fn the_limit_holds_whatever_was_declared() {
        let spool = Spool::new("/nonexistent");
        let result = Upload::collect(body(vec![Ok(b"1234"), Ok(b"5")]), &spool, 4).await;
        assert!(matches!(result, Err(Refusal::TooLarge { free: 4, .. })));
        assert!(
            Upload::collect(body(vec![Ok(b"1234")]), &spool, 4)
                .await
                .is_ok()
        );
    }
}
