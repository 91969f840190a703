//! `cpyctl demo`: a whole gateway with virtual boards, in one directory, gone when it ends.

use std::path::PathBuf;

use anyhow::Result;
use clap::Subcommand;
use cpy_board::Password;

mod control;
mod introduction;
mod listen;
mod names;
mod place;
mod process;
mod reach;
mod running;

use place::Place;
use reach::Reach;

use crate::password::generate;

/// The arguments of `cpyctl demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
    /// How many boards to plug in
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    boards: u16,
    /// The port that all boards are served on by name
    #[arg(long, default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// The boards' password [default: another one each time]
    #[arg(long)]
    password: Option<String>,
    /// Serve this machine only, and announce nothing on the network, also where an Avahi runs
    #[arg(long)]
    local: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Pull a board's plug, in the demo that runs
    Unplug {
        /// The board's name, such as cpy-7e6f35
        name: String,
    },
    /// Plug a board in again
    Plug {
        /// The board's name
        name: String,
    },
}

/// Runs the demo, or tells the one that runs what to do.
pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let place = Place::of_this_user();
    match arguments.action {
        None => {
            let password = match arguments.password {
                Some(text) => Password::try_from(text)?,
                None => generate()?,
            };
            let options = running::Options {
                boards: arguments.boards,
                port: arguments.port,
                password,
                reach: Reach::new(arguments.local),
            };
            running::run(&place, options).await
        }
        Some(Action::Unplug { name }) => {
            control::tell(&place, &name, control::Action::Unplug).await
        }
        Some(Action::Plug { name }) => control::tell(&place, &name, control::Action::Plug).await,
    }
}

/// The configuration of the demo that this user runs, if one runs.
pub(crate) fn running_config() -> Option<PathBuf> {
    let place = Place::of_this_user();
    place.is_in_use().then(|| place.config_file())
}
