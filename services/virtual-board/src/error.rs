//! What can go wrong with a board, and how a person is told.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use crate::{BadSerial, ImageError, UsbError, VhciError};

/// Why a board could not be plugged in, or fell off.
#[derive(Debug, thiserror::Error)]
pub enum BoardError {
    /// There is no drive.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The serial cannot name the board's directory.
    #[error(transparent)]
    Serial(#[from] BadSerial),
    /// There is no directory for the board.
    #[error("cannot make the board's directory {directory}")]
    Links {
        /// The board's directory.
        directory: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The script cannot be read.
    #[error("cannot read the script")]
    Script(#[source] io::Error),
    /// There is no console, or no more.
    #[error("the console's terminal failed")]
    Console(#[source] io::Error),
    /// Changes of the image are not told.
    #[error("cannot watch the drive's image")]
    Watch(#[source] io::Error),
    /// The board is not on USB.
    #[error(transparent)]
    Usb(#[from] UsbError),
}

impl From<VhciError> for BoardError {
    fn from(error: VhciError) -> Self {
        Self::Usb(error.into())
    }
}

/// What a person at the console reads of a fault of the machine around the board.
pub(crate) fn trouble(error: &dyn Error) -> String {
    format!("virtual-board: {}\n", chain(error))
}

/// The error and its causes, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
