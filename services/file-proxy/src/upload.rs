//! An upload on its way: a request's body, kept away from the drive until it is complete.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Buf;
use cpy_board::Serial;
use cpy_fat::Source;
use http_body_util::BodyExt;
use hyper::body::Body;
use tokio::io::AsyncWriteExt;

use crate::refusal::Refusal;

/// Uploads up to this size stay in memory; the common one is a program of a few KiB.
const IN_MEMORY: usize = 256 * 1024;

/// Where larger uploads wait, as files without a name that no crash can leave behind. All uploads on their way to one
/// board together have a limit: the disk is for all boards.
#[derive(Clone, Debug)]
pub(crate) struct Spool(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    directory: PathBuf,
    limit: AtomicU64,
    /// Bytes of uploads under way, by board.
    waiting: Mutex<BTreeMap<Serial, u64>>,
}

/// What one board may have of it.
#[derive(Clone, Debug)]
pub(crate) struct BoardSpool {
    spool: Spool,
    board: Serial,
}

/// What one upload has of that, until it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    of: BoardSpool,
    bytes: u64,
}

impl Spool {
    /// A spool in this directory, which is made when it is first needed; of so many bytes for each board.
    pub(crate) fn new(directory: impl Into<PathBuf>, limit: u64) -> Self {
        Self(Arc::new(Shared {
            directory: directory.into(),
            limit: limit.into(),
            waiting: Mutex::default(),
        }))
    }

    /// Goes by another limit from now on.
    pub(crate) fn limit(&self, limit: u64) {
        self.0.limit.store(limit, Ordering::Relaxed);
    }

    /// The part of a board.
    pub(crate) fn of(&self, board: &Serial) -> BoardSpool {
        BoardSpool {
            spool: self.clone(),
            board: board.clone(),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<Serial, u64>> {
        self.0
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    async fn file(&self) -> io::Result<tokio::fs::File> {
        let directory = self.0.directory.clone();
        tokio::fs::create_dir_all(&directory).await?;
        let made = tokio::task::spawn_blocking(move || tempfile::tempfile_in(directory)).await;
        Ok(tokio::fs::File::from_std(made.map_err(io::Error::other)??))
    }
}

impl BoardSpool {
    /// Room for an upload that says how long it is: whoever comes while it arrives cannot take it away. One that does not
    /// say so has what it needs as it arrives.
    pub(crate) fn reserve(
        &self,
        declared: Option<u64>,
        expects_continue: bool,
    ) -> Result<Share, Refusal> {
        let mut share = Share {
            of: self.clone(),
            bytes: 0,
        };
        share.grow_to(declared.unwrap_or(0), expects_continue)?;
        Ok(share)
    }
}

impl Share {
    /// Takes as many bytes as it is short of these.
    fn grow_to(&mut self, all: u64, expects_continue: bool) -> Result<(), Refusal> {
        if all <= self.bytes {
            return Ok(());
        }
        let limit = self.of.spool.0.limit.load(Ordering::Relaxed);
        if all > limit {
            return Err(Refusal::OverLimit {
                limit,
                expects_continue,
            });
        }
        let mut waiting = self.of.spool.waiting();
        let of_board = waiting.get(&self.of.board).copied().unwrap_or(0);
        let with_it = of_board.saturating_add(all - self.bytes);
        if with_it > limit {
            return Err(Refusal::OthersUpload);
        }
        waiting.insert(self.of.board.clone(), with_it);
        self.bytes = all;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut waiting = self.of.spool.waiting();
        if let Some(of_board) = waiting.get_mut(&self.of.board) {
            *of_board -= self.bytes;
            if *of_board == 0 {
                waiting.remove(&self.of.board);
            }
        }
    }
}

/// A body that has arrived whole.
#[derive(Debug)]
pub(crate) struct Upload {
    content: Content,
    length: u64,
    share: Share,
}

#[derive(Debug)]
enum Content {
    Memory(Vec<u8>),
    File(tokio::fs::File),
}

/// The content of an upload, which has its share of the spool until it is saved.
struct Spooled<S> {
    source: S,
    _share: Share,
}

impl<S: Read> Read for Spooled<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.source.read(buffer)
    }
}

impl<S: Seek> Seek for Spooled<S> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.source.seek(to)
    }
}

impl Upload {
    /// Takes a body in until its end, `limit` bytes at most.
    pub(crate) async fn collect<B>(mut body: B, share: Share, limit: u64) -> Result<Self, Refusal>
    where
        B: Body<Data = bytes::Bytes> + Unpin,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let mut upload = Self {
            content: Content::Memory(Vec::new()),
            length: 0,
            share,
        };
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| Refusal::CutShort(error.into()))?;
            // Trailers say nothing about the content.
            let Ok(data) = frame.into_data() else {
                continue;
            };
            let length = upload.length + data.remaining() as u64;
            if length > limit {
                return Err(Refusal::TooLarge {
                    free: limit,
                    expects_continue: false,
                });
            }
            upload.share.grow_to(length, false)?;
            upload.append(&data).await.map_err(Refusal::Spool)?;
            upload.length = length;
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
        let Self { content, share, .. } = self;
        match content {
            Content::Memory(bytes) => Box::new(Spooled {
                source: Cursor::new(bytes),
                _share: share,
            }),
            Content::File(file) => Box::new(Spooled {
                source: file.into_std().await,
                _share: share,
            }),
        }
    }

    async fn append(&mut self, data: &[u8]) -> io::Result<()> {
        if let Content::Memory(bytes) = &mut self.content {
            if bytes.len() + data.len() <= IN_MEMORY {
                bytes.extend_from_slice(data);
                return Ok(());
            }
            let mut file = self.share.of.spool.file().await?;
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
    use bytes::Bytes;
    use futures_util::stream;
    use http_body_util::StreamBody;
    use hyper::body::Frame;

    use std::path::Path;

    use super::*;

    fn body(
        pieces: Vec<io::Result<&'static [u8]>>,
    ) -> impl Body<Data = Bytes, Error = io::Error> + Unpin {
        let frames = pieces
            .into_iter()
            .map(|piece| piece.map(|data| Frame::data(Bytes::from(data))));
        StreamBody::new(stream::iter(frames))
    }

    /// A share, for an upload that does not say how long it is, of a spool of so many bytes.
    fn share(directory: &Path, limit: u64) -> Share {
        let spool = Spool::new(directory, limit).of(&"A".parse().unwrap());
        spool.reserve(None, false).unwrap()
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
        for pieces in [0, 1, 2, 3, 20] {
            let all = (0..pieces).map(|_| Ok(&PIECE[..])).collect();
            let share = share(&dir.path().join("uploads"), u64::MAX);
            let upload = Upload::collect(body(all), share, u64::MAX).await.unwrap();
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
        let share = share(Path::new("/nonexistent"), 1000);
        let broken = body(vec![
            Ok(b"half"),
            Err(io::ErrorKind::ConnectionReset.into()),
        ]);
        let result = Upload::collect(broken, share, 100).await;
        assert!(matches!(result, Err(Refusal::CutShort(_))));
    }

    #[tokio::test]
    async fn the_limit_holds_whatever_was_declared() {
        let upload = async |pieces| {
            let share = share(Path::new("/nonexistent"), 1000);
            Upload::collect(body(pieces), share, 4).await
        };
        let result = upload(vec![Ok(b"1234"), Ok(b"5")]).await;
        assert!(matches!(result, Err(Refusal::TooLarge { free: 4, .. })));
        assert!(upload(vec![Ok(b"1234")]).await.is_ok());
    }

    #[tokio::test]
    async fn the_uploads_to_one_board_have_a_share_and_leave_others_theirs() {
        let all = Spool::new("/nonexistent", 10);
        let [a, b] = ["A", "B"].map(|serial| all.of(&serial.parse().unwrap()));
        let upload = async |spool: &BoardSpool, text: &'static [u8]| {
            let share = spool.reserve(None, false)?;
            Upload::collect(body(vec![Ok(text)]), share, 1000).await
        };
        let first = upload(&a, b"123456").await.unwrap();
        let refused = upload(&a, b"12345").await;
        assert!(matches!(refused, Err(Refusal::OthersUpload)), "{refused:?}");
        assert!(upload(&a, b"1234").await.is_ok());
        assert!(upload(&b, b"1234567890").await.is_ok());
        // It has its share until it is saved.
        let source = first.into_source().await;
        assert!(upload(&a, b"12345").await.is_err());
        drop(source);
        assert!(upload(&a, b"1234567890").await.is_ok());
        assert!(all.waiting().is_empty());

        // One that was promised room has it, however late it comes.
        let promised = a.reserve(Some(6), false).unwrap();
        let refused = a.reserve(Some(5), true);
        assert!(matches!(refused, Err(Refusal::OthersUpload)), "{refused:?}");
        assert!(upload(&a, b"12345").await.is_err());
        assert!(upload(&a, b"1234").await.is_ok());
        let late = Upload::collect(body(vec![Ok(b"123"), Ok(b"456")]), promised, 1000).await;
        assert_eq!(late.unwrap().length(), 6);
        assert!(all.waiting().is_empty());

        let refused = upload(&a, b"12345678901").await;
        assert!(
            matches!(refused, Err(Refusal::OverLimit { limit: 10, .. })),
            "{refused:?}"
        );
        assert!(a.reserve(Some(11), true).is_err());
        all.limit(11);
        assert!(a.reserve(Some(11), true).is_ok());
        assert!(upload(&a, b"12345678901").await.is_ok());
    }
}
