//! What a drive has lost when it was emptied or made anew elsewhere.

use std::time::Duration;

use anyhow::{Context as _, Result};
use cpy_board::RuntimeDir;
use cpy_board::http::stream;
use http_body_util::Empty;
use hyper::{Method, Request};
use serde::Deserialize;

use crate::daemons::{content, send_to_file_proxy, success};
use crate::output::{self, plain};
use crate::survey::ListedBoard;

/// How long it may take until all is on the drive: several hundred files, each of them a save.
const PATIENCE: Duration = Duration::from_secs(600);

/// The files that a drive has lost.
pub(super) struct Lost<'a> {
    runtime_dir: &'a RuntimeDir,
    board: &'a ListedBoard,
    files: Vec<LostFile>,
}

/// What file-proxy lists.
#[derive(Deserialize)]
struct Listing {
    files: Vec<LostFile>,
}

#[derive(Deserialize)]
struct LostFile {
    path: String,
    file_size: u64,
    /// Whether something is in its place now.
    replaces: bool,
}

/// What file-proxy says when it has given back.
#[derive(Deserialize)]
struct GivenBack {
    /// How many took the place of a file that is in the history now,
    replaced: usize,
    /// and how many of one that could not be kept.
    unkept: usize,
}

impl<'a> Lost<'a> {
    /// Those of this board's.
    pub(super) async fn of(runtime_dir: &'a RuntimeDir, board: &'a ListedBoard) -> Result<Self> {
        let mut lost = Self {
            runtime_dir,
            board,
            files: Vec::new(),
        };
        let listing: Listing = serde_json::from_slice(&lost.ask(Method::GET).await?)
            .context("file-proxy gives an answer of another version")?;
        lost.files = listing.files;
        Ok(lost)
    }

    /// Says which they are.
    pub(super) fn list(&self) -> Result<()> {
        for file in &self.files {
            let (size, path) = (file.file_size, plain(&file.path));
            let now = if file.replaces {
                "  (something else is in its place now)"
            } else {
                ""
            };
            output::print(&format!("{size:>10}  {path}{now}"))?;
        }
        self.say("Can be given back to", "")
    }

    /// Gives them all back.
    pub(super) async fn restore(&self) -> Result<()> {
        let done = self.ask(Method::PUT).await?;
        let done = serde_json::from_slice(&done);
        let done: GivenBack = done.context("file-proxy gives an answer of another version")?;
        self.say("Given back to", &done.text())
    }

    /// Forgets them.
    pub(super) async fn forget(&self) -> Result<()> {
        self.ask(Method::DELETE).await?;
        self.say("Forgotten, of what was lost by", "")
    }

    fn say(&self, what: &str, more: &str) -> Result<()> {
        let (count, hostname) = (self.files.len(), &self.board.hostname);
        let files = if count == 1 { "file" } else { "files" };
        Ok(output::print(&format!(
            "{what} {hostname}: {count} {files}.{more}"
        ))?)
    }

    async fn ask(&self, method: Method) -> Result<hyper::body::Bytes> {
        let target = format!("/boards/{}/fs/?lost", self.board.serial);
        let request = Request::builder().method(method).uri(target);
        let request = request.body(stream(Empty::new()))?;
        let reply = send_to_file_proxy(self.runtime_dir, request, PATIENCE).await?;
        content(success(reply).await?).await
    }
}

impl GivenBack {
    /// What became of what stood in the place of the files.
    fn text(&self) -> String {
        let of = |number, one: &str, more: &str| match number {
            0 => String::new(),
            1 => format!(" What stood in the place of one of them {one}."),
            _ => format!(" What stood in the place of {number} of them {more}."),
        };
        of(self.replaced, "is in its history", "is in their history")
            + &of(self.unkept, "could not be kept", "could not be kept")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_over_is_said() {
        let text = |replaced, unkept| GivenBack { replaced, unkept }.text();
        assert_eq!(text(0, 0), "");
        assert_eq!(
            text(1, 0),
            " What stood in the place of one of them is in its history."
        );
        assert_eq!(
            text(3, 1),
            " What stood in the place of 3 of them is in their history. \
             What stood in the place of one of them could not be kept."
        );
    }
}
