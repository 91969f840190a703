//! Arguments, logs, the runtime and the signals; the board itself is in the library.

use std::io::Write;

use anyhow::Context;
use clap::Parser;
use cpy_virtual_board::{Board, Options};
use rustix::process::{Signal, getppid, set_parent_process_death_signal};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let chosen = std::env::var("RUST_LOG").ok();
    let targets: Option<Targets> = chosen.and_then(|chosen| chosen.parse().ok());
    tracing_subscriber::registry()
        .with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr))
        .with(targets.unwrap_or_else(|| Targets::new().with_default(LevelFilter::WARN)))
        .init();
    if options.exit_with_parent {
        let parent = getppid();
        set_parent_process_death_signal(Some(Signal::TERM))
            .context("cannot ask for a signal at the parent's end")?;
        // The parent may have ended before the kernel was asked.
        if getppid() != parent {
            return Ok(());
        }
    }
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(run(options))
}

async fn run(options: Options) -> anyhow::Result<()> {
    // The handlers stand before the links do: a signal must never leave links behind.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let board = Board::plug_in(&options, Box::new(|act| say(&act.to_string())))?;
    say(&format!("ready {}", board.place()));
    board
        .run(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        })
        .await?;
    Ok(())
}

/// Whoever started the board may have closed its end; the board runs all the same.
fn say(line: &str) {
    let mut stdout = std::io::stdout();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}
