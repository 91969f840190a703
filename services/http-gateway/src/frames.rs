//! Where the frames of a WebSocket end (RFC 6455, section 5.2), in the bytes that a console sends.

/// A head of a frame: two bytes, eight of a length, four of a mask.
const LONGEST_HEAD: usize = 14;
const CLOSE: u8 = 0x8;

/// How far the frames of one direction have come.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    /// Bytes of a head that has not come whole.
    head: [u8; LONGEST_HEAD],
    begun: usize,
    /// Bytes to come of the frame.
    left: u64,
    /// There was a frame that closes.
    closed: bool,
}

impl Frames {
    /// Goes on over these bytes.
    pub(crate) fn follow(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.left > 0 {
                let now =
                    usize::try_from(self.left).map_or(bytes.len(), |left| left.min(bytes.len()));
                self.left -= now as u64;
                bytes = &bytes[now..];
                continue;
            }
            self.head[self.begun] = bytes[0];
            self.begun += 1;
            bytes = &bytes[1..];
            if let Some(length) = length(&self.head[..self.begun]) {
                self.closed |= self.head[0] & 0xf == CLOSE;
                self.left = length;
                self.begun = 0;
            }
        }
    }

    /// Whether a frame could follow here: nothing is half sent, and the end has not been said.
    pub(crate) fn takes_another(&self) -> bool {
        self.begun == 0 && self.left == 0 && !self.closed
    }

    /// Whether the end has been said.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }
}

/// The length of what follows a head; none as long as the head is not whole.
fn length(head: &[u8]) -> Option<u64> {
    let [_, second, rest @ ..] = head else {
        return None;
    };
    let number = |size: usize| {
        let digits = rest.get(..size)?;
        Some(
            digits
                .iter()
                .fold(0, |number, digit| number << 8 | u64::from(*digit)),
        )
    };
    let (size, length) = match second & 0x7f {
        126 => (2, number(2)?),
        127 => (8, number(8)?),
        short => (0, u64::from(short)),
    };
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    (rest.len() >= size + mask).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(first: u8, length: usize, masked: bool) -> Vec<u8> {
        let mask = if masked { 0x80 } else { 0 };
        let mut frame = vec![first];
        match length {
            0..126 => frame.push(mask | u8::try_from(length).unwrap()),
            126..65_536 => {
                frame.push(mask + 126);
                frame.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
            _ => {
                frame.push(mask + 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend(vec![0x88; if masked { 4 } else { 0 } + length]);
        frame
    }

    #[test]
    fn a_frame_can_follow_where_one_has_ended_and_nowhere_else() {
        for length in [0, 1, 125, 126, 1000, 65_535, 65_536, 70_000] {
            for masked in [false, true] {
                let bytes = frame(0x81, length, masked);
                for piece in [1, 7, bytes.len()] {
                    let mut frames = Frames::default();
                    assert!(frames.takes_another());
                    let mut sent = 0;
                    for piece in bytes.chunks(piece) {
                        frames.follow(piece);
                        sent += piece.len();
                        assert_eq!(
                            frames.takes_another(),
                            sent == bytes.len(),
                            "{length}: {sent}"
                        );
                    }
                    frames.follow(&frame(0x8a, 3, masked));
                    assert!(frames.takes_another());
                }
            }
        }
    }

    #[test]
    fn nothing_follows_a_frame_that_closes() {
        let mut frames = Frames::default();
        let close = frame(0x88, 2, false);
        frames.follow(&[frame(0x81, 200, false), close].concat());
        assert!(frames.is_closed());
        assert!(!frames.takes_another());
    }
}
