//! A repair: an image of the drive is kept, a copy of it repaired, and what that changed written to the drive, in one
//! step that a cut takes back, and only if the drive is still what the image says.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use cpy_board::RuntimeDir;
use time::OffsetDateTime;

use super::{image, repairer};
use crate::output::{self, plain};
use crate::survey::ListedBoard;

/// Repairs the drive of a board. The image of it as it was is kept in this file, or in a new one here.
pub(super) async fn repair(
    runtime_dir: &RuntimeDir,
    board: &ListedBoard,
    kept: Option<&Path>,
) -> Result<()> {
    repairer::look().await?;
    let kept = match kept {
        Some(kept) => kept.to_owned(),
        None => name(board, OffsetDateTime::now_utc()),
    };
    let tag = image::fetch(runtime_dir, &board.serial, &kept).await?;
    output::print(&format!(
        "What was on the drive is kept in {}.",
        kept.display()
    ))?;
    let copy = image::copy(&kept).context("cannot make a copy of the image")?;
    let said = repairer::repair(copy.path()).await?;
    for line in said.lines() {
        output::print(&format!("  {}", plain(line)))?;
    }
    let is_changed = std::fs::read(&kept)? != std::fs::read(copy.path())?;
    ensure!(is_changed, "fsck.vfat finds nothing to repair in it");
    image::put_back(runtime_dir, &board.serial, &tag, copy.path()).await
}

/// A name for the image of a board's drive at this time.
fn name(board: &ListedBoard, now: OffsetDateTime) -> PathBuf {
    let (hour, minute, second) = now.to_hms();
    let date = now.date();
    format!(
        "{}-{date}-{hour:02}{minute:02}{second:02}.img",
        board.hostname
    )
    .into()
}
