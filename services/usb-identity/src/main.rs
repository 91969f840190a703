//! `cpy-usb-identity SYSFS_PATH`, run by udev: prints the properties that its rules make links of.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fmt};

use cpy_usb_identity::{Journal, Machine};

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let (Some(device), None) = (arguments.next().map(PathBuf::from), arguments.next()) else {
        say(io::stderr(), "usage: cpy-usb-identity SYSFS_PATH\n");
        return ExitCode::from(2);
    };
    let machine = match Machine::new(Path::new("/sys"), Path::new("/run/udev")) {
        Ok(machine) => machine,
        Err(error) => {
            say(io::stderr(), format_args!("there is no /sys: {error}\n"));
            return ExitCode::FAILURE;
        }
    };
    // The label is compared only, so what is no text is no label either.
    let label = env::var("ID_FS_LABEL").ok();
    let identity = machine.identify(&device, label.as_deref());
    say(io::stdout(), &identity);
    if let Some(remark) = identity.remark() {
        say(io::stderr(), format_args!("{remark}\n"));
        Journal::new(Path::new("/dev/log")).warn(&remark);
    }
    ExitCode::SUCCESS
}

/// Writes; that nobody reads any more is no reason to panic.
fn say(mut to: impl Write, what: impl fmt::Display) {
    let _ = write!(to, "{what}");
}
