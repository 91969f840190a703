//! What a control transfer asks for (USB 2.0, 9.3), and what is answered.

/// Standard requests (USB 2.0, table 9-4).
pub(crate) const GET_STATUS: u8 = 0;
pub(crate) const CLEAR_FEATURE: u8 = 1;
pub(crate) const SET_FEATURE: u8 = 3;
pub(crate) const SET_ADDRESS: u8 = 5;
pub(crate) const GET_DESCRIPTOR: u8 = 6;
pub(crate) const GET_CONFIGURATION: u8 = 8;
pub(crate) const SET_CONFIGURATION: u8 = 9;
pub(crate) const GET_INTERFACE: u8 = 10;
pub(crate) const SET_INTERFACE: u8 = 11;
/// The feature of an endpoint that is stalled.
pub(crate) const ENDPOINT_HALT: u16 = 0;

/// Whose words a request is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Standard,
    Class,
    Vendor,
}

/// Whom a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recipient {
    Device,
    Interface(u8),
    Endpoint(u8),
    Other,
}

/// The setup packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Setup {
    pub(crate) kind: Kind,
    pub(crate) recipient: Recipient,
    pub(crate) request: u8,
    pub(crate) value: u16,
    pub(crate) index: u16,
    pub(crate) length: usize,
}

impl Setup {
    pub(crate) fn parse(bytes: [u8; 8]) -> Self {
        let word = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let low_index = bytes[4];
        Self {
            kind: match bytes[0] >> 5 & 3 {
                0 => Kind::Standard,
                1 => Kind::Class,
                _ => Kind::Vendor,
            },
            recipient: match bytes[0] & 0x1f {
                0 => Recipient::Device,
                1 => Recipient::Interface(low_index),
                2 => Recipient::Endpoint(low_index),
                _ => Recipient::Other,
            },
            request: bytes[1],
            value: word(2),
            index: word(4),
            length: usize::from(word(6)),
        }
    }
}

/// The answer to a control transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Bytes(Vec<u8>),
    Done,
    Stall,
}
