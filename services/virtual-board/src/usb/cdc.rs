//! A serial port of the device (CDC ACM): what the host set it to. The bytes go past it.

use super::endpoint::Endpoint;
use super::setup::{Answer, Setup};

/// Requests of the class (USB PSTN 1.2, table 13).
const SET_LINE_CODING: u8 = 0x20;
const GET_LINE_CODING: u8 = 0x21;
const SET_CONTROL_LINE_STATE: u8 = 0x22;
const SEND_BREAK: u8 = 0x23;

const DTR: u16 = 1;
/// 115200 baud, one stop bit, no parity, eight bits: what TinyUSB begins with.
const CODING: [u8; 7] = [0x00, 0xc2, 0x01, 0x00, 0, 0, 8];

/// What the host changed at a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineEvent {
    Dtr(bool),
    Baud(u32),
}

/// Where a serial port is in the device.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CdcPlace {
    /// The control interface.
    pub(crate) interface: u8,
    pub(crate) to_host: Endpoint,
    pub(crate) from_host: Endpoint,
}

/// A serial port.
#[derive(Debug)]
pub(crate) struct Cdc {
    place: CdcPlace,
    coding: [u8; 7],
    dtr: bool,
}

impl Cdc {
    pub(crate) fn new(place: CdcPlace) -> Self {
        Self {
            place,
            coding: CODING,
            dtr: false,
        }
    }

    pub(crate) fn place(&self) -> CdcPlace {
        self.place
    }

    pub(crate) fn dtr(&self) -> bool {
        self.dtr
    }

    pub(crate) fn baud(&self) -> u32 {
        let [a, b, c, d, ..] = self.coding;
        u32::from_le_bytes([a, b, c, d])
    }

    /// The host configured the device anew: nobody has opened the port yet.
    pub(crate) fn reset(&mut self) -> Option<LineEvent> {
        self.coding = CODING;
        self.set_dtr(false)
    }

    pub(crate) fn request(&mut self, setup: &Setup, data: &[u8]) -> (Answer, Option<LineEvent>) {
        match setup.request {
            SET_LINE_CODING => match data.try_into() {
                Ok(coding) => {
                    let before = self.baud();
                    self.coding = coding;
                    let now = self.baud();
                    (
                        Answer::Done,
                        (now != before).then_some(LineEvent::Baud(now)),
                    )
                }
                Err(_) => (Answer::Stall, None),
            },
            GET_LINE_CODING => (Answer::Bytes(self.coding.to_vec()), None),
            SET_CONTROL_LINE_STATE => (Answer::Done, self.set_dtr(setup.value & DTR != 0)),
            SEND_BREAK => (Answer::Done, None),
            _ => (Answer::Stall, None),
        }
    }

    fn set_dtr(&mut self, dtr: bool) -> Option<LineEvent> {
        let changed = self.dtr != dtr;
        self.dtr = dtr;
        changed.then_some(LineEvent::Dtr(dtr))
    }
}
