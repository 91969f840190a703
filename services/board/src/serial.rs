//! A board's serial: the name of its directory, and its name everywhere inside the gateway.
//!
//! It is the board's USB serial number as udev hands it out, or a name made from the USB port path where the
//! board has none. What the network calls the board is [`Hostname`](crate::Hostname)'s business.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The longest serial: a USB string descriptor holds 126 UTF-16 units (USB 2.0, section 9.6.7).
pub const LONGEST: usize = 126;

/// What the name of a USB port begins with.
pub const PORT_PREFIX: &str = "usb-";

/// The USB serial of a board: 1 to 126 characters of `[0-9A-Za-z_-]`, so always one safe path component.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Serial(Arc<str>);

/// Why a text is not a serial.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SerialError {
    /// Nothing at all.
    #[error("a serial cannot be empty")]
    Empty,
    /// More than [`LONGEST`] characters.
    #[error("a serial of {0} characters is longer than a USB serial number can be")]
    TooLong(usize),
    /// A character that udev would not hand out.
    #[error("a serial cannot hold the character {0:?}")]
    Character(char),
}

impl Serial {
    /// The serial as it was read.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it names a USB port, for a board without a serial number: what is known of it may be another board's.
    pub fn is_port(&self) -> bool {
        self.0.starts_with(PORT_PREFIX)
    }
}

impl FromStr for Serial {
    type Err = SerialError;

    fn from_str(text: &str) -> Result<Self, SerialError> {
        if text.is_empty() {
            return Err(SerialError::Empty);
        }
        if let Some(bad) = text
            .chars()
            .find(|c| !c.is_ascii_alphanumeric() && !"_-".contains(*c))
        {
            return Err(SerialError::Character(bad));
        }
        if text.len() > LONGEST {
            return Err(SerialError::TooLong(text.len()));
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for Serial {
    type Error = SerialError;

    fn try_from(text: String) -> Result<Self, SerialError> {
        text.parse()
    }
}

impl From<Serial> for String {
    fn from(serial: Serial) -> Self {
        serial.0.as_ref().to_owned()
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn takes_what_udev_hands_out() {
        for good in ["E6614C311B7E6F35", "df60bcf4_9c5a", "usb-1-1_4", "0"] {
            assert_eq!(
                good.parse::<Serial>().map(String::from).as_deref(),
                Ok(good)
            );
        }
    }

    #[test]
    fn refuses_what_could_leave_its_directory() {
        assert_eq!("".parse::<Serial>(), Err(SerialError::Empty));
        assert_eq!("..".parse::<Serial>(), Err(SerialError::Character('.')));
        assert_eq!("a/b".parse::<Serial>(), Err(SerialError::Character('/')));
        assert_eq!("a b".parse::<Serial>(), Err(SerialError::Character(' ')));
        assert_eq!(
            "A".repeat(200).parse::<Serial>(),
            Err(SerialError::TooLong(200))
        );
    }

    proptest! {
        #[test]
        fn whatever_parses_is_one_path_component(text in ".*") {
            if let Ok(serial) = text.parse::<Serial>() {
                let path = std::path::Path::new(serial.as_str());
                prop_assert_eq!(path.components().count(), 1);
                prop_assert!(matches!(path.components().next(), Some(std::path::Component::Normal(_))));
            }
        }
    }
}
