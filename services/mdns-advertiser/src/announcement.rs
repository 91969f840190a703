//! What is said of boards on the network.

use std::collections::BTreeMap;

use cpy_board::{Hostname, Serial};

/// Every board that is announced now.
pub(crate) type Announcements = BTreeMap<Serial, Announcement>;

/// What is said of one board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Announcement {
    pub(crate) hostname: Hostname,
    /// The name in the place of which it was lent this one, because others hold it.
    pub(crate) lost: Option<Hostname>,
    /// What it is called, once that is known: before, only its host name is announced.
    pub(crate) instance: Option<InstanceName>,
    /// The port of its web server, if it can be reached at any: without one there is no service to announce.
    pub(crate) port: Option<u16>,
}

/// The name of a service instance: any text of 1 to 63 bytes (RFC 6763, section 4.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InstanceName {
    text: String,
    /// Another board here is called the same: this one has its host name beside.
    qualified: bool,
}

/// The bytes that a DNS label has room for (RFC 1035, section 2.3.4).
const LONGEST: usize = 63;

impl InstanceName {
    /// From what an owner wrote or a maker chose, as much of it as can be announced. None if that is nothing.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let visible: String = text.chars().filter(|c| !c.is_control()).collect();
        let fitting = cut(visible.trim(), LONGEST).trim_end();
        (!fitting.is_empty()).then(|| Self {
            text: fitting.to_owned(),
            qualified: false,
        })
    }

    /// The same with the board's host name beside.
    pub(crate) fn qualified(self) -> Self {
        Self {
            qualified: true,
            ..self
        }
    }

    /// Whether it is this name, qualified or not.
    pub(crate) fn is_made_of(&self, name: &Self) -> bool {
        self.text == name.text
    }

    /// What to announce when others on the network have announced the same this often already.
    pub(crate) fn alternative(&self, hostname: &Hostname, round: u32) -> String {
        let suffix = match round + u32::from(self.qualified) {
            0 => return self.text.clone(),
            1 => format!(" ({hostname})"),
            round => format!(" ({hostname}) #{round}"),
        };
        let room = LONGEST - suffix.len();
        format!("{}{suffix}", cut(&self.text, room).trim_end())
    }
}

/// The beginning of a text, in whole characters.
fn cut(text: &str, bytes: usize) -> &str {
    let ends = text.char_indices().map(|(at, c)| at + c.len_utf8());
    &text[..ends.take_while(|end| *end <= bytes).last().unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hostname() -> Hostname {
        "cpy-7e6f35".parse().unwrap()
    }

    #[test]
    fn a_name_that_somebody_has_gets_the_boards_host_name_beside() {
        let name = InstanceName::new("Raspberry Pi Pico\n").unwrap();
        let names: Vec<String> = (0..3).map(|n| name.alternative(&hostname(), n)).collect();
        assert_eq!(
            names,
            [
                "Raspberry Pi Pico",
                "Raspberry Pi Pico (cpy-7e6f35)",
                "Raspberry Pi Pico (cpy-7e6f35) #2"
            ]
        );
        assert_eq!(name.qualified().alternative(&hostname(), 1), names[2]);
    }

    #[test]
    fn nothing_is_no_name() {
        for nothing in ["", "  ", "\n\u{7}"] {
            assert_eq!(InstanceName::new(nothing), None);
        }
    }

    proptest! {
        #[test]
        fn whatever_an_owner_writes_fits_a_label(text in ".{0,80}", round in 0..1000_u32) {
            if let Some(name) = InstanceName::new(&text) {
                let announced = name.alternative(&hostname(), round);
                prop_assert!((1..=LONGEST).contains(&announced.len()));
                prop_assert!(!announced.contains(char::is_control));
            }
        }
    }
}
