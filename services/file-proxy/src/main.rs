//! The file-proxy daemon; all of it is in the library.

use std::process::ExitCode;

use cpy_board::daemon::{self, About};

const ABOUT: About = About {
    name: "cpy-file-proxy",
    about: "Serves the drive of each CircuitPython board over HTTP on a Unix socket",
};

fn main() -> ExitCode {
    daemon::main(ABOUT, cpy_file_proxy::run)
}
