//! String descriptors, numbered in the order in which they are asked for.

const STRING: u8 = 3;
/// So many UTF-16 units fit, as the length of a descriptor is one byte.
const MAX_UNITS: usize = 126;
/// English (United States), the only language of a board.
const LANGUAGES: [u8; 4] = [4, STRING, 0x09, 0x04];

/// The device's strings.
#[derive(Debug, Default)]
pub(crate) struct Strings(Vec<Vec<u8>>);

impl Strings {
    /// Adds a string and gives its number. What is longer than a descriptor can be is cut.
    pub(crate) fn add(&mut self, text: &str) -> u8 {
        let units: Vec<u16> = text.encode_utf16().take(MAX_UNITS).collect();
        let length = u8::try_from(2 + 2 * units.len()).expect("MAX_UNITS fit");
        let mut descriptor = vec![length, STRING];
        descriptor.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
        self.0.push(descriptor);
        u8::try_from(self.0.len()).expect("a board has few strings")
    }

    /// The descriptor with this number; number 0 is the list of languages.
    pub(crate) fn get(&self, number: u8) -> Option<&[u8]> {
        match usize::from(number).checked_sub(1) {
            None => Some(&LANGUAGES),
            Some(at) => self.0.get(at).map(Vec::as_slice),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_utf16_and_numbered_from_one() {
        let mut strings = Strings::default();
        assert_eq!(strings.add("Pi"), 1);
        assert_eq!(strings.add(""), 2);
        assert_eq!(strings.add(&"ü".repeat(200)), 3);
        assert_eq!(strings.get(0), Some(&LANGUAGES[..]));
        assert_eq!(strings.get(1), Some(&[6, 3, b'P', 0, b'i', 0][..]));
        assert_eq!(strings.get(2), Some(&[2, 3][..]));
        assert_eq!(strings.get(3).unwrap().len(), 254);
        assert_eq!(strings.get(4), None);
    }
}
