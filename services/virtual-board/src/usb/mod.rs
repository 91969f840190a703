//! A board on USB: a device of its own behind a USB/IP connection, for a real kernel to find.
//!
//! [`vhci`] plugs the connection into the kernel. [`usbip`] cuts it into transfers, [`device`]
//! answers them: [`descriptors`] say what the device is, [`cdc`] and [`mass_storage`] (with
//! [`scsi`] above an image) do what it does.

mod build;
mod bulk_only;
mod cdc;
mod descriptors;
mod device;
mod endpoint;
mod hid;
mod host_act;
mod mass_storage;
mod medium;
mod options;
mod pipes;
mod port;
mod scsi;
mod setup;
mod strings;
mod usbip;
pub(crate) mod vhci;

pub use host_act::{HostAct, Tell};
pub use options::{BadUsbId, UsbId, UsbOptions};
pub use port::UsbError;
pub(crate) use port::UsbPort;
pub use usbip::ProtocolError;
pub use vhci::VhciError;
