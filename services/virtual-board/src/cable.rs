//! What a board hangs on: links to a terminal and a file, or a USB port of the kernel.
//!
//! Moves the console's bytes and tells the board what the host did. The board does not know which
//! of the two it is.

use std::future::pending;

use tokio::time::{Instant, sleep_until};

use crate::BoardError;
use crate::console::Console;
use crate::linked_files::LinkedFiles;
use crate::usb::UsbPort;

/// What the host did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CableEvent {
    /// A host opened the console.
    Opened,
    /// The last host closed it.
    Closed,
    /// Something was typed: see [`Console::typed`].
    Typed,
    /// The host read something.
    Drained,
    /// The host wrote to the drive.
    DriveChanged,
    /// The host, or what stands in for the cable, cut the board off.
    Unplugged,
}

pub(crate) enum Cable {
    Links(LinkedFiles),
    Usb(Box<UsbPort>),
}

impl Cable {
    /// Moves bytes until something happened that the board should know. May be dropped at any
    /// await without a loss.
    pub(crate) async fn event(&mut self, console: &mut Console) -> Result<CableEvent, BoardError> {
        match self {
            Self::Links(links) => links.event(console).await,
            Self::Usb(port) => Ok(port.event(console).await?),
        }
    }

    /// Where the board was plugged in, in words.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::Links(links) => links.directory().display().to_string(),
            Self::Usb(port) => format!("vhci port {}", port.number()),
        }
    }

    /// The board reloads because the drive was changed.
    pub(crate) fn reloading(&mut self) {
        if let Self::Usb(port) = self {
            port.reloading();
        }
    }
}

/// Waits for the moment, where there is one.
pub(crate) async fn due(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}
