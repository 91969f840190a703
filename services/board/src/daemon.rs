//! What every daemon does before and after its work: arguments, configuration, logs, runtime, signals,
//! and an orderly end.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args as _, Command, FromArgMatches as _};
use rustix::process::{Signal, getppid, set_parent_process_death_signal};
use tokio::signal::unix::{SignalKind, signal};

use crate::config::ConfigError;
use crate::configuration::ConfigFile;
use crate::{Configuration, ServiceManager, Shutdown, WatchError, telemetry};

/// How long open requests may take to finish after the end was asked for.
const DRAIN: Duration = Duration::from_secs(3);
/// How long a call that blocks may hold up the end after that, such as a write to a slow disk: it cannot be broken off.
const LAST_CALLS: Duration = Duration::from_secs(1);
/// Few threads: the work waits for boards and networks, and each thread costs memory.
const WORKERS: usize = 2;
/// The exit code of a daemon whose configuration is wrong (`EX_CONFIG` of sysexits.h): starting it again is of no use.
const WRONG_CONFIGURATION: u8 = 78;

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

/// What a daemon is called and what it says of itself.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// The binary's name.
    pub name: &'static str,
    /// One line.
    pub about: &'static str,
}

/// Runs a daemon from its arguments to its exit code. `run` tells the service manager when the daemon is ready, and
/// returns when its work has ended, normally because the end was asked for.
pub fn main<R, F, E>(about: About, run: R) -> ExitCode
where
    R: FnOnce(Configuration, ServiceManager, Shutdown) -> F,
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
    match start(args, run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = with_causes(error.as_ref()), "cannot run");
            if error.is::<ConfigError>() {
                ExitCode::from(WRONG_CONFIGURATION)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

fn start<R, F, E>(args: Args, run: R) -> Result<(), Box<dyn Error>>
where
    R: FnOnce(Configuration, ServiceManager, Shutdown) -> F,
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
    let config = ConfigFile::load(args.config)?;
    if args.check {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()?;
    let result = runtime.block_on(async {
        let shutdown = Shutdown::new();
        shutdown.on_signals()?;
        let manager = ServiceManager::of_this_process();
        manager.keep_watch(&shutdown);
        let configuration = config.configuration();
        reload_on_signal(config, manager.clone(), &shutdown)?;
        let result = run(configuration, manager.clone(), shutdown.clone()).await;
        manager.stopping();
        if !shutdown.drain(DRAIN).await {
            tracing::warn!("some requests did not finish in time");
        }
        result.map_err(Box::from)
    });
    runtime.shutdown_timeout(LAST_CALLS);
    result
}

/// Reads the configuration again whenever SIGHUP comes.
fn reload_on_signal(
    config: ConfigFile,
    manager: ServiceManager,
    shutdown: &Shutdown,
) -> io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    let end = shutdown.clone();
    shutdown.spawn(async move {
        loop {
            tokio::select! {
                _ = hangup.recv() => {}
                () = end.requested() => return,
            }
            manager.reloading();
            match config.read_again() {
                Ok(()) => tracing::info!("configuration read again"),
                Err(error) => tracing::error!(
                    error = with_causes(&error),
                    "the configuration cannot be used: what held before goes on"
                ),
            }
            manager.ready();
        }
    });
    Ok(())
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

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    /// All the time that a daemon has for its end.
    const IN_TIME: Duration = Duration::from_secs(5);

    #[test]
    fn neither_a_task_nor_a_call_that_hangs_keeps_a_daemon_from_its_end() {
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("gateway.toml");
        std::fs::write(&config, "").unwrap();
        let args = Args {
            config: Some(config),
            check: false,
            exit_with_parent: false,
        };
        let (ended, end) = mpsc::channel();
        thread::spawn(move || {
            let result = start(args, async |_, _, shutdown: Shutdown| {
                shutdown.spawn(pending::<()>());
                tokio::task::spawn_blocking(|| {
                    loop {
                        thread::park();
                    }
                });
                Ok::<_, StartError>(())
            });
            ended.send(result.is_ok())
        });
        assert_eq!(end.recv_timeout(IN_TIME), Ok(true));
    }
}
