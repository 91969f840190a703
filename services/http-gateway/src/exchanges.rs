//! Requests under way to each board's files: so many of a board at a time, because each holds a connection for as
//! long as its client, its drive, or both take. One board's clients must not hold all connections that there are.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cpy_board::Serial;

use crate::refusal::Refusal;

/// All boards' requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exchanges(Arc<Mutex<BTreeMap<Serial, usize>>>);

/// One of them, until it is dropped.
#[derive(Debug)]
pub(crate) struct Exchange {
    board: Serial,
    all: Exchanges,
}

impl Exchanges {
    /// One more request for a board's files.
    ///
    /// Errors: the board has as many as it may have.
    pub(crate) fn begin(&self, board: &Serial, most: usize) -> Result<Exchange, Refusal> {
        let mut all = self.lock();
        let number = all.entry(board.clone()).or_default();
        if *number >= most {
            return Err(Refusal::Busy(most));
        }
        *number += 1;
        Ok(Exchange {
            board: board.clone(),
            all: self.clone(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Serial, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let mut all = self.all.lock();
        if let Some(number) = all.get_mut(&self.board) {
            *number -= 1;
            if *number == 0 {
                all.remove(&self.board);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_board_has_its_own_share() {
        let exchanges = Exchanges::default();
        let [a, b]: [Serial; 2] = ["A", "B"].map(|serial| serial.parse().unwrap());
        let held: Vec<Exchange> = (0..2).map(|_| exchanges.begin(&a, 2).unwrap()).collect();
        assert_eq!(exchanges.begin(&a, 2).unwrap_err(), Refusal::Busy(2));
        let other = exchanges.begin(&b, 2).unwrap();
        drop(held);
        assert!(exchanges.begin(&a, 1).is_ok());
        drop(other);
        assert!(exchanges.lock().is_empty());
    }
}
