//! cpyctl: what the owner of a gateway types. This file reads the arguments; each command has a module.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line speaks on its standard output and error"
)]

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};
use cpy_board::Config;

mod boards;
mod check;
mod completions;
mod daemons;
mod demo;
mod doctor;
mod drive;
mod history;
mod names;
mod output;
mod password;
mod survey;
mod table;
mod tcp_table;

/// Look after the CircuitPython boards of this gateway.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Configuration file [default: /etc/cpy-gateway/gateway.toml, or the running demo's]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the boards: names, addresses, state, drive space, names on the network
    Boards {
        /// As JSON, for scripts
        #[arg(long)]
        json: bool,
    },
    /// Check the configuration
    Check,
    /// Say what is wrong with this gateway, and how to mend it
    Doctor(doctor::Arguments),
    /// Look whether a board's drive is in order, repair it, and give back what it has lost
    Drive(drive::Arguments),
    /// Say what a board's files held before they were changed, and give it back
    History(history::Arguments),
    /// Print the password of boards that set none of their own, or change it
    Password(password::Arguments),
    /// Run a whole gateway with virtual boards, without hardware and without root
    Demo(demo::Arguments),
    /// Print what a shell needs to complete this command line
    #[command(hide = true)]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("cpyctl: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start")?;
    match arguments.command {
        Command::Boards { json } => {
            let config = Config::load(config_file(arguments.config).as_deref())?;
            runtime.block_on(boards::print(&config, json))?;
        }
        Command::Check => check::run(config_file(arguments.config).as_deref())?,
        Command::Doctor(doctor) => {
            let config = config_file(arguments.config);
            return runtime.block_on(doctor::run(&doctor, config.as_deref()));
        }
        Command::Drive(drive) => {
            let config = Config::load(config_file(arguments.config).as_deref())?;
            return runtime.block_on(drive::run(&drive, &config));
        }
        Command::History(history) => {
            let config = Config::load(config_file(arguments.config).as_deref())?;
            runtime.block_on(history::run(&history, &config))?;
        }
        Command::Password(password) => {
            let config = config_file(arguments.config);
            runtime.block_on(password::run(&password, config.as_deref()))?;
        }
        Command::Completions { shell } => {
            let script = completions::script::<Arguments>(shell);
            std::io::stdout().write_all(&script)?;
        }
        Command::Demo(_) if arguments.config.is_some() => {
            bail!("a demo has a configuration of its own: it takes no --config")
        }
        Command::Demo(demo) => runtime.block_on(demo::run(demo))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The configuration that was asked for, or else that of a running demo; none where it is the system's.
fn config_file(asked: Option<PathBuf>) -> Option<PathBuf> {
    asked.or_else(demo::running_config)
}
