//! Where a body in chunks ends (RFC 9112, section 7.1). The data is counted, not looked at.

/// The largest chunk that is taken for one: no file on a FAT volume has more bytes. hyper would wait for all that a
/// client announces, and the client for an answer.
const LARGEST: u64 = u32::MAX as u64;

/// How far a body in chunks has come.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Chunked {
    /// Before a chunk's size.
    #[default]
    Size,
    /// In its size, of which this much is known.
    SizeDigits(u64),
    /// Behind its size: blanks, extensions, the end of the line.
    SizeLine(u64),
    /// In its data, with so many bytes to come, those of the line's end among them.
    Data(u64),
    /// Before a trailer, or the empty line.
    Trailers,
    /// In a trailer.
    Trailer,
    /// In the end of a trailer's line.
    TrailerLf,
    /// In the end of the empty line.
    EndLf,
    /// Behind it.
    End,
}

/// These are no chunks, from the byte with this index on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotChunked(pub(crate) usize);

impl Chunked {
    /// Goes on over these bytes; how many there are to the body's end, if it is among them.
    pub(crate) fn follow(&mut self, bytes: &[u8]) -> Result<Option<usize>, NotChunked> {
        let mut at = 0;
        while at < bytes.len() {
            if let Self::Data(left) = self {
                at += skip(left, &bytes[at..]);
                if *left == 0 {
                    *self = Self::Size;
                }
                continue;
            }
            *self = self.step(bytes[at]).ok_or(NotChunked(at))?;
            at += 1;
            if matches!(self, Self::End) {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    /// What follows a byte that is not data. But for the size of a chunk as strict as hyper is, or less: an end that
    /// hyper does not see must not be seen here.
    fn step(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Size, _) => Self::SizeDigits(hex(byte)?),
            (Self::SizeDigits(size), _) => match hex(byte) {
                Some(digit) => {
                    let size = size * 16 + digit;
                    (size <= LARGEST).then_some(Self::SizeDigits(size))?
                }
                None => Self::SizeLine(size),
            },
            (Self::SizeLine(0) | Self::TrailerLf, b'\n') => Self::Trailers,
            (Self::SizeLine(size), b'\n') => Self::Data(size + 2),
            (Self::Trailers, b'\r') => Self::EndLf,
            (Self::Trailer, b'\r') => Self::TrailerLf,
            (Self::Trailers | Self::Trailer, _) => Self::Trailer,
            (Self::EndLf, b'\n') => Self::End,
            (Self::SizeLine(_), _) => self,
            (Self::TrailerLf | Self::EndLf | Self::Data(_) | Self::End, _) => return None,
        })
    }
}

/// Takes off `left` what there is of it; how much that is.
pub(crate) fn skip(left: &mut u64, bytes: &[u8]) -> usize {
    let size = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
    *left -= size as u64;
    size
}

fn hex(byte: u8) -> Option<u64> {
    char::from(byte).to_digit(16).map(u64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODIES: [&str; 7] = [
        "0\r\n\r\n",
        "5\r\nhello\r\n0\r\n\r\n",
        "A\r\n0\r\n\r\n0\r\n\r\n\r\n000\r\n\r\n",
        "0005 \t\r\nhello\r\n1;name=\"a;b\"\r\n\n\r\n0;last\r\n\r\n",
        "1\r\n\r\r\n0\r\nExpires: now\r\nX-Other: 0\r\n\r\n",
        // hyper ends a trailer at CR LF only.
        "0\r\nA: b\n\r\nX: y\r\n\r\n",
        "00000000000000000000005\r\nhello\r\n0\r\n\r\n",
    ];

    #[test]
    fn a_body_ends_behind_its_empty_line_wherever_it_is_cut() {
        for body in BODIES {
            let bytes = [body.as_bytes(), b"0\r\n\r\nGET"].concat();
            for cut in 0..bytes.len() {
                let (first, second) = bytes.split_at(cut);
                let mut chunked = Chunked::default();
                let end = match chunked.follow(first).unwrap() {
                    Some(end) => end,
                    None => cut + chunked.follow(second).unwrap().unwrap(),
                };
                assert_eq!(end, body.len(), "{body:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn what_are_no_chunks_is_not_followed() {
        for body in [
            "\r\n",
            "x",
            "-1\r\n",
            ";a\r\n",
            "10000000000000000\r\n",
            "0\r\n\r\r",
            "0\r\nA: b\rc\r\n",
        ] {
            assert!(
                Chunked::default().follow(body.as_bytes()).is_err(),
                "{body:?}"
            );
        }
    }

    #[test]
    fn a_chunk_that_nobody_could_send_is_refused_at_the_digit_that_says_so() {
        for (size, digit) in [
            ("ffffffffffffffff", 8),
            ("FFFFFFFFFFFFFFFE;a=b", 8),
            ("7fffffffffffffff", 8),
            ("100000000", 8),
            ("00000000000000000000100000000", 28),
        ] {
            let body = format!("5\r\nhello\r\n{size}\r\ndata");
            let last = "5\r\nhello\r\n".len() + digit;
            for cut in 0..=last {
                let (first, second) = body.as_bytes().split_at(cut);
                let mut chunked = Chunked::default();
                assert_eq!(chunked.follow(first), Ok(None), "{body:?} cut at {cut}");
                let refused = chunked.follow(second);
                assert_eq!(
                    refused,
                    Err(NotChunked(last - cut)),
                    "{body:?} cut at {cut}"
                );
            }
        }
        let mut largest = Chunked::default();
        assert_eq!(largest.follow(b"00ffffffff\r\ndata"), Ok(None));
        assert!(matches!(largest, Chunked::Data(left) if left == LARGEST + 2 - 4));
    }
}
