//! `cpy-serial-bridge`: arguments and exit code; the daemon is in the library.

use std::process::ExitCode;

use cpy_board::daemon::{self, About};

fn main() -> ExitCode {
    let about = About {
        name: "cpy-serial-bridge",
        about: "Shares each board's console among any number of WebSocket clients",
    };
    daemon::main(about, cpy_serial_bridge::run)
}
