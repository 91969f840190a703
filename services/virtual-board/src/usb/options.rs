//! What can be said on the command line about a board on USB.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

/// The options of a board on USB.
#[derive(Debug, Clone, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each flag of the command line is a bool"
)]
pub struct UsbOptions {
    /// Plug into the kernel's USB (module `vhci_hcd`, needs root) instead of making links
    #[arg(id = "usb", long = "usb")]
    pub enabled: bool,

    /// Add the second serial port (CDC2); it sends back what it gets
    #[arg(long, requires = "usb")]
    pub data: bool,

    /// Add a second console, of which a board has only one
    #[arg(long, requires = "usb", conflicts_with = "data")]
    pub two_consoles: bool,

    /// Leave out HID and MIDI, as a boot.py does that disables both; a slow machine finds the board sooner
    #[arg(long, requires = "usb")]
    pub bare: bool,

    /// Put this image in the second drive, which else has no medium
    #[arg(long, value_name = "FILE", requires = "usb")]
    pub second_lun: Option<PathBuf>,

    /// Be a USB stick and no board: nothing but a drive, with the image given
    #[arg(long, requires = "usb", requires = "image", conflicts_with_all = ["data", "two_consoles", "no_drive"])]
    pub stick: bool,

    /// Lose power after so many control transfers
    #[arg(long, value_name = "N", requires = "usb")]
    pub cut_enumeration: Option<u32>,

    /// Lose power when so many sectors have been written
    #[arg(long, value_name = "N", requires = "usb")]
    pub cut_writes: Option<u32>,

    /// USB vendor and product id, in hexadecimal [default: 239a:80f4, a Pico's]
    #[arg(long, value_name = "VID:PID", requires = "usb")]
    pub usb_id: Option<UsbId>,

    /// USB manufacturer [default: Raspberry Pi]
    #[arg(long, value_name = "TEXT", requires = "usb")]
    pub manufacturer: Option<String>,

    /// USB product [default: Pico]
    #[arg(long, value_name = "TEXT", requires = "usb")]
    pub product: Option<String>,

    /// What the names of the interfaces begin with
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "CircuitPython",
        requires = "usb"
    )]
    pub interface_prefix: String,
}

/// A USB vendor and product id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsbId {
    pub(crate) vendor: u16,
    pub(crate) product: u16,
}

/// Text that is no USB id.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not of the form 239a:80f4")]
pub struct BadUsbId(String);

impl FromStr for UsbId {
    type Err = BadUsbId;

    fn from_str(text: &str) -> Result<Self, BadUsbId> {
        let hex = |digits: &str| u16::from_str_radix(digits, 16).ok();
        text.split_once(':')
            .and_then(|(vendor, product)| {
                Some(Self {
                    vendor: hex(vendor)?,
                    product: hex(product)?,
                })
            })
            .ok_or_else(|| BadUsbId(text.to_owned()))
    }
}
