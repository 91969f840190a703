//! Files sent as a form: each part streamed to file-proxy as a file of the directory that the form is for.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use cpy_board::Serial;
use cpy_board::http::Body;
use cpy_board::status::DriveState;
use futures_util::Stream;
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use multer::{Field, Multipart};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::accept;
use crate::file_proxy::{FileProxy, expects_continue};
use crate::lent_body::{Lender, Rest};
use crate::refusal::Refusal;
use crate::reply::redirect;

/// What cannot stand for itself in a path (RFC 3986, section 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Bytes in a file's name: FAT has names of 255 UTF-16 units.
const LONGEST_NAME: usize = 3 * 255;
/// More bytes than are around the files of a form, and in its other fields.
const FRAME: u64 = 64 * 1024;

/// The line between the parts of a form.
pub(crate) struct Boundary(String);

impl Boundary {
    /// The boundary that a request names.
    pub(crate) fn of(head: &Parts) -> Result<Self, Refusal> {
        let kind = head.headers.get(CONTENT_TYPE);
        kind.and_then(|kind| multer::parse_boundary(kind.to_str().ok()?).ok())
            .map(Self)
            .ok_or(Refusal::NotAForm)
    }

    #[cfg(feature = "fuzzing")]
    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

/// Whether a form of this length can succeed, before it is sent; otherwise the answer that says why not.
pub(crate) async fn admit(
    files: &FileProxy,
    board: &Serial,
    head: &Parts,
    length: Option<u64>,
) -> Result<Result<(), Response<Body>>, Refusal> {
    let drive = match files.drive(board).await? {
        Ok(drive) => drive,
        Err(answer) => return Ok(Err(answer)),
    };
    if drive.state == DriveState::Unreadable {
        return Err(Refusal::DriveUnreadable(drive.reason));
    }
    if !drive.writable {
        return Err(Refusal::NotWritable(drive.reason));
    }
    let needed = length.unwrap_or(0).saturating_sub(FRAME);
    if needed <= drive.free {
        return Ok(Ok(()));
    }
    // What is free, and what its files may take the place of.
    let block = u64::from(drive.block_size.max(1));
    let replaced = files.sizes(board, head).await.map(|sizes| {
        let blocks = sizes.into_iter().map(|size| size.next_multiple_of(block));
        blocks.fold(0, u64::saturating_add)
    });
    let room = match replaced {
        Some(replaced) => drive.free.saturating_add(replaced),
        None => drive.total,
    };
    if needed <= room {
        return Ok(Ok(()));
    }
    Err(Refusal::TooLarge {
        free: drive.free,
        expects_continue: expects_continue(head),
    })
}

/// Writes the form's files one after the other, and stops at the first that is refused. A browser is
/// sent back to the directory; everybody else gets the answer to the last file.
pub(crate) async fn upload(
    files: &FileProxy,
    board: &Serial,
    head: &Parts,
    boundary: Boundary,
    body: Incoming,
) -> Result<Response<Body>, Refusal> {
    let (lender, lent) = Lender::lend(body, false);
    let form = Files::new(lent.into_data_stream(), boundary.0);
    let answer = write_files(files, board, head, form).await;
    if let Rest::Unread(rest) = lender.take_back() {
        files.drain().take(rest);
    }
    let answer = answer?;
    if !answer.status().is_success() || !accept::names_type(&head.headers, "text/html") {
        return Ok(answer);
    }
    Ok(redirect(StatusCode::SEE_OTHER, head.uri.path()))
}

async fn write_files(
    files: &FileProxy,
    board: &Serial,
    head: &Parts,
    mut form: Files,
) -> Result<Response<Body>, Refusal> {
    let mut last = None;
    while let Some((name, part)) = form.next().await? {
        let path = format!("{}{name}", head.uri.path());
        let answer = files.put(board, &path, head, FieldBody(part)).await?;
        if !answer.status().is_success() {
            return Ok(answer);
        }
        last = Some(answer);
    }
    last.ok_or(Refusal::EmptyForm)
}

/// The files among a form's parts.
pub(crate) struct Files(Multipart<'static>);

impl Files {
    pub(crate) fn new<S, E>(body: S, boundary: impl Into<String>) -> Self
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>> + 'static,
    {
        Self(Multipart::new(body, boundary))
    }

    /// The next one, and its name as a component of a path.
    pub(crate) async fn next(&mut self) -> Result<Option<(String, Field<'static>)>, Refusal> {
        while let Some(part) = self.0.next_field().await.map_err(|error| broken(&error))? {
            let Some(name) = part.file_name().and_then(last_component) else {
                continue;
            };
            if name.len() > LONGEST_NAME {
                return Err(Refusal::LongName);
            }
            let name = utf8_percent_encode(name, RESERVED).to_string();
            return Ok(Some((name, part)));
        }
        Ok(None)
    }
}

fn broken(error: &multer::Error) -> Refusal {
    tracing::debug!(%error, "a form broke off");
    Refusal::BrokenForm
}

/// The file's own name: some browsers send the path that it had.
fn last_component(name: &str) -> Option<&str> {
    name.rsplit(['/', '\\'])
        .next()
        .filter(|name| !name.is_empty())
}

/// A part of a form as a body, without a known length.
struct FieldBody(Field<'static>);

impl hyper::body::Body for FieldBody {
    type Data = Bytes;
    type Error = multer::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, multer::Error>>> {
        Pin::new(&mut self.0)
            .poll_next(context)
            .map(|next| next.map(|bytes| bytes.map(Frame::data)))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::{FutureExt, TryStreamExt, stream};
    use proptest::prelude::*;

    use super::*;

    /// The files of a form that comes in pieces of this size, and whether it came to its end.
    fn files(form: &str, size: usize) -> (Vec<(String, Vec<u8>)>, bool) {
        let pieces: Vec<Result<Bytes, Infallible>> = form
            .as_bytes()
            .chunks(size)
            .map(|piece| Ok(Bytes::copy_from_slice(piece)))
            .collect();
        let mut files = Files::new(stream::iter(pieces), "line");
        let mut found = Vec::new();
        let read = async {
            while let Some((name, part)) = files.next().await.map_err(|_| ())? {
                let content: Vec<Bytes> = part.try_collect().await.map_err(|_| ())?;
                found.push((name, content.concat()));
            }
            Ok::<(), ()>(())
        };
        let is_whole = read.now_or_never().expect("all of it is there").is_ok();
        (found, is_whole)
    }

    #[test]
    fn only_the_last_component_of_a_file_name_counts() {
        for (sent, name) in [
            ("code.py", Some("code.py")),
            ("C:\\Users\\me\\code.py", Some("code.py")),
            ("/home/me/a b.txt", Some("a b.txt")),
            ("../../boot.py", Some("boot.py")),
            ("lib/", None),
            ("", None),
        ] {
            assert_eq!(last_component(sent), name, "{sent}");
        }
    }

    #[test]
    fn a_file_name_is_one_component_of_the_path_whatever_is_in_it() {
        let encoded = utf8_percent_encode("50% ä?#.txt", RESERVED).to_string();
        assert_eq!(encoded, "50%25%20%C3%A4%3F%23.txt");
    }

    proptest! {
        #[test]
        fn a_form_has_the_same_files_however_it_comes(
            parts in prop::collection::vec(
                ("(code.py|C:\\\\a b|ä/ö|\\.\\.|x)?", "(a|\r\n|--line|--|\n|ä){0,9}"), 0..4),
            end in prop::sample::select(vec!["--line--\r\n", "--line\r\n", ""]),
            size in 1..40_usize,
        ) {
            let parts = parts.iter().map(|(name, content)| format!(
                "--line\r\nContent-Disposition: form-data; name=\"f\"; filename=\"{name}\"\r\n\r\n{content}\r\n"
            ));
            let form = parts.collect::<String>() + end;
            let (found, is_whole) = files(&form, form.len().max(1));
            prop_assert_eq!(files(&form, size), (found.clone(), is_whole));
            for (name, _) in found {
                prop_assert!(!name.is_empty() && !name.contains(['/', '\\', '?', '#']));
            }
        }
    }
}
