//! `cpyctl check`: is the configuration right?

use std::path::Path;

use anyhow::Result;
use cpy_board::Config;
use cpy_board::config::DEFAULT_FILE;

use crate::output;

/// Reads the configuration as the daemons do.
pub(crate) fn run(file: Option<&Path>) -> Result<()> {
    Config::load(file)?;
    Ok(output::print(&right(file))?)
}

/// What to say of a configuration in which nothing is wrong.
pub(crate) fn right(file: Option<&Path>) -> String {
    let path = file.unwrap_or(Path::new(DEFAULT_FILE));
    if path.exists() {
        format!("{} is right.", path.display())
    } else {
        format!(
            "{} does not exist: everything has its default.",
            path.display()
        )
    }
}
