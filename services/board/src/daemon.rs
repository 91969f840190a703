//! What every daemon does before and after its work: arguments, configuration, logs, runtime, signals,
//! and an orderly end.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args as _, Command, FromArgMatches as _};
use rustix::process::{Signal, getppid, set_parent_process_death_signal};

use crate::{Config, Shutdown, WatchError, telemetry};

/// How long open requests may take to finish after the end was asked for.
const DRAIN: Duration = Duration::from_secs(4);
/// Few threads: the work waits for boards and networks, and each thread costs memory.
const WORKERS: usize = 2;

/// The arguments that every daemon takes.
#[derive(Debug, clap::Args)]
struct Args {
    /// Configuration file [default: /etc/cpy-gateway/gateway.toml, if it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Check the configuration and exit
    #[arg(long)]
    check: bool,
    /// Exit when the program that started this one ends
    #[arg(long, hide = true)]
    exit_with_parent: bool,
}

/// Why a daemon cannot do its work.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The daemon's socket cannot be had.
    #[error("cannot listen on {at}")]
    Listen {
        /// A path, or an address and port.
        at: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The boards or their records cannot be followed.
    #[error(transparent)]
    Watch(#[from] WatchError),
}

impl StartError {
    /// The error of a daemon whose Unix socket cannot be bound.
    pub fn at_socket(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let at = path.display().to_string();
        move |source| Self::Listen { at, source }
    }
}

/// What a daemon is called and what it says of itself.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// The binary's name.
    pub name: &'static str,
    /// One line.
    pub about: &'static str,
}

/// Runs a daemon from its arguments to its exit code. `run` returns when the daemon's work has ended,
/// normally because the end was asked for.
pub fn main<R, F, E>(about: About, run: R) -> ExitCode
where
    R: FnOnce(Config, Shutdown) -> F,
    F: Future<Output = Result<(), E>>,
    E: Error + 'static,
{
    let command = Command::new(about.name)
        .about(about.about)
        .version(env!("CARGO_PKG_VERSION"));
    let matches = Args::augment_args(command).get_matches();
    let args = match Args::from_arg_matches(&matches) {
        Ok(args) => args,
        Err(error) => error.exit(),
    };
    telemetry::init();
    match start(&args, run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = with_causes(error.as_ref()), "cannot run");
            ExitCode::FAILURE
        }
    }
}

fn start<R, F, E>(args: &Args, run: R) -> Result<(), Box<dyn Error>>
where
    R: FnOnce(Config, Shutdown) -> F,
    F: Future<Output = Result<(), E>>,
    E: Error + 'static,
{
    if args.exit_with_parent {
        let parent = getppid();
        set_parent_process_death_signal(Some(Signal::TERM))?;
        // The parent may have ended before the kernel was asked.
        if getppid() != parent {
            return Ok(());
        }
    }
    let config = Config::load(args.config.as_deref())?;
    if args.check {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let shutdown = Shutdown::new();
        shutdown.on_signals()?;
        let result = run(config, shutdown.clone()).await;
        if !shutdown.drain(DRAIN).await {
            tracing::warn!("some requests did not finish in time");
        }
        result.map_err(Box::from)
    })
}

/// An error and its causes in one line.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text.push_str(": ");
        text.push_str(&source.to_string());
        cause = source.source();
    }
    text
}
