//! Telling http-gateway that there is another password.

use std::path::Path;
use std::process::{Command, Stdio};

use cpy_board::config::DEFAULT_FILE;

/// It has the signal, and reads the file a few milliseconds later.
const RELOADED: &str = "http-gateway was told to reload: the new password holds in a moment.";
const UNIT: &str = "cpy-http-gateway.service";

/// Lets the http-gateway that runs under systemd read its configuration again. Says what was done.
pub(super) fn reload(config_file: &Path) -> String {
    if config_file != Path::new(DEFAULT_FILE) || !Path::new("/run/systemd/system").is_dir() {
        return "A running http-gateway takes the new password when it gets SIGHUP, or is started again.".into();
    }
    if !systemctl(&["--quiet", "is-active", UNIT]) {
        return "http-gateway is not running; it takes the new password when it starts.".into();
    }
    if systemctl(&["try-reload-or-restart", UNIT]) {
        RELOADED.into()
    } else {
        format!("http-gateway cannot be told to reload: run `sudo systemctl reload {UNIT}`.")
    }
}

fn systemctl(arguments: &[&str]) -> bool {
    let mut command = Command::new("systemctl");
    command.args(arguments).stdin(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
