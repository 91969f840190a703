//! `cpyctl drive`: whether a board's drive is in order; a repair of one that is not, and what one has lost given back,
//! which nobody does unasked.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use cpy_board::status::{DriveFinding, DriveReport};
use cpy_board::{Config, RuntimeDir};
use hyper::Method;

use crate::daemons::{ask_file_proxy, content, success};
use crate::output::{self, plain};
use crate::survey::{ListedBoard, Survey};

mod image;
mod lost;
mod repair;
mod repairer;

use lost::Lost;

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
    /// Give back what was on a drive that was emptied or made anew elsewhere
    Restore {
        /// The board, as `cpyctl boards` calls it, or its serial number
        board: String,
        /// List what would be given back
        #[arg(long)]
        list: bool,
        /// Give nothing back, and forget it
        #[arg(long, conflicts_with = "list")]
        forget: bool,
    },
}

/// Does what the arguments ask, on the gateway with this configuration. A drive that is not in order is a failure.
pub(crate) async fn run(arguments: &Arguments, config: &Config) -> Result<ExitCode> {
    let runtime_dir = RuntimeDir::new(&config.runtime_dir);
    let find = async |board: &str| Survey::board(config, board).await;
    match &arguments.command {
        Command::Check { board } => {
            let board = find(board).await?;
            let report = look(&runtime_dir, &board).await?;
            Ok(outcome(&report))
        }
        Command::Repair { board, image } => {
            let board = find(board).await?;
            let mut report = look(&runtime_dir, &board).await?;
            if !report.findings.is_empty() {
                repair::repair(&runtime_dir, &board, image.as_deref()).await?;
                report = look(&runtime_dir, &board).await?;
            }
            Ok(outcome(&report))
        }
        Command::Restore {
            board,
            list,
            forget,
        } => {
            let board = find(board).await?;
            let lost = Lost::of(&runtime_dir, &board).await?;
            match (list, forget) {
                (true, _) => lost.list()?,
                (_, true) => lost.forget().await?,
                _ => lost.restore().await?,
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn outcome(report: &DriveReport) -> ExitCode {
    if report.findings.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// What a check of a drive finds, which is said.
async fn look(runtime_dir: &RuntimeDir, board: &ListedBoard) -> Result<DriveReport> {
    let target = format!("/boards/{}/check", board.serial);
    let reply = ask_file_proxy(runtime_dir, Method::GET, &target).await?;
    let report = content(success(reply).await?).await?;
    let report = serde_json::from_slice(&report);
    let report = report.context("file-proxy gives an answer of another version")?;
    output::print(&text(board, &report))?;
    Ok(report)
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
