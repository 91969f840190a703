//! `cpy-mdns-advertiser`: arguments and exit code; the daemon is in the library.

use std::process::ExitCode;

use cpy_board::daemon::{self, About};

fn main() -> ExitCode {
    let about = About {
        name: "cpy-mdns-advertiser",
        about: "Gives each board its name on the network, through Avahi",
    };
    daemon::main(about, cpy_mdns_advertiser::run)
}
