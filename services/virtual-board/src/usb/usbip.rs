//! USB/IP messages, as the kernel's Documentation/usb/usbip_protocol.rst has them, from the side
//! that has the device.
//!
//! Knows how a message is cut out of the stream and how a reply looks. What an endpoint does with
//! a transfer is not known here.

use bytes::{Buf, BufMut, BytesMut};

use super::endpoint::Endpoint;
use super::setup::Setup;

const HEADER: usize = 48;
const CMD_SUBMIT: u32 = 1;
const CMD_UNLINK: u32 = 2;
const RET_SUBMIT: u32 = 3;
const RET_UNLINK: u32 = 4;
const DIRECTION_IN: u32 = 1;
/// The host wants an error where less comes than it asked for.
const SHORT_NOT_OK: u32 = 1;
/// Far more than the kernel moves in one transfer.
const MAX_LENGTH: u32 = 16 * 1024 * 1024;

/// Errors of a transfer: Linux error numbers, negated.
const STALLED: i32 = -32;
const UNLINKED: i32 = -104;
const CUT_SHORT: i32 = -121;

/// The other end does not speak USB/IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// Neither a submission nor an unlinking.
    #[error("message {0} is unknown")]
    Command(u32),
    /// Endpoints have numbers from 0 to 15.
    #[error("there is no endpoint {0}")]
    Endpoint(u32),
    /// Too long a transfer.
    #[error("a transfer of {0} bytes is too long")]
    Length(u32),
    /// No endpoint of a board is isochronous.
    #[error("an isochronous transfer to a device that has none")]
    Isochronous,
}

/// A transfer that the host submitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Urb {
    pub(crate) number: u32,
    pub(crate) endpoint: Endpoint,
    /// How much the host sent, or wants.
    pub(crate) length: usize,
    pub(crate) short_is_error: bool,
    /// What a control transfer asks for.
    pub(crate) setup: Setup,
    /// What the host sent.
    pub(crate) data: Vec<u8>,
}

/// What the host says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message {
    Submit(Urb),
    /// The transfer `target` is to be taken back.
    Unlink {
        number: u32,
        target: u32,
    },
}

impl Message {
    /// Takes the first message out of what was received, if all of it is there.
    pub(crate) fn take(received: &mut BytesMut) -> Result<Option<Self>, ProtocolError> {
        let Some(mut header) = received.get(..HEADER) else {
            return Ok(None);
        };
        let command = header.get_u32();
        let number = header.get_u32();
        let _device = header.get_u32();
        let direction = header.get_u32();
        let endpoint = header.get_u32();
        if command == CMD_UNLINK {
            let target = header.get_u32();
            received.advance(HEADER);
            return Ok(Some(Self::Unlink { number, target }));
        }
        if command != CMD_SUBMIT {
            return Err(ProtocolError::Command(command));
        }
        let is_in = direction == DIRECTION_IN;
        let endpoint = u8::try_from(endpoint)
            .ok()
            .and_then(|number| Endpoint::new(number, is_in))
            .ok_or(ProtocolError::Endpoint(endpoint))?;
        let flags = header.get_u32();
        let length = header.get_u32();
        let _start_frame = header.get_u32();
        let packets = header.get_u32();
        if packets != 0 && packets != u32::MAX {
            return Err(ProtocolError::Isochronous);
        }
        if length > MAX_LENGTH {
            return Err(ProtocolError::Length(length));
        }
        let _interval = header.get_u32();
        let setup = Setup::parse(header.get_u64().to_be_bytes());
        let length = length as usize;
        let sent = if is_in { 0 } else { length };
        if received.len() < HEADER + sent {
            return Ok(None);
        }
        received.advance(HEADER);
        Ok(Some(Self::Submit(Urb {
            number,
            endpoint,
            length,
            short_is_error: flags & SHORT_NOT_OK != 0,
            setup,
            data: received.split_to(sent).to_vec(),
        })))
    }
}

/// The host's transfer brought these bytes; at most as many as it wanted.
pub(crate) fn brought(urb: &Urb, bytes: &[u8], out: &mut BytesMut) {
    let bytes = &bytes[..bytes.len().min(urb.length)];
    let status = if urb.short_is_error && bytes.len() < urb.length {
        CUT_SHORT
    } else {
        0
    };
    reply(RET_SUBMIT, urb.number, status, bytes.len(), out);
    out.put_slice(bytes);
}

/// The board took all that the host sent.
pub(crate) fn taken(urb: &Urb, out: &mut BytesMut) {
    reply(RET_SUBMIT, urb.number, 0, urb.data.len(), out);
}

/// The endpoint is stalled.
pub(crate) fn stalled(urb: &Urb, out: &mut BytesMut) {
    reply(RET_SUBMIT, urb.number, STALLED, 0, out);
}

/// The answer to an unlinking; one that comes after the transfer's end changes nothing.
pub(crate) fn unlinked(number: u32, was_pending: bool, out: &mut BytesMut) {
    let status = if was_pending { UNLINKED } else { 0 };
    reply(RET_UNLINK, number, status, 0, out);
}

fn reply(command: u32, number: u32, status: i32, length: usize, out: &mut BytesMut) {
    out.reserve(HEADER + length);
    out.put_u32(command);
    out.put_u32(number);
    // Device, direction and endpoint are for the other way.
    out.put_bytes(0, 12);
    out.put_i32(status);
    out.put_u32(u32::try_from(length).expect("no transfer is longer than MAX_LENGTH"));
    out.put_bytes(0, HEADER - 28);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The submission of 64 bytes to an interrupt endpoint in the kernel's document.
    const SUBMIT: [u32; 12] = [1, 0xd06, 0x0001_000f, 0, 1, 0, 64, u32::MAX, 0, 4, 0, 0];

    fn bytes(words: [u32; 12], data: &[u8]) -> BytesMut {
        let mut bytes = BytesMut::new();
        words.iter().for_each(|&word| bytes.put_u32(word));
        bytes.put_slice(data);
        bytes
    }

    #[test]
    fn the_kernel_documents_example_is_read() {
        let mut received = bytes(SUBMIT, &[7; 70]);
        let Ok(Some(Message::Submit(urb))) = Message::take(&mut received) else {
            panic!("no submission");
        };
        assert_eq!((urb.number, urb.length), (0xd06, 64));
        assert_eq!(urb.endpoint, Endpoint::new(1, false).unwrap());
        assert_eq!(urb.data, [7; 64]);
        assert_eq!(received.len(), 6);
    }

    #[test]
    fn what_the_device_cannot_have_is_refused() {
        for (at, value, error) in [
            (0, 9, ProtocolError::Command(9)),
            (4, 16, ProtocolError::Endpoint(16)),
            (6, MAX_LENGTH + 1, ProtocolError::Length(MAX_LENGTH + 1)),
            (8, 3, ProtocolError::Isochronous),
        ] {
            let mut words = SUBMIT;
            words[at] = value;
            assert_eq!(Message::take(&mut bytes(words, &[])), Err(error));
        }
    }

    #[test]
    fn a_short_answer_is_an_error_where_the_host_says_so() {
        let mut words = SUBMIT;
        (words[3], words[5]) = (1, SHORT_NOT_OK);
        let Ok(Some(Message::Submit(urb))) = Message::take(&mut bytes(words, &[])) else {
            panic!("no submission");
        };
        for (count, status) in [(3, CUT_SHORT), (64, 0), (100, 0)] {
            let mut out = BytesMut::new();
            brought(&urb, &[1; 100][..count], &mut out);
            assert_eq!(out[20..24], status.to_be_bytes());
            assert_eq!(out.len(), HEADER + count.min(64));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut received = BytesMut::from(&bytes[..]);
            while let Ok(Some(_)) = Message::take(&mut received) {}
        }

        #[test]
        fn a_message_is_whole_however_it_arrives(data in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut words = SUBMIT;
            words[6] = u32::try_from(data.len()).unwrap();
            let whole = bytes(words, &data);
            let mut received = BytesMut::new();
            for &byte in &whole[..whole.len() - 1] {
                received.put_u8(byte);
                prop_assert_eq!(Message::take(&mut received), Ok(None));
            }
            received.put_u8(whole[whole.len() - 1]);
            match Message::take(&mut received) {
                Ok(Some(Message::Submit(urb))) => prop_assert_eq!(urb.data, data),
                other => prop_assert!(false, "{:?}", other),
            }
            prop_assert!(received.is_empty());
        }
    }
}
