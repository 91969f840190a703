//! `cpyctl check`: is the configuration right?

use std::path::Path;

use anyhow::{Result, bail};
use cpy_board::Config;
use cpy_board::config::DEFAULT_FILE;
use cpy_board::daemon::with_causes;

/// Reads the configuration as the daemons do.
pub(crate) fn run(file: Option<&Path>) -> Result<()> {
    let config = Config::load(file)?;
    let path = file.unwrap_or(Path::new(DEFAULT_FILE));
    if path.exists() {
        println!("{} is right.", path.display());
    } else {
        println!(
            "{} does not exist: everything has its default.",
            path.display()
        );
    }
    let http = &config.http;
    if http.password.is_none() {
        let password_file = http.password_file.display();
        match http.default_password() {
            Ok(Some(_)) => println!("The password is in {password_file}."),
            Ok(None) => println!(
                "{password_file} does not exist: boards that set no password have none, and nobody is let in there."
            ),
            Err(error) if error.source.is_denied() => {
                println!("Whether {password_file} is right only root and the daemons can see.");
            }
            Err(error) => bail!("{}; nobody is let in by it", with_causes(&error)),
        }
    }
    Ok(())
}
