//! `cpyctl drive`: whether a board's drive is in order, and a repair of one that is not, which nobody does unasked.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use cpy_board::status::{DriveFinding, DriveReport};
use cpy_board::{Config, RuntimeDir, Serial};
use hyper::Method;

use crate::daemons::{ask_file_proxy, content, success};
use crate::output::{self, plain};
use crate::survey::{ListedBoard, Survey};

mod image;
mod repair;
mod repairer;

/// The arguments of `cpyctl drive`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Look at all of a drive but the content of its files, and say what is not as it should be
    Check {
        /// The board, as `cpyctl boards` calls it, or its serial number
        board: String,
    },
    /// Repair a drive with fsck.vfat, and keep an image of it as it was
    Repair {
        /// The board, as `cpyctl boards` calls it, or its serial number
        board: String,
        /// Where the image is kept [default: BOARD-TIME.img here]
        #[arg(long, value_name = "FILE")]
        image: Option<PathBuf>,
    },
}

/// Does what the arguments ask, on the gateway with this configuration. A drive that is not in order is a failure.
pub(crate) async fn run(arguments: &Arguments, config: &Config) -> Result<ExitCode> {
    let runtime_dir = RuntimeDir::new(&config.runtime_dir);
    let (Command::Check { board } | Command::Repair { board, .. }) = &arguments.command;
    let board = Survey::board(config, board).await?;
    let mut report = look(&runtime_dir, &board.serial).await?;
    output::print(&text(&board, &report))?;
    if let Command::Repair { image, .. } = &arguments.command
        && !report.findings.is_empty()
    {
        repair::repair(&runtime_dir, &board, image.as_deref()).await?;
        report = look(&runtime_dir, &board.serial).await?;
        output::print(&text(&board, &report))?;
    }
    Ok(if report.findings.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What a check of a drive finds.
async fn look(runtime_dir: &RuntimeDir, serial: &Serial) -> Result<DriveReport> {
    let target = format!("/boards/{serial}/check");
    let reply = ask_file_proxy(runtime_dir, Method::GET, &target).await?;
    let report = content(success(reply).await?).await?;
    serde_json::from_slice(&report).context("file-proxy gives an answer of another version")
}

/// A report as a person reads it.
fn text(board: &ListedBoard, report: &DriveReport) -> String {
    let DriveReport {
        findings,
        omitted,
        files,
        directories,
    } = report;
    let seen = format!("{files} files in {directories} directories");
    if findings.is_empty() {
        return format!("The drive of {} is in order: {seen}.", board.hostname);
    }
    let state = if findings.iter().all(|finding| finding.harmless) {
        "is not in order, and its files are whole"
    } else {
        "is damaged"
    };
    let mut lines = vec![format!("The drive of {} {state}: {seen}.", board.hostname)];
    lines.extend(findings.iter().map(line));
    if *omitted > 0 {
        lines.push(format!("  and {omitted} more"));
    }
    lines.join("\n")
}

fn line(finding: &DriveFinding) -> String {
    format!("  {}", plain(&finding.finding))
}
