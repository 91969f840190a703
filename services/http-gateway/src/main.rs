//! The web-workflow server as a daemon.

use std::process::ExitCode;

use cpy_board::daemon::{self, About};

fn main() -> ExitCode {
    let about = About {
        name: "cpy-http-gateway",
        about: "Serves CircuitPython's web workflow for the boards on this machine's USB ports",
    };
    daemon::main(about, cpy_http_gateway::run)
}
