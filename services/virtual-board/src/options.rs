//! What can be said about a board on the command line.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::Parser;

use crate::{Image, ImageError, Serial, UsbOptions};

/// A CircuitPython board in software.
///
/// Makes `BOARDS_DIR/SERIAL/console` and `BOARDS_DIR/SERIAL/drive`, or a USB device of the kernel,
/// and behaves like a board until it is ended, which is its unplugging. Started again with the
/// same image, it is plugged in again.
#[derive(Debug, Clone, Parser)]
#[command(version)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each flag of the command line is a bool"
)]
pub struct Options {
    /// Where boards appear
    #[arg(long, value_name = "DIR", default_value = "/dev/cpy-gateway")]
    pub boards_dir: PathBuf,

    /// The board's USB serial number, which names its directory; with --usb any text
    #[arg(long, default_value = "E6614C311B7E6F35")]
    pub serial: Serial,

    /// The drive's image, made if it does not exist [default: SERIAL.img]
    #[arg(long, value_name = "FILE")]
    pub image: Option<PathBuf>,

    /// Sectors of 512 bytes of a new image, the partition table included (a Pico has 2049)
    #[arg(long, value_name = "SECTORS", default_value_t = 2049)]
    pub size: u32,

    /// Bytes a cluster of a new image; from 4085 clusters on it is FAT16
    #[arg(long, value_name = "BYTES", default_value_t = 512)]
    pub cluster_size: u32,

    /// Write-protect the drive, as a board does whose boot.py took it
    #[arg(long)]
    pub read_only: bool,

    /// `CIRCUITPY_WEB_API_PASSWORD` in the settings.toml of a new image
    #[arg(long)]
    pub password: Option<String>,

    /// `CIRCUITPY_WEB_API_PORT` in the settings.toml of a new image
    #[arg(long)]
    pub port: Option<u16>,

    /// `CIRCUITPY_WEB_INSTANCE_NAME` in the settings.toml of a new image
    #[arg(long, value_name = "NAME")]
    pub instance_name: Option<String>,

    /// The name in the banner and in `boot_out.txt`
    #[arg(long, default_value = "Raspberry Pi Pico")]
    pub board_name: String,

    /// The chip in the banner and in `boot_out.txt`
    #[arg(long, default_value = "rp2040")]
    pub mcu: String,

    /// The board's id in `boot_out.txt`
    #[arg(long, value_name = "ID", default_value = "raspberry_pi_pico")]
    pub board_id: String,

    /// Plug in without a drive
    #[arg(long)]
    pub no_drive: bool,

    /// Plug in without a console
    #[arg(long)]
    pub no_console: bool,

    /// Instead of code.py, print without end, as fast as the console takes it; no Python
    #[arg(long, conflicts_with = "script")]
    pub flood: bool,

    /// With --flood, not faster than so many bytes a second
    #[arg(long, value_name = "BYTES", requires = "flood")]
    pub flood_rate: Option<NonZeroU32>,

    /// Instead of code.py, print this file line by line; no Python
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,

    /// The Python that runs code.py and the REPL
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    pub python: PathBuf,

    /// Unplug when the process that started this one ends
    #[arg(long)]
    pub exit_with_parent: bool,

    /// A board on USB
    #[command(flatten)]
    pub usb: UsbOptions,
}

impl Options {
    /// The image of the drive, made if it does not exist: a path that leads there from anywhere.
    /// Nothing for a board without a drive.
    pub(crate) fn prepare_image(&self) -> Result<Option<PathBuf>, ImageError> {
        if self.no_drive {
            return Ok(None);
        }
        let path = self.image_path();
        // A stick carries what it was given.
        if !self.usb.stick {
            Image::new(self).ensure(&path, self.read_only)?;
        }
        match path.canonicalize() {
            Ok(path) => Ok(Some(path)),
            Err(source) => Err(ImageError::File { path, source }),
        }
    }

    fn image_path(&self) -> PathBuf {
        self.image
            .clone()
            .unwrap_or_else(|| match self.serial.as_directory() {
                Ok(name) => PathBuf::from(format!("{}.img", name.display())),
                Err(_) => PathBuf::from("board.img"),
            })
    }
}
