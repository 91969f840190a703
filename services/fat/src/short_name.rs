//! The 8.3 name that every entry has: [`ShortName`], eleven bytes.
//!
//! It owns how such a name is read (code page 437, the lower-case flags of Windows NT) and how one is
//! made for a long name: the same letters in upper case when that loses nothing else, a `~N` tail otherwise.

use crate::codepage;
use crate::name::Name;

const BASE: usize = 8;
const LENGTH: usize = 11;

/// The flag in an entry's byte 12 that says the base is in lower case, and the one for the extension.
const LOWER_BASE: u8 = 0x08;
const LOWER_EXTENSION: u8 = 0x10;

/// Stands in the first byte for 0xE5, which there would mean "deleted".
const ESCAPED_E5: u8 = 0x05;

/// A name as it stands in an entry: eight and three bytes, filled up with spaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ShortName([u8; LENGTH]);

impl ShortName {
    pub(crate) const DOT: Self = Self(*b".          ");
    pub(crate) const DOT_DOT: Self = Self(*b"..         ");

    pub(crate) fn from_bytes(bytes: [u8; LENGTH]) -> Self {
        Self(bytes)
    }

    pub(crate) fn bytes(self) -> [u8; LENGTH] {
        self.0
    }

    /// The name with its dot, as it is listed where no long name says better.
    pub(crate) fn decode(self, case_flags: u8) -> String {
        let mut bytes = self.0;
        if bytes[0] == ESCAPED_E5 {
            bytes[0] = 0xE5;
        }
        let part = |bytes: &[u8], lower: bool| -> String {
            let length = bytes
                .iter()
                .rposition(|&byte| byte != b' ')
                .map_or(0, |last| last + 1);
            let text: String = bytes[..length]
                .iter()
                .map(|&byte| codepage::decode(byte))
                .collect();
            if lower { text.to_lowercase() } else { text }
        };
        let base = part(&bytes[..BASE], case_flags & LOWER_BASE != 0);
        let extension = part(&bytes[BASE..], case_flags & LOWER_EXTENSION != 0);
        if extension.is_empty() {
            base
        } else {
            format!("{base}.{extension}")
        }
    }

    /// The checksum that ties long-name slots to this name (FAT specification, section 7.2).
    pub(crate) fn checksum(self) -> u8 {
        self.0
            .iter()
            .fold(0_u8, |sum, &byte| sum.rotate_right(1).wrapping_add(byte))
    }

    /// The short name that says all that `name` says: upper case, eight and three characters.
    pub(crate) fn plain(name: &Name) -> Option<Self> {
        let name = name.as_str();
        let (base, extension) = match name.rsplit_once('.') {
            Some((_, "")) => return None,
            Some((base, extension)) => (base, extension),
            None => (name, ""),
        };
        let fits = (1..=BASE).contains(&base.len()) && extension.len() <= LENGTH - BASE;
        let legal = base.bytes().chain(extension.bytes()).all(is_plain);
        (fits && legal).then(|| Self::assemble(base.as_bytes(), extension.as_bytes()))
    }

    /// A short name to stand beside the long `name`: one that `is_taken` does not know.
    pub(crate) fn beside(name: &Name, is_taken: impl Fn(Self) -> bool) -> Self {
        let upper = name.as_str().to_ascii_uppercase();
        if let Some(same) = upper.parse().ok().and_then(|upper| Self::plain(&upper))
            && !is_taken(same)
        {
            return same;
        }
        let trimmed = upper.trim_start_matches(['.', ' ']);
        let (base, extension) = trimmed.rsplit_once('.').unwrap_or((trimmed, ""));
        let base = squeeze(base, BASE);
        let extension = squeeze(extension, LENGTH - BASE);
        let base = if base.is_empty() { vec![b'_'] } else { base };
        (1_u32..=999_999)
            .map(|number| {
                let tail = format!("~{number}");
                let mut with_tail = base.clone();
                with_tail.truncate(BASE - tail.len());
                with_tail.extend_from_slice(tail.as_bytes());
                Self::assemble(&with_tail, &extension)
            })
            .find(|&candidate| !is_taken(candidate))
            .expect("a directory holds at most 65536 entries")
    }

    fn assemble(base: &[u8], extension: &[u8]) -> Self {
        let mut bytes = [b' '; LENGTH];
        bytes[..base.len()].copy_from_slice(base);
        bytes[BASE..BASE + extension.len()].copy_from_slice(extension);
        Self(bytes)
    }
}

/// What may stand in a short name as it is.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"$%'-_@~`!(){}^#&".contains(&byte)
}

/// The first `length` characters, without dots and spaces, what cannot be stored as `_`.
fn squeeze(part: &str, length: usize) -> Vec<u8> {
    part.chars()
        .filter(|letter| !matches!(letter, '.' | ' '))
        .map(|letter| {
            u8::try_from(letter)
                .ok()
                .filter(|&byte| is_plain(byte))
                .unwrap_or(b'_')
        })
        .take(length)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn made(text: &str, taken: &[&[u8; LENGTH]]) -> [u8; LENGTH] {
        ShortName::beside(&name(text), |short| taken.contains(&&short.bytes())).bytes()
    }

    #[test]
    fn plain_names_are_upper_case_and_short() {
        assert_eq!(
            ShortName::plain(&name("CODE.PY")).unwrap().bytes(),
            *b"CODE    PY "
        );
        assert_eq!(
            ShortName::plain(&name("A")).unwrap().bytes(),
            *b"A          "
        );
        for other in [
            "code.py",
            "LONGERNAME",
            "A.TEXT",
            "A.B.C",
            ".PY",
            "A B",
            "Ä",
            "A+B",
        ] {
            assert_eq!(ShortName::plain(&name(other)), None, "{other}");
        }
    }

    #[test]
    fn tails_are_given_only_where_something_is_lost() {
        assert_eq!(made("code.py", &[]), *b"CODE    PY ");
        assert_eq!(made("code.py", &[b"CODE    PY "]), *b"CODE~1  PY ");
        assert_eq!(made("settings.toml", &[]), *b"SETTIN~1TOM");
        assert_eq!(made("settings.toml", &[b"SETTIN~1TOM"]), *b"SETTIN~2TOM");
        assert_eq!(made(".fseventsd", &[]), *b"FSEVEN~1   ");
        assert_eq!(made("a b.c.d", &[]), *b"ABC~1   D  ");
        assert_eq!(made("größe.txt", &[]), *b"GR__E~1 TXT");
        assert_eq!(made("名前", &[]), *b"__~1       ");
        assert_eq!(made(" .x", &[]), *b"X~1        ");
    }

    #[test]
    fn short_names_read_with_their_case_flags_and_code_page() {
        let short = ShortName::from_bytes(*b"CODE    PY ");
        assert_eq!(short.decode(0), "CODE.PY");
        assert_eq!(short.decode(LOWER_BASE), "code.PY");
        assert_eq!(short.decode(LOWER_BASE | LOWER_EXTENSION), "code.py");
        assert_eq!(
            ShortName::from_bytes(*b"\x05\x84      \x99  ").decode(0),
            "σä.Ö"
        );
    }

    proptest! {
        #[test]
        fn a_short_name_is_made_for_every_name(text in "\\PC{1,40}") {
            if let Ok(name) = text.parse::<Name>() {
                let first = ShortName::beside(&name, |_| false);
                let second = ShortName::beside(&name, |short| short == first);
                prop_assert_ne!(first, second);
                for short in [first, second] {
                    prop_assert!(short.bytes().iter().all(|&byte| byte == b' ' || is_plain(byte)));
                    prop_assert!(short.bytes()[0] != b' ');
                    prop_assert!(short.decode(0).parse::<Name>().is_ok());
                }
            }
        }
    }
}
