//! A board's serial port: how it is opened, so that the board speaks and is neither echoed nor reset.
//!
//! Knows the serial crate; nobody else does.

use std::path::{Path, PathBuf};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_serial::{ClearBuffer, SerialPort, SerialPortBuilderExt, SerialStream};

/// CDC ignores the speed, but for 1200 baud: that, and DTR going down, means "enter the bootloader".
const BAUD: u32 = 115_200;

/// A port that is open, which it is for one program at a time.
#[derive(Debug)]
pub(crate) struct Port(SerialStream);

/// Why a port is not open.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PortError {
    /// The device is missing, busy or not ours to open.
    #[error("cannot open {path}")]
    Open {
        /// The link.
        path: PathBuf,
        #[source]
        source: tokio_serial::Error,
    },
    /// It was opened and then did not take its settings.
    #[error("cannot set up {path}")]
    SetUp {
        /// The link.
        path: PathBuf,
        #[source]
        source: tokio_serial::Error,
    },
}

impl Port {
    /// Opens the port: exclusive, raw, DTR up.
    ///
    /// It runs on a thread of its own, because opening exchanges messages with the board, and one that
    /// hangs takes seconds to fail.
    pub(crate) async fn open(path: &Path) -> Result<Self, PortError> {
        let path = path.to_owned();
        let opening = tokio::task::spawn_blocking(move || Self::open_blocking(path));
        opening.await.expect("opening a port does not panic")
    }

    fn open_blocking(path: PathBuf) -> Result<Self, PortError> {
        // The crate opens without blocking, locks, and makes the port raw with its first setting. The
        // kernel asserts DTR when the port is opened; it is asked for once more in vain where there
        // are no modem lines (a PTY).
        let opened = tokio_serial::new(path.to_string_lossy(), BAUD)
            .dtr_on_open(true)
            .open_native_async();
        let mut port = match opened {
            Ok(stream) => Self(stream),
            Err(source) => return Err(PortError::Open { path, source }),
        };
        if port.is_pty() {
            port.0
                .set_exclusive(false)
                .map_err(|source| PortError::SetUp {
                    path: path.clone(),
                    source,
                })?;
        }
        // Before it was raw, the kernel echoed what the board printed: the board must not read that as
        // if it were typed. What the board has said stays, it may be the beginning of a title.
        match port.0.clear(ClearBuffer::Output) {
            Ok(()) => Ok(port),
            Err(source) => Err(PortError::SetUp { path, source }),
        }
    }

    /// A pseudo terminal has no modem lines (`ENOTTY`). It also keeps the mark of being exclusive when the
    /// program that set it is killed, for as long as the other end lives: nobody but root could open it
    /// again. The crate's lock on the file, which goes with its holder, is enough there.
    fn is_pty(&mut self) -> bool {
        self.0.read_clear_to_send().is_err()
    }

    /// Both directions, to be used at the same time.
    pub(crate) fn halves(&mut self) -> (impl AsyncRead + use<'_>, impl AsyncWrite + use<'_>) {
        tokio::io::split(&mut self.0)
    }
}

impl Drop for Port {
    /// The kernel would hold up the close for half a minute for a board that takes no input.
    fn drop(&mut self) {
        let _ = self.0.clear(ClearBuffer::Output);
    }
}
