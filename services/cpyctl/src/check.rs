//! `cpyctl check`: is the configuration right?

use std::path::Path;

use anyhow::Result;
use cpy_board::Config;
use cpy_board::config::DEFAULT_FILE;

/// Reads the configuration as the daemons do.
pub(crate) fn run(file: Option<&Path>) -> Result<()> {
    Config::load(file)?;
    let path = file.unwrap_or(Path::new(DEFAULT_FILE));
    if path.exists() {
        println!("{} is right.", path.display());
    } else {
        println!(
            "{} does not exist: everything has its default.",
            path.display()
        );
    }
    Ok(())
}
