//! Bytes to text, as they come: a character may arrive in pieces, and a board may print anything.

/// Decodes UTF-8 that comes in pieces of any size. All pieces together give what
/// [`String::from_utf8_lossy`] gives for the whole.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    /// The bytes of a character whose end has not come yet: three at most.
    open: Vec<u8>,
}

impl Decoder {
    /// The text that is certain after these bytes.
    pub(crate) fn decode(&mut self, bytes: &[u8]) -> String {
        let mut all = std::mem::take(&mut self.open);
        all.extend_from_slice(bytes);
        let mut text = String::with_capacity(all.len());
        let mut rest = all.as_slice();
        for chunk in all.utf8_chunks() {
            text.push_str(chunk.valid());
            rest = &rest[chunk.valid().len() + chunk.invalid().len()..];
            if rest.is_empty() && may_go_on(chunk.invalid()) {
                self.open = chunk.invalid().to_vec();
            } else if !chunk.invalid().is_empty() {
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        text
    }

    /// The text of what is left when nothing more comes.
    pub(crate) fn finish(self) -> &'static str {
        if self.open.is_empty() { "" } else { "\u{fffd}" }
    }
}

/// Whether the bytes are the beginning of a character.
fn may_go_on(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode_in_pieces(bytes: &[u8], size: usize) -> String {
        let mut decoder = Decoder::default();
        let mut text: String = bytes
            .chunks(size)
            .map(|piece| decoder.decode(piece))
            .collect();
        text.push_str(decoder.finish());
        text
    }

    #[test]
    fn a_character_that_is_whole_is_not_held_back() {
        let mut decoder = Decoder::default();
        assert_eq!(decoder.decode("a🐍".as_bytes()), "a🐍");
        assert_eq!(decoder.decode(b"\xf0\x9f\x90"), "");
        assert_eq!(decoder.decode(b"\x8d!"), "🐍!");
        assert_eq!(decoder.finish(), "");
    }

    #[test]
    fn a_character_left_open_is_replaced() {
        let mut decoder = Decoder::default();
        assert_eq!(decoder.decode(b"x\xe2\x82"), "x");
        assert_eq!(decoder.finish(), "\u{fffd}");
    }

    proptest! {
        #[test]
        fn pieces_give_what_the_whole_gives(
            bytes in prop::collection::vec(
                prop_oneof![any::<u8>(), Just(0xf0), Just(0x9f), Just(0x90), Just(0x8d), Just(b'a')],
                0..64,
            ),
            size in 1..9_usize,
        ) {
            prop_assert_eq!(decode_in_pieces(&bytes, size), String::from_utf8_lossy(&bytes));
        }
    }
}
