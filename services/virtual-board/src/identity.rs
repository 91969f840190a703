//! Who a board says it is: its serial, its banner and its `boot_out.txt`.

use std::fmt;
use std::path::{Component, Path};

use crate::Options;

/// The CircuitPython release that the board claims to run.
pub(crate) const VERSION: &str = "10.0.3";
const BUILD_DATE: &str = "2025-10-17";

/// A board's USB serial number: any text. What looks at boards has to cope with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serial(String);

/// A serial that cannot name a directory.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} cannot be the name of one directory")]
pub struct BadSerial(String);

impl Serial {
    /// The name of the board's directory, which is the serial as it is.
    pub(crate) fn as_directory(&self) -> Result<&Path, BadSerial> {
        let path = Path::new(&self.0);
        let mut components = path.components();
        match (components.next(), components.next()) {
            (Some(Component::Normal(name)), None)
                if name == self.0.as_str() && !self.0.contains('\0') =>
            {
                Ok(path)
            }
            _ => Err(BadSerial(self.0.clone())),
        }
    }
}

impl From<&str> for Serial {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a board tells of itself.
#[derive(Debug, Clone)]
pub struct Identity {
    serial: Serial,
    board_name: String,
    mcu: String,
    board_id: String,
}

impl From<&Options> for Identity {
    fn from(options: &Options) -> Self {
        Self {
            serial: options.serial.clone(),
            board_name: options.board_name.clone(),
            mcu: options.mcu.clone(),
            board_id: options.board_id.clone(),
        }
    }
}

impl Identity {
    /// The line above the REPL's first prompt, without a line end.
    pub(crate) fn banner(&self) -> String {
        format!(
            "Adafruit CircuitPython {VERSION} on {BUILD_DATE}; {} with {}",
            self.board_name, self.mcu
        )
    }

    /// The contents of `boot_out.txt`, with the line ends that the console gives them.
    pub(crate) fn boot_out(&self) -> String {
        format!(
            "{}\r\nBoard ID:{}\r\nUID:{}\r\n",
            self.banner(),
            self.board_id,
            self.serial
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_that_is_one_path_component_names_a_directory() {
        for good in ["E6614C311B7E6F35", "a b", "ü", "...", "1-1.2"] {
            assert!(Serial::from(good).as_directory().is_ok(), "{good:?}");
        }
        for bad in ["", ".", "..", "a/b", "/a", "a/", "a\0"] {
            assert!(Serial::from(bad).as_directory().is_err(), "{bad:?}");
        }
    }
}
