//! Host names of boards on the network: `cpy-XXXXXX`, and the plain rule that gives each attached board one.
//!
//! The rule is a pure function of the serials and of the names that are held already. An authority that looks at
//! what the network holds may hand out others of the same form.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Serial;

const PREFIX: &str = "cpy-";
const DIGITS: usize = 6;

/// `cpy-` and six lower-case hex digits, without `.local`: the form that Wi-Fi boards make of their MAC address
/// (CircuitPython, workflows.md, "Web").
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hostname(String);

/// The text is not `cpy-` followed by six hex digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a board's host name is \"cpy-\" and six hex digits, not {0:?}")]
pub struct HostnameError(String);

impl Hostname {
    /// The name that a board has when nobody else holds it: the last three bytes of its serial number, which is the
    /// chip's unique id in hex. A serial that is not such a number gives [`Hostname::hashed`].
    pub fn plain(serial: &Serial) -> Self {
        let text = serial.as_str();
        if text.len() >= DIGITS && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            Self(format!(
                "{PREFIX}{}",
                text[text.len() - DIGITS..].to_ascii_lowercase()
            ))
        } else {
            Self::hashed(serial, 0)
        }
    }

    /// The names for a board whose plain one is taken: 24 bits of a SHA-256 of its whole serial, and for each
    /// further `round` of the serial and the round's number.
    pub fn hashed(serial: &Serial, round: u32) -> Self {
        let mut hash = Sha256::new();
        hash.update(serial.as_str());
        if round > 0 {
            hash.update(round.to_be_bytes());
        }
        let digest = hash.finalize();
        Self(format!(
            "{PREFIX}{:02x}{:02x}{:02x}",
            digest[0], digest[1], digest[2]
        ))
    }

    /// Every name that a board may have, the one that it should have first; there is no end to them.
    pub fn candidates(serial: &Serial) -> impl Iterator<Item = Self> {
        std::iter::once(Self::plain(serial))
            .chain((0..u32::MAX).map(|round| Self::hashed(serial, round)))
    }

    /// Gives every serial a name of its own, the same for the same set of serials: in the order of the serials,
    /// each takes its plain name if that is free, otherwise the first free hashed one.
    pub fn assign<'a>(serials: impl IntoIterator<Item = &'a Serial>) -> BTreeMap<Serial, Self> {
        Self::assign_beside(serials, &BTreeMap::new())
    }

    /// Gives every serial a name of its own, beside the names that are `held`: who holds one keeps it, and
    /// newcomers take theirs as in [`Hostname::assign`] from what is left. So nobody's name ever goes to
    /// somebody else while it is in use. No name may be held twice.
    pub fn assign_beside<'a>(
        serials: impl IntoIterator<Item = &'a Serial>,
        held: &BTreeMap<Serial, Self>,
    ) -> BTreeMap<Serial, Self> {
        let serials: BTreeSet<&Serial> = serials.into_iter().collect();
        let mut taken: BTreeSet<Self> = held.values().cloned().collect();
        let mut name = |serial: &Serial| {
            if let Some(name) = held.get(serial) {
                return name.clone();
            }
            let free = Self::candidates(serial).find(|name| taken.insert(name.clone()));
            free.expect("there are more candidates than boards")
        };
        serials
            .into_iter()
            .map(|serial| (serial.clone(), name(serial)))
            .collect()
    }

    /// The name without a domain: `cpy-1b2c3d`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Hostname {
    type Err = HostnameError;

    /// Host names are compared without case (RFC 4343), so any case is taken and lower case is kept.
    fn from_str(text: &str) -> Result<Self, HostnameError> {
        let lower = text.to_ascii_lowercase();
        match lower.strip_prefix(PREFIX) {
            Some(digits)
                if digits.len() == DIGITS && digits.bytes().all(|b| b.is_ascii_hexdigit()) =>
            {
                Ok(Self(lower))
            }
            _ => Err(HostnameError(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Hostname {
    type Error = HostnameError;

    fn try_from(text: String) -> Result<Self, HostnameError> {
        text.parse()
    }
}

impl From<Hostname> for String {
    fn from(name: Hostname) -> Self {
        name.0
    }
}

impl fmt::Display for Hostname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn serial(text: &str) -> Serial {
        text.parse().unwrap()
    }

    #[test]
    fn the_last_three_bytes_of_the_serial_are_the_name() {
        assert_eq!(
            Hostname::plain(&serial("E6614C311B7E6F35")).as_str(),
            "cpy-7e6f35"
        );
        assert_eq!(Hostname::plain(&serial("abcdef")).as_str(), "cpy-abcdef");
    }

    #[test]
    fn a_serial_that_is_no_hex_number_is_hashed() {
        for odd in ["usb-1-1_4", "beef", "E6614C311B7E6F3_"] {
            let name = Hostname::plain(&serial(odd));
            assert_eq!(name, Hostname::hashed(&serial(odd), 0));
            assert_eq!(name.as_str().parse(), Ok(name.clone()));
        }
    }

    #[test]
    fn boards_of_one_lot_get_different_names_in_any_order() {
        let reel: Vec<Serial> = (0..30)
            .map(|n| serial(&format!("{n:010X}0A0B0C")))
            .collect();
        let names = Hostname::assign(&reel);
        assert_eq!(names[&reel[0]].as_str(), "cpy-0a0b0c");
        let distinct: std::collections::BTreeSet<_> = names.values().collect();
        assert_eq!(distinct.len(), reel.len());
        assert_eq!(Hostname::assign(reel.iter().rev()), names);
    }

    #[test]
    fn who_holds_a_name_keeps_it_whoever_comes_or_goes() {
        let (first, second) = (serial("E6614C311B0A0B0C"), serial("00000000000A0B0C"));
        for (first, second) in [(&first, &second), (&second, &first)] {
            let mut held = Hostname::assign([first]);
            assert_eq!(held[first].as_str(), "cpy-0a0b0c");
            held.extend(Hostname::assign_beside([first, second], &held));
            assert_eq!(held[first].as_str(), "cpy-0a0b0c");
            assert_eq!(held[second], Hostname::hashed(second, 0));
            // Also when the first is only remembered.
            for attached in [vec![second], vec![first], vec![first, second]] {
                for (serial, name) in Hostname::assign_beside(attached, &held) {
                    assert_eq!(name, held[&serial]);
                }
            }
        }
    }

    #[test]
    fn only_names_of_the_form_parse() {
        assert_eq!(
            "CPY-7E6F35"
                .parse::<Hostname>()
                .map(String::from)
                .as_deref(),
            Ok("cpy-7e6f35")
        );
        for bad in [
            "",
            "cpy-",
            "cpy-7e6f3",
            "cpy-7e6f355",
            "cpy-7e6f3g",
            "7e6f35",
            "cpy-7e6f35.local",
        ] {
            assert!(bad.parse::<Hostname>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_board_has_a_name_of_its_own_whatever_the_serials_are(
            serials in prop::collection::btree_set("[0-9a-fA-F]{0,3}(0A0B0C|0a0b0c|[0-9A-Za-z_-]{1,8})", 0..8),
        ) {
            let serials: BTreeSet<Serial> = serials.iter().map(|text| serial(text)).collect();
            let names = Hostname::assign(&serials);
            let distinct: BTreeSet<&Hostname> = names.values().collect();
            prop_assert_eq!((names.len(), distinct.len()), (serials.len(), serials.len()));
            for name in distinct {
                let again = name.as_str().parse::<Hostname>();
                prop_assert_eq!(again.as_ref(), Ok(name));
            }
        }
    }
}
