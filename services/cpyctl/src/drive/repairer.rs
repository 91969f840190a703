//! The program that repairs an image: fsck.vfat of dosfstools.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use tokio::process::Command;

const PROGRAM: &str = "fsck.vfat";

/// Where system programs are, which are not in everybody's PATH.
const SYSTEM: &str = "/usr/sbin:/sbin";

/// Whether the program is there.
pub(super) async fn look() -> Result<()> {
    fsck(&["--help"]).await.map(|_| ())
}

/// Repairs an image without questions (fsck.fat(8), `-a`). What it says that it did.
pub(super) async fn repair(image: &Path) -> Result<String> {
    let image = image.to_str().context("the name of the image is no text")?;
    let (code, said) = fsck(&["-a", image]).await?;
    // 1: recoverable errors have been found.
    if !matches!(code, Some(0 | 1)) {
        bail!("{PROGRAM} could not repair it:\n{said}");
    }
    let lines = said.lines().filter(|line| !line.contains(image));
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

async fn fsck(arguments: &[&str]) -> Result<(Option<i32>, String)> {
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new(PROGRAM)
        .args(arguments)
        .env("PATH", format!("{path}:{SYSTEM}"))
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .output()
        .await
        .with_context(|| format!("cannot run {PROGRAM} (sudo apt install dosfstools)"))?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).trim_end().to_owned();
    Ok((output.status.code(), said))
}
