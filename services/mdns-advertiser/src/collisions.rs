//! Boards whose names others hold, and when each may try another one.
//!
//! A stranger who takes every name could keep a board busy for ever; so after a few tries it waits between them
//! (RFC 6762, section 8.1).

use std::collections::BTreeMap;
use std::time::Duration;

use cpy_board::{Hostname, Serial};
use tokio::time::Instant;

/// What the network says of a board's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) board: Serial,
    pub(crate) hostname: Hostname,
    pub(crate) says: Says,
}

/// Who has a name, beside the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    /// Others, so the board cannot have it.
    Taken,
    /// Others, a while after the board lost it.
    StillTaken,
    /// Nobody, a while after the board lost it.
    Free,
}

/// Tries in a row that need no wait.
const QUICK_TRIES: usize = 5;
/// Tries further apart than this are not in a row.
const ROW: Duration = Duration::from_secs(60);
/// The wait between further tries.
const WAIT: Duration = Duration::from_secs(10);

/// The collisions of all boards.
#[derive(Debug, Default)]
pub(crate) struct Collisions {
    boards: BTreeMap<Serial, Tries>,
}

#[derive(Debug)]
struct Tries {
    /// When names were lost, the last ones only.
    lost: Vec<Instant>,
    /// When the next name may be tried, if the board has none now.
    next: Option<Instant>,
}

impl Collisions {
    /// A board lost its name.
    pub(crate) fn note(&mut self, board: &Serial, now: Instant) {
        let tries = self.boards.entry(board.clone()).or_insert(Tries {
            lost: Vec::new(),
            next: None,
        });
        if tries.next.is_some() {
            return;
        }
        tries.lost.retain(|lost| now.duration_since(*lost) < ROW);
        tries.next = Some(if tries.lost.len() < QUICK_TRIES {
            now
        } else {
            now + WAIT
        });
        tries.lost.push(now);
    }

    /// Boards that try their next name now. Each is given once.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<Serial> {
        let due = self.boards.iter_mut().filter_map(|(board, tries)| {
            tries.next.filter(|next| *next <= now)?;
            tries.next = None;
            Some(board.clone())
        });
        due.collect()
    }

    /// When the next board is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.boards.values().filter_map(|tries| tries.next).min()
    }

    /// A board is not to try its next name, because it has its own again.
    pub(crate) fn cancel(&mut self, board: &Serial) {
        if let Some(tries) = self.boards.get_mut(board) {
            tries.next = None;
        }
    }

    /// Forgets a board.
    pub(crate) fn forget(&mut self, board: &Serial) {
        self.boards.remove(board);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_who_takes_every_name_is_given_up_to_slowly() {
        let board: Serial = "A1".parse().unwrap();
        let mut collisions = Collisions::default();
        let start = Instant::now();
        for _ in 0..QUICK_TRIES {
            collisions.note(&board, start);
            assert_eq!(collisions.due(start), vec![board.clone()]);
            assert!(collisions.due(start).is_empty());
        }
        collisions.note(&board, start);
        collisions.note(&board, start);
        assert!(collisions.due(start).is_empty());
        assert_eq!(collisions.deadline(), Some(start + WAIT));
        collisions.cancel(&board);
        assert_eq!(collisions.deadline(), None);
        collisions.note(&board, start);
        assert_eq!(collisions.due(start + WAIT), vec![board.clone()]);
        let later = start + WAIT + ROW;
        collisions.note(&board, later);
        assert_eq!(collisions.due(later), [board]);
    }
}
