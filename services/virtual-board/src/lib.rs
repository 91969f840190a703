//! A CircuitPython board as it looks from outside, in software.
//!
//! While a [`Board`] runs, `<boards_dir>/<serial>/console` leads to a terminal that answers as a
//! board's USB console does, and `<boards_dir>/<serial>/drive` to an image of its drive; or the
//! same board is plugged into the kernel's USB, with CircuitPython's descriptors. A change to the
//! image makes the board reload, and `code.py` runs in a Python process of its own. The words and
//! their order are those of CircuitPython's `main.c`, `pyexec.c` and `readline.c`.
//!
//! Nothing here knows the gateway: this is the other side of the cable.

mod board;
mod cable;
mod console;
mod drive;
mod error;
mod executor;
mod foreground;
mod identity;
mod image;
mod line_editor;
mod linked_files;
mod links;
mod messages;
mod options;
mod pty;
mod readiness;
mod repl;
mod statement;
mod usb;
mod vm;
mod watch;
mod workspace;

pub use board::Board;
pub use error::BoardError;
pub use identity::{BadSerial, Identity, Serial};
pub use image::{Image, ImageError};
pub use options::Options;
pub use usb::{BadUsbId, HostAct, ProtocolError, Tell, UsbError, UsbId, UsbOptions, VhciError};
