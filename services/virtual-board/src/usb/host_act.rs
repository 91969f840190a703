//! What the host did to a board on USB, as it is told to whoever started the board.

use std::fmt;

/// Something that a host does and a board notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostAct {
    /// The console was opened (`true`) or closed.
    Dtr(bool),
    /// The console's speed was set.
    Baud(u32),
    /// The console was closed at 1200 baud, which sends a board to its bootloader. This one stays.
    Bootloader,
    /// The drive was changed, and the board reloads.
    Reload,
    /// The drive was ejected.
    Ejected,
}

impl fmt::Display for HostAct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dtr(true) => f.write_str("dtr on"),
            Self::Dtr(false) => f.write_str("dtr off"),
            Self::Baud(baud) => write!(f, "baud {baud}"),
            Self::Bootloader => f.write_str("bootloader"),
            Self::Reload => f.write_str("reload"),
            Self::Ejected => f.write_str("ejected"),
        }
    }
}

/// Who is told.
pub type Tell = Box<dyn FnMut(HostAct) + Send>;
