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
        for LostFile { path, file_size } in &self.files {
            output::print(&format!("{file_size:>10}  {}", plain(path)))?;
        }
        self.say("Can be given back to")
    }

    /// Gives them all back.
    pub(super) async fn restore(&self) -> Result<()> {
        self.ask(Method::PUT).await?;
        self.say("Given back to")
    }

    /// Forgets them.
    pub(super) async fn forget(&self) -> Result<()> {
        self.ask(Method::DELETE).await?;
        self.say("Forgotten, of what was lost by")
    }

    fn say(&self, what: &str) -> Result<()> {
        let (count, hostname) = (self.files.len(), &self.board.hostname);
        let files = if count == 1 { "file" } else { "files" };
        Ok(output::print(&format!(
            "{what} {hostname}: {count} {files}."
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
