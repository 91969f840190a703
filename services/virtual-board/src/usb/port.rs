//! The board's end of the USB cable: the connection to the kernel, and the device behind it.

use std::io;
use std::os::unix::net::UnixStream as StdStream;
use std::path::{Path, PathBuf};

use bytes::{Buf, BytesMut};
use tokio::net::UnixStream;
use tokio::time::Instant;

use super::build::build;
use super::device::Device;
use super::host_act::{HostAct, Tell};
use super::usbip::{Message, ProtocolError};
use super::vhci::VhciError;
use crate::Options;
use crate::cable::{CableEvent, due};
use crate::console::Console;

/// A host has a few transfers under way at an endpoint; more than this is no host.
const MAX_WAITING: usize = 4096;

/// Why a board is not on USB, or fell off.
#[derive(Debug, thiserror::Error)]
pub enum UsbError {
    /// The kernel has no port for it.
    #[error(transparent)]
    Vhci(#[from] VhciError),
    /// A drive's image cannot be used.
    #[error("cannot use {path} as a drive")]
    Medium {
        /// The image.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The connection broke.
    #[error("the USB/IP connection failed")]
    Connection(#[source] io::Error),
    /// The other end does not speak USB/IP.
    #[error("the host does not speak USB/IP")]
    Protocol(#[from] ProtocolError),
    /// The other end submits transfers and never takes one back.
    #[error("the host has more than {MAX_WAITING} transfers under way")]
    TooMany,
}

/// A board's USB port.
pub(crate) struct UsbPort {
    number: u32,
    socket: UnixStream,
    received: BytesMut,
    device: Device,
    /// The power is cut after so many control transfers.
    cut_after: Option<u32>,
}

impl UsbPort {
    /// Puts the device that the options ask for behind the connection. `number` is what the port
    /// is called.
    pub(crate) fn new(
        options: &Options,
        image: Option<&Path>,
        socket: StdStream,
        number: u32,
        tell: Tell,
    ) -> Result<Self, UsbError> {
        let (descriptors, functions) = build(options, image)?;
        let socket = socket
            .set_nonblocking(true)
            .and_then(|()| UnixStream::from_std(socket))
            .map_err(UsbError::Connection)?;
        Ok(Self {
            number,
            socket,
            received: BytesMut::new(),
            device: Device::new(descriptors, functions, tell),
            cut_after: options.usb.cut_enumeration,
        })
    }

    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    pub(crate) fn reloading(&mut self) {
        self.device.tell(HostAct::Reload);
    }

    /// Moves bytes until something happened that the board should know. May be dropped at any
    /// await without a loss.
    pub(crate) async fn event(&mut self, console: &mut Console) -> Result<CableEvent, UsbError> {
        loop {
            let now = Instant::now();
            let speak_at = console.speak_at();
            let may_speak = speak_at.is_some_and(|at| at <= now);
            self.device.serve(console, may_speak);
            if let Some(event) = self.device.next_event() {
                return Ok(event);
            }
            let cut = self.is_cut();
            let replies = self.device.pipes().replies();
            if cut && replies.is_empty() {
                return Ok(CableEvent::Unplugged);
            }
            let has_replies = !replies.is_empty();
            let speak_at = speak_at.filter(|at| *at > now && self.device.wants_output());
            tokio::select! {
                ready = self.socket.readable(), if !cut => {
                    ready.map_err(UsbError::Connection)?;
                    if !self.receive(console)? {
                        return Ok(CableEvent::Unplugged);
                    }
                }
                ready = self.socket.writable(), if has_replies => {
                    ready.map_err(UsbError::Connection)?;
                    if !self.send()? {
                        return Ok(CableEvent::Unplugged);
                    }
                }
                () = due(speak_at) => {}
            }
        }
    }

    fn is_cut(&self) -> bool {
        let enumeration_is = self
            .cut_after
            .is_some_and(|count| self.device.controls() >= count);
        enumeration_is || self.device.is_cut()
    }

    /// Takes in what the host said; false when it is gone.
    fn receive(&mut self, console: &mut Console) -> Result<bool, UsbError> {
        self.received.reserve(64 * 1024);
        if !moved(self.socket.try_read_buf(&mut self.received))? {
            return Ok(false);
        }
        while !self.is_cut()
            && let Some(message) = Message::take(&mut self.received)?
        {
            self.device.receive(message, console);
        }
        if self.device.pipes().waiting() > MAX_WAITING {
            return Err(UsbError::TooMany);
        }
        Ok(true)
    }

    /// Sends what the host takes of the replies; false when it is gone.
    fn send(&mut self) -> Result<bool, UsbError> {
        let replies = self.device.pipes().replies();
        match self.socket.try_write(replies) {
            Ok(count) => {
                replies.advance(count);
                Ok(true)
            }
            gone_or_error => moved(gone_or_error),
        }
    }
}

/// Whether the connection stands, after an attempt to move something over it.
fn moved(attempt: io::Result<usize>) -> Result<bool, UsbError> {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, Interrupted, WouldBlock};
    match attempt {
        Ok(count) => Ok(count > 0),
        Err(error) => match error.kind() {
            WouldBlock | Interrupted => Ok(true),
            // The host pulled the plug on its side.
            BrokenPipe | ConnectionReset => Ok(false),
            _ => Err(UsbError::Connection(error)),
        },
    }
}
