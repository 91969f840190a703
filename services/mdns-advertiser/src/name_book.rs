//! Which name each board has, for good: what is kept in the state directory.
//!
//! A name that somebody else on the network holds is not given up at once: that may be the same board's, at another
//! gateway that it was just unplugged from. Meanwhile the board is lent its next name.

use std::collections::{BTreeMap, BTreeSet};

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
    /// Names in the place of those that others hold, until it is known for how long.
    #[serde(skip)]
    lent: BTreeMap<Serial, Hostname>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    serial: Serial,
    hostname: Hostname,
}

/// The book as somebody may have changed it.
#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    board: Vec<toml::Value>,
}

impl From<Written> for NameBook {
    /// Takes what can be understood: one entry that is wrong must not rename the other boards.
    fn from(written: Written) -> Self {
        let mut book = Self::default();
        for value in written.board {
            match value.try_into::<Entry>() {
                Ok(entry)
                    if book.own_name(&entry.serial).is_none()
                        && !book.is_taken(&entry.hostname) =>
                {
                    book.entries.push(entry);
                }
                Ok(entry) => tracing::warn!(board = %entry.serial, hostname = %entry.hostname,
                    "a remembered name is there twice: the first counts"),
                Err(_) => {
                    tracing::warn!("a remembered name cannot be understood: it is passed over");
                }
            }
        }
        book
    }
}

impl NameBook {
    /// The board's name. A new one takes its plain name, or the first of the others that is free.
    pub(crate) fn name_for(&mut self, serial: &Serial, here: &BTreeSet<Serial>) -> Hostname {
        if let Some(name) = self.lent.get(serial).or_else(|| self.own_name(serial)) {
            return name.clone();
        }
        let hostname = self.free_name(serial, 0);
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

    /// Lends the board its next name, because somebody on the network holds the one that it has.
    pub(crate) fn lend(&mut self, serial: &Serial) {
        let Some(current) = self.lent.get(serial).or_else(|| self.own_name(serial)) else {
            return;
        };
        // Somebody may have written a name into the book that is none of these.
        let known = Hostname::candidates(serial)
            .take(MOST)
            .position(|name| name == *current);
        let next = self.free_name(serial, known.map_or(0, |at| at + 1));
        self.lent.insert(serial.clone(), next);
    }

    /// The name that the board would have, if it was lent another one.
    pub(crate) fn lost_name(&self, serial: &Serial) -> Option<&Hostname> {
        self.lent.get(serial)?;
        self.own_name(serial)
    }

    /// The name that was lent is the board's for good.
    pub(crate) fn keep(&mut self, serial: &Serial) {
        if let Some(hostname) = self.lent.remove(serial)
            && let Some(entry) = self.entries.iter_mut().find(|e| e.serial == *serial)
        {
            entry.hostname = hostname;
        }
    }

    /// The board has its own name again.
    pub(crate) fn take_back(&mut self, serial: &Serial) {
        self.lent.remove(serial);
    }

    /// Where the board stands in the order in which boards were named.
    pub(crate) fn rank(&self, serial: &Serial) -> usize {
        let known = self.entries.iter().position(|e| e.serial == *serial);
        known.unwrap_or(usize::MAX)
    }

    fn own_name(&self, serial: &Serial) -> Option<&Hostname> {
        let entry = self.entries.iter().find(|e| e.serial == *serial)?;
        Some(&entry.hostname)
    }

    /// The first of the board's names that nobody has, without as many as are `passed_over`.
    fn free_name(&self, serial: &Serial, passed_over: usize) -> Hostname {
        let mut names = Hostname::candidates(serial).skip(passed_over);
        let free = names.find(|name| !self.is_taken(name));
        free.expect("there are more candidates than boards")
    }

    fn is_taken(&self, name: &Hostname) -> bool {
        self.entries.iter().any(|entry| entry.hostname == *name)
            || self.lent.values().any(|lent| lent == name)
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
    fn a_name_that_others_hold_is_followed_by_the_next_and_comes_back_or_is_given_up() {
        let mut book = NameBook::default();
        let plain = book.name_for(&serial(1), &nobody());
        book.lend(&serial(1));
        let second = book.name_for(&serial(1), &nobody());
        assert_eq!(second, Hostname::hashed(&serial(1), 0));
        assert_eq!(book.lost_name(&serial(1)), Some(&plain));
        let written = toml::to_string(&book).unwrap();
        assert!(written.contains(plain.as_str()) && !written.contains(second.as_str()));
        book.take_back(&serial(1));
        assert_eq!(book.name_for(&serial(1), &nobody()), plain);
        book.lend(&serial(1));
        book.lend(&serial(1));
        let third = book.name_for(&serial(1), &nobody());
        assert!(third != second && third != plain);
        book.keep(&serial(1));
        assert_eq!(book.lost_name(&serial(1)), None);
        assert_eq!(book.name_for(&serial(1), &nobody()), third);
        book.lend(&serial(2));
        assert_eq!(book.lost_name(&serial(2)), None);
    }

    #[test]
    fn a_name_that_somebody_wrote_into_the_book_can_be_lost_too() {
        let text = format!(
            "[[board]]\nserial = \"{}\"\nhostname = \"cpy-0000aa\"\n",
            serial(1)
        );
        let mut book: NameBook = toml::from_str(&text).unwrap();
        assert_eq!(book.name_for(&serial(1), &nobody()).as_str(), "cpy-0000aa");
        book.lend(&serial(1));
        let next = book.name_for(&serial(1), &nobody());
        assert_eq!(next, Hostname::plain(&serial(1)));
    }

    #[test]
    fn an_entry_that_is_wrong_renames_nobody_else() {
        let text = "[[board]]\nserial = \"..\"\nhostname = \"cpy-000001\"\n\
                    [[board]]\nserial = \"A2\"\nhostname = \"kitchen\"\n\
                    [[board]]\nserial = \"A3\"\nhostname = \"cpy-000003\"\n";
        let book: NameBook = toml::from_str(text).unwrap();
        assert_eq!(book.entries.len(), 1);
        assert_eq!(book.entries[0].serial.as_str(), "A3");
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
        fn two_boards_never_have_one_name(steps in prop::collection::vec((0..6_usize, 0..4_u8), 0..60)) {
            let mut book = NameBook::default();
            for (board, step) in steps {
                book.name_for(&serial(board), &nobody());
                match step {
                    0 => book.lend(&serial(board)),
                    1 => book.keep(&serial(board)),
                    2 => book.take_back(&serial(board)),
                    _ => {}
                }
                let own = book.entries.iter().map(|e| &e.hostname);
                let names: BTreeSet<&Hostname> = own.chain(book.lent.values()).collect();
                prop_assert_eq!(names.len(), book.entries.len() + book.lent.len());
            }
        }
    }
}
