//! An endpoint's address.

use std::fmt;

const IN: u8 = 0x80;

/// An endpoint of the device, the direction included.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Endpoint(u8);

impl Endpoint {
    /// The endpoint of this number, if there can be one.
    pub(crate) fn new(number: u8, is_in: bool) -> Option<Self> {
        (number < 16).then_some(Self(if is_in { IN | number } else { number }))
    }

    /// As in descriptors and requests.
    pub(crate) fn address(self) -> u8 {
        self.0
    }

    /// Whether the host reads from it.
    pub(crate) fn is_in(self) -> bool {
        self.0 & IN != 0
    }

    /// Whether it is the one for control transfers.
    pub(crate) fn is_control(self) -> bool {
        self.0 & !IN == 0
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({:#04x})", self.0)
    }
}
