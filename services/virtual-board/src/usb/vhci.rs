//! Plugs a connection into the kernel's virtual host controller (module `vhci_hcd`).
//!
//! Knows the files of drivers/usb/usbip/vhci_sysfs.c and nothing of the device.

use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

const CONTROLLER: &str = "/sys/devices/platform/vhci_hcd.0";
/// `VDEV_ST_NULL`: nothing is plugged in.
const FREE: &str = "004";
/// `USB_SPEED_FULL`: 12 Mbit/s, as an RP2040.
const FULL_SPEED: u32 = 2;
/// Bus and number that the device would have at its server. Any will do.
const DEVICE_ID: u32 = 0x0001_0001;
/// How often others may take the port that was just seen free.
const ATTEMPTS: usize = 100;

/// Why the kernel has no port for the board.
#[derive(Debug, thiserror::Error)]
pub enum VhciError {
    /// The module is not loaded, or the reader is not root.
    #[error("cannot read {path}: is the module vhci_hcd loaded?")]
    NoController {
        /// The controller's list of ports.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Every port is taken.
    #[error("no port of vhci_hcd is free")]
    NoFreePort,
    /// No connection could be made.
    #[error("cannot make a pair of sockets")]
    Sockets(#[source] io::Error),
    /// The kernel refused the device.
    #[error("cannot attach to port {port} of vhci_hcd")]
    Attach {
        /// The port that was free.
        port: u32,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Plugs one end of a new connection into a free port; the other end is the board's.
pub(crate) fn attach() -> Result<(UnixStream, u32), VhciError> {
    let (ours, kernels) = UnixStream::pair().map_err(VhciError::Sockets)?;
    let controller = Path::new(CONTROLLER);
    let mut taken = None;
    for _ in 0..ATTEMPTS {
        let port = free_port(controller)?;
        let line = format!("{port} {} {DEVICE_ID} {FULL_SPEED}", kernels.as_raw_fd());
        match fs::write(controller.join("attach"), line) {
            Ok(()) => return Ok((ours, port)),
            Err(source) => {
                let busy = source.raw_os_error() == Some(Errno::BUSY.raw_os_error());
                taken = Some(VhciError::Attach { port, source });
                if !busy {
                    break;
                }
            }
        }
    }
    Err(taken.unwrap_or(VhciError::NoFreePort))
}

/// The first free port of `status`, `status.1` and so on.
fn free_port(controller: &Path) -> Result<u32, VhciError> {
    let mut path = controller.join("status");
    for number in 1.. {
        match fs::read_to_string(&path) {
            Ok(status) => {
                if let Some(port) = first_free(&status) {
                    return Ok(port);
                }
            }
            Err(error) if number > 1 && error.kind() == io::ErrorKind::NotFound => break,
            Err(source) => return Err(VhciError::NoController { path, source }),
        }
        path = controller.join(format!("status.{number}"));
    }
    Err(VhciError::NoFreePort)
}

/// The first port for USB 2 (`hs`) that is free in a list of ports.
fn first_free(status: &str) -> Option<u32> {
    status.lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let (hub, port, state) = (fields.next()?, fields.next()?, fields.next()?);
        (hub == "hs" && state == FREE).then(|| port.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "hub port sta spd dev      sockfd local_busid\n";

    #[test]
    fn the_first_free_port_for_usb_2_is_found() {
        let status = format!(
            "{HEAD}hs  0000 006 002 00010001 000003 1-1\nss  0015 004 000 00000000 000000 0-0\n\
             hs  0001 004 000 00000000 000000 0-0\n"
        );
        assert_eq!(first_free(&status), Some(1));
    }

    #[test]
    fn the_other_controllers_are_asked_too() {
        let directory = tempfile::tempdir().unwrap();
        let status = |name: &str, line: &str| {
            fs::write(directory.path().join(name), format!("{HEAD}{line}\n")).unwrap();
        };
        let missing = free_port(directory.path());
        assert!(matches!(missing, Err(VhciError::NoController { .. })));
        status("status", "hs  0000 006 002 00010001 000003 1-1");
        assert!(matches!(
            free_port(directory.path()),
            Err(VhciError::NoFreePort)
        ));
        status("status.1", "hs  0030 004 000 00000000 000000 0-0");
        assert_eq!(free_port(directory.path()).unwrap(), 30);
    }
}
