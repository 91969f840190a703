//! Which port each board has, remembered over restarts: a file in the state directory.

use std::collections::BTreeSet;
use std::path::Path;

use cpy_board::config::PortRange;
use cpy_board::{Hostname, Serial, StateFile};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};

use crate::naming::Names;

/// A board that was here, the port that it has, and what it is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) serial: Serial,
    pub(crate) hostname: Hostname,
    pub(crate) port: u16,
}

/// The ports of all boards, never one for two.
#[derive(Debug)]
pub(crate) struct PortBook {
    range: PortRange,
    /// The board that came last is last.
    entries: Vec<Entry>,
}

/// The book as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Written {
    #[serde(default, deserialize_with = "whole_entries")]
    board: Vec<Entry>,
}

/// An entry that somebody spoiled costs nobody else a port.
fn whole_entries<'de, D: Deserializer<'de>>(list: D) -> Result<Vec<Entry>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Found {
        Whole(Entry),
        Spoiled(IgnoredAny),
    }
    let found = Vec::<Found>::deserialize(list)?;
    let whole = found.into_iter().filter_map(|found| match found {
        Found::Whole(entry) => Some(entry),
        Found::Spoiled(_) => {
            tracing::warn!("an entry of the remembered ports cannot be understood: it is left out");
            None
        }
    });
    Ok(whole.collect())
}

impl PortBook {
    /// The book as it was written, as far as it does not contradict the configuration or itself.
    pub(crate) fn new(written: Written, range: PortRange) -> Self {
        let mut book = Self {
            range,
            entries: Vec::new(),
        };
        for entry in written.board {
            book.take(entry);
        }
        book
    }

    /// Everything remembered, the board that came last at the end.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The board's port. One that has none, or an `unusable` one, gets the first free one of the
    /// range, and when there is none that of the board that is gone for longest.
    pub(crate) fn port_for(
        &mut self,
        serial: &Serial,
        hostname: &Hostname,
        attached: &BTreeSet<Serial>,
        unusable: &BTreeSet<u16>,
    ) -> Option<u16> {
        if let Some(entry) = self.entry(serial)
            && !unusable.contains(&entry.port)
        {
            return Some(entry.port);
        }
        self.entries.retain(|entry| entry.serial != *serial);
        let port = self.free(unusable).or_else(|| {
            let oldest = self.entries.iter().position(|entry| {
                !attached.contains(&entry.serial) && !unusable.contains(&entry.port)
            })?;
            Some(self.entries.remove(oldest).port)
        })?;
        self.entries.push(Entry {
            serial: serial.clone(),
            hostname: hostname.clone(),
            port,
        });
        Some(port)
    }

    /// Notes that a board came: all others are gone for longer.
    pub(crate) fn came(&mut self, serial: &Serial) {
        if let Some(at) = self.entries.iter().position(|e| e.serial == *serial) {
            let entry = self.entries.remove(at);
            self.entries.push(entry);
        }
    }

    /// Notes what boards are called now.
    pub(crate) fn called(&mut self, names: &Names) {
        for entry in &mut self.entries {
            if let Some(hostname) = names.get(&entry.serial) {
                hostname.clone_into(&mut entry.hostname);
            }
        }
    }

    /// The book as it is to be written.
    pub(crate) fn written(&self) -> Written {
        Written {
            board: self.entries.clone(),
        }
    }

    fn entry(&self, serial: &Serial) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.serial == *serial)
    }

    fn free(&self, unusable: &BTreeSet<u16>) -> Option<u16> {
        let taken: BTreeSet<u16> = self.entries.iter().map(|entry| entry.port).collect();
        self.range
            .ports()
            .find(|port| !taken.contains(port) && !unusable.contains(port))
    }

    /// Takes over an entry of the file, unless it contradicts the configuration or another one.
    fn take(&mut self, entry: Entry) {
        let fits = self.range.ports().contains(&entry.port);
        let double = self.entries.iter().any(|known| {
            known.port == entry.port
                || known.serial == entry.serial
                || known.hostname == entry.hostname
        });
        if fits && !double {
            self.entries.push(entry);
        }
    }
}

/// `<state_dir>/http-gateway/ports.toml`, where the book is kept.
pub(crate) fn file(state_dir: &Path) -> StateFile<Written> {
    StateFile::new(state_dir.join("http-gateway/ports.toml"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn book(written: Written, range: &str) -> PortBook {
        PortBook::new(written, range.parse().unwrap())
    }

    fn new_book(range: &str) -> PortBook {
        book(Written::default(), range)
    }

    fn serial(n: usize) -> Serial {
        format!("A{n}").parse().unwrap()
    }

    fn attached(numbers: &[usize]) -> BTreeSet<Serial> {
        numbers.iter().map(|n| serial(*n)).collect()
    }

    fn port(book: &mut PortBook, n: usize, here: &[usize]) -> Option<u16> {
        let hostname = Hostname::plain(&serial(n));
        let port = book.port_for(&serial(n), &hostname, &attached(here), &BTreeSet::new());
        book.came(&serial(n));
        port
    }

    #[test]
    fn a_board_keeps_its_port_over_restarts_in_any_order() {
        let mut book = new_book("8001-8064");
        assert_eq!(port(&mut book, 1, &[1]), Some(8001));
        assert_eq!(port(&mut book, 2, &[1, 2]), Some(8002));
        let mut again = self::book(book.written(), "8001-8064");
        assert_eq!(again.entries(), book.entries());
        assert_eq!(port(&mut again, 2, &[2]), Some(8002));
        assert_eq!(port(&mut again, 3, &[2, 3]), Some(8003));
        assert_eq!(port(&mut again, 1, &[1, 2, 3]), Some(8001));
    }

    #[test]
    fn in_a_full_range_the_board_that_is_gone_for_longest_loses_its_port() {
        let mut book = new_book("8001-8003");
        for n in 1..=3 {
            port(&mut book, n, &[n]);
        }
        port(&mut book, 1, &[1]);
        assert_eq!(port(&mut book, 4, &[4, 2]), Some(8003));
        assert_eq!(port(&mut book, 5, &[5, 4, 2]), Some(8001));
        assert_eq!(port(&mut book, 6, &[6, 5, 4, 2]), None);
        assert_eq!(port(&mut book, 2, &[6, 5, 4, 2]), Some(8002));
    }

    #[test]
    fn a_port_that_somebody_else_holds_is_passed_over() {
        let mut book = new_book("8001-8002");
        let (one, name) = (serial(1), Hostname::plain(&serial(1)));
        let here = attached(&[1]);
        let held = BTreeSet::from([8001]);
        assert_eq!(
            book.port_for(&one, &name, &here, &BTreeSet::new()),
            Some(8001)
        );
        assert_eq!(book.port_for(&one, &name, &here, &held), Some(8002));
        assert_eq!(book.entries().len(), 1);
        let all = BTreeSet::from([8001, 8002]);
        assert_eq!(book.port_for(&one, &name, &here, &all), None);
    }

    #[test]
    fn a_file_that_contradicts_itself_or_the_range_is_taken_as_far_as_it_does_not() {
        let entry = |serial: &str, digit: u8, port: u16| {
            format!(
                "[[board]]\nserial = \"{serial}\"\nhostname = \"cpy-00000{digit}\"\nport = {port}\n"
            )
        };
        let text = [
            entry("A1", 1, 8001),
            entry("A2", 2, 8001),
            entry("A1", 3, 8002),
            entry("A3", 4, 80),
            entry("A4", 1, 8004),
        ];
        let written: Written = toml::from_str(&text.concat()).unwrap();
        let book = book(written, "8001-8064");
        assert_eq!(book.entries().len(), 1);
        assert_eq!(
            (book.entries()[0].serial.as_str(), book.entries()[0].port),
            ("A1", 8001)
        );
    }

    #[test]
    fn a_spoiled_entry_costs_nobody_else_a_port() {
        let dir = tempfile::tempdir().unwrap();
        let memory = file(dir.path());
        let whole =
            |n: u8| format!("{{ serial = \"A{n}\", hostname = \"cpy-00000{n}\", port = 800{n} }}");
        for spoiled in [
            "{}",
            "8002",
            "{ serial = \"../..\", hostname = \"cpy-000002\", port = 8002 }",
            "{ serial = \"A2\", hostname = \"cpy 2\", port = 8002 }",
            "{ serial = \"A2\", hostname = \"cpy-000002\", port = 80020 }",
            "{ serial = \"A2\", hostname = \"cpy-000002\", port = 2026-01-01 }",
        ] {
            let text = format!("board = [{}, {spoiled}, {}]", whole(1), whole(3));
            let path = dir.path().join("http-gateway/ports.toml");
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            let book = book(memory.load().unwrap(), "8001-8064");
            let ports: Vec<u16> = book.entries().iter().map(|entry| entry.port).collect();
            assert_eq!(ports, [8001, 8003], "{spoiled}");
            assert!(path.exists(), "{spoiled}");
        }
    }

    proptest! {
        #[test]
        fn two_boards_never_have_one_port(coming in prop::collection::vec((0..8_usize, 0..4_usize), 0..60)) {
            let mut book = new_book("8001-8005");
            let mut here: Vec<usize> = Vec::new();
            for (board, keep) in coming {
                here.retain(|other| other % 4 != keep && *other != board);
                here.push(board);
                let given = port(&mut book, board, &here);
                prop_assert!(given.is_some() || here.len() > 5);
                let ports: BTreeSet<u16> = book.entries().iter().map(|entry| entry.port).collect();
                prop_assert_eq!(ports.len(), book.entries().len());
                prop_assert!(ports.iter().all(|port| (8001..=8005).contains(port)));
            }
        }
    }
}
