//! `cpyctl password`: the password of boards that set none of their own. It is in a file of its own
//! (`http.password_file`), so that the configuration can be read by everybody; one in the configuration wins.

use std::io::{ErrorKind, Write as _};
use std::path::Path;

use anyhow::{Result, anyhow, bail};
use cpy_board::config::DEFAULT_FILE;
use cpy_board::password_file::{PasswordFileError, PasswordFileProblem};
use cpy_board::{Config, Password};

mod entry;
mod file;
mod generator;
mod reload;

pub(crate) use file::{GROUP, PasswordFile, group_id};
pub(crate) use generator::generate;

/// The arguments of `cpyctl password`. With none it is printed.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
pub(crate) struct Arguments {
    /// Make another password, and print it
    #[arg(long)]
    new: bool,
    /// Set the password to the line that standard input gives; typed, it is not shown
    #[arg(long)]
    set: bool,
    /// Make and print a password if there is none; print nothing where there is one
    #[arg(long)]
    new_if_missing: bool,
}

/// Prints, makes or sets the password of the gateway with this configuration.
pub(crate) async fn run(arguments: &Arguments, config_file: Option<&Path>) -> Result<()> {
    let config = Config::load(config_file)?;
    let source = config_file.unwrap_or(Path::new(DEFAULT_FILE));
    let file = PasswordFile::new(&config.http.password_file);
    let own = config.http.password.as_ref();
    if arguments.new || arguments.set {
        if own.is_some() {
            bail!(
                "http.password in {} is the password, whatever {file} says: change it there, or delete that line first",
                source.display()
            );
        }
        let password = if arguments.new {
            generate()?
        } else {
            entry::read().await?
        };
        file.write(&password)?;
        if arguments.new {
            print(&password)?;
        }
        eprintln!("{}", reload::reload(source));
        return Ok(());
    }
    if arguments.new_if_missing {
        if own.is_none() && readable(&file)?.is_none() {
            let password = generate()?;
            file.write(&password)?;
            print(&password)?;
        }
        return Ok(());
    }
    if let Some(password) = own {
        eprintln!("From http.password in {}:", source.display());
        return print(password);
    }
    match readable(&file)? {
        Some(password) => print(&password),
        None => bail!(
            "there is no password: {file} does not exist, and boards that set none of their own \
             refuse everybody; make one with `sudo cpyctl password --new`"
        ),
    }
}

/// What the file says, or what a person can do about it.
fn readable(file: &PasswordFile) -> Result<Option<Password>> {
    file.read().map_err(|error| {
        if is_forbidden(&error) {
            anyhow!("only root and the gateway's users may read {file}: use sudo")
        } else {
            error.into()
        }
    })
}

/// Whether another user could read it.
pub(crate) fn is_forbidden(error: &PasswordFileError) -> bool {
    matches!(&error.source, PasswordFileProblem::Unreadable(error) if error.kind() == ErrorKind::PermissionDenied)
}

/// On a line of its own, for scripts.
fn print(password: &Password) -> Result<()> {
    Ok(writeln!(std::io::stdout(), "{}", password.reveal())?)
}
