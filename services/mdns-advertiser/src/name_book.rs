//! Which name each board has, for good: a file in the state directory.

use std::collections::BTreeSet;

use cpy_board::{Hostname, Serial};
use serde::{Deserialize, Serialize};

/// How many boards are remembered. Beyond, the one that was named first and is not here is forgotten.
const MOST: usize = 1024;

/// The names of all boards that were ever here, never one for two.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written")]
pub(crate) struct NameBook {
    /// In the order in which they were named.
    #[serde(rename = "board")]
    entries: Vec<Entry>,
}

/// The book as somebody may have changed it.
#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    board: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    serial: Serial,
    hostname: Hostname,
}

impl From<Written> for NameBook {
    fn from(written: Written) -> Self {
        let mut book = Self::default();
        for entry in written.board {
            if book.name_of(&entry.serial).is_none() && !book.is_taken(&entry.hostname) {
                book.entries.push(entry);
            }
        }
        book
    }
}

impl NameBook {
    /// The board's name. A new one takes its plain name, or the first of the others that is free.
    pub(crate) fn name_for(&mut self, serial: &Serial, here: &BTreeSet<Serial>) -> Hostname {
        if let Some(name) = self.name_of(serial) {
            return name.clone();
        }
        let free = Hostname::candidates(serial).find(|name| !self.is_taken(name));
        let hostname = free.expect("there are more candidates than boards");
        if self.entries.len() >= MOST
            && let Some(oldest) = self.entries.iter().position(|e| !here.contains(&e.serial))
        {
            self.entries.remove(oldest);
        }
        self.entries.push(Entry {
            serial: serial.clone(),
            hostname: hostname.clone(),
        });
        hostname
    }

    /// The board's next name, because somebody on the network holds the one that it has.
    pub(crate) fn next_name_for(&mut self, serial: &Serial) -> Option<Hostname> {
        let current = self.name_of(serial)?.clone();
        let mut later = Hostname::candidates(serial)
            .skip_while(|name| *name != current)
            .skip(1);
        let next = later.find(|name| !self.is_taken(name))?;
        let entry = self.entries.iter_mut().find(|e| e.serial == *serial)?;
        entry.hostname = next.clone();
        Some(next)
    }

    fn name_of(&self, serial: &Serial) -> Option<&Hostname> {
        let entry = self.entries.iter().find(|e| e.serial == *serial)?;
        Some(&entry.hostname)
    }

    fn is_taken(&self, name: &Hostname) -> bool {
        self.entries.iter().any(|entry| entry.hostname == *name)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The n-th board of a lot that shares its last three bytes.
    fn serial(n: usize) -> Serial {
        format!("{n:010X}0A0B0C").parse().unwrap()
    }

    fn nobody() -> BTreeSet<Serial> {
        BTreeSet::new()
    }

    #[test]
    fn a_board_keeps_its_name_over_restarts_in_any_order() {
        let mut book = NameBook::default();
        let names: Vec<Hostname> = (0..3)
            .map(|n| book.name_for(&serial(n), &nobody()))
            .collect();
        assert_eq!(names[0].as_str(), "cpy-0a0b0c");
        let mut again: NameBook = toml::from_str(&toml::to_string(&book).unwrap()).unwrap();
        for n in [2, 0, 1] {
            assert_eq!(again.name_for(&serial(n), &nobody()), names[n]);
        }
    }

    #[test]
    fn a_name_that_the_network_refuses_is_followed_by_others_and_remembered() {
        let mut book = NameBook::default();
        let plain = book.name_for(&serial(1), &nobody());
        let second = book.next_name_for(&serial(1)).unwrap();
        assert_eq!(second, Hostname::hashed(&serial(1), 0));
        assert_eq!(book.name_for(&serial(1), &nobody()), second);
        let third = book.next_name_for(&serial(1)).unwrap();
        assert!(third != second && third != plain);
        assert_eq!(book.next_name_for(&serial(2)), None);
    }

    #[test]
    fn a_name_that_is_written_twice_is_the_firsts() {
        let entry =
            |serial: &str| format!("[[board]]\nserial = \"{serial}\"\nhostname = \"cpy-000001\"\n");
        let text = entry("A1") + &entry("A2") + &entry("A1");
        let book: NameBook = toml::from_str(&text).unwrap();
        assert_eq!(book.entries.len(), 1);
        assert_eq!(book.entries[0].serial.as_str(), "A1");
        assert_eq!(toml::from_str(""), Ok(NameBook::default()));
    }

    #[test]
    fn the_book_does_not_grow_for_ever_and_forgets_nobody_who_is_here() {
        let mut book = NameBook::default();
        let here = BTreeSet::from([serial(0)]);
        let first = book.name_for(&serial(0), &here);
        for n in 1..=MOST {
            book.name_for(&format!("A{n:06X}").parse().unwrap(), &here);
        }
        assert_eq!(book.entries.len(), MOST);
        assert_eq!(book.name_for(&serial(0), &here), first);
    }

    proptest! {
        #[test]
        fn two_boards_never_have_one_name(steps in prop::collection::vec((0..6_usize, any::<bool>()), 0..60)) {
            let mut book = NameBook::default();
            for (board, refused) in steps {
                book.name_for(&serial(board), &nobody());
                if refused {
                    book.next_name_for(&serial(board));
                }
                let names: BTreeSet<&Hostname> = book.entries.iter().map(|e| &e.hostname).collect();
                prop_assert_eq!(names.len(), book.entries.len());
            }
        }
    }
}
