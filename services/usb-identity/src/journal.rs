//! The system's log. udev shows what its helpers say on standard error only when it is debugged itself.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process;

/// Facility daemon, severity warning (RFC 5424, section 6.2.1).
const WARNING: u8 = 3 * 8 + 4;

/// The socket that syslog(3) writes to.
#[derive(Debug)]
pub struct Journal(PathBuf);

impl Journal {
    /// The log that listens at `socket`: `/dev/log`.
    pub fn new(socket: &Path) -> Self {
        Self(socket.to_owned())
    }

    /// Writes a line. Where nobody listens, or not now, it is lost: udev waits for this program.
    pub fn warn(&self, line: &str) {
        let Ok(socket) = UnixDatagram::unbound() else {
            return;
        };
        let pid = process::id();
        let line = format!("<{WARNING}>cpy-usb-identity[{pid}]: {line}");
        let _ = socket.set_nonblocking(true);
        let _ = socket.send_to(line.as_bytes(), &self.0);
    }
}
