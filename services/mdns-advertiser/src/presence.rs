//! How long a board counts as being here: while it is plugged in, and a moment longer.

use std::time::Duration;

use tokio::time::Instant;

/// How long an unplugged board keeps its name on the network. A reset or a new enumeration takes a few seconds,
/// and clients should not forget the name for it.
pub(crate) const GRACE: Duration = Duration::from_secs(10);
/// How long a board's drive may take to say what the board is called: a USB drive comes about 2 s after the
/// console.
const DRIVE_PATIENCE: Duration = Duration::from_secs(5);

/// One board, plugged in or just unplugged.
#[derive(Clone, Debug)]
pub(crate) struct Presence {
    came: Instant,
    left: Option<Instant>,
}

impl Presence {
    /// Of a board that was just plugged in.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            came: now,
            left: None,
        }
    }

    /// It is plugged in.
    pub(crate) fn is_here(&mut self) {
        self.left = None;
    }

    /// It is not plugged in.
    pub(crate) fn is_gone(&mut self, now: Instant) {
        self.left.get_or_insert(now);
    }

    /// Whether it has been gone for so long that its name is withdrawn.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        self.left.is_some_and(|left| left + GRACE <= now)
    }

    /// Whether nothing more is to be expected that tells what it is called.
    pub(crate) fn says_no_more(&self, now: Instant) -> bool {
        self.came + DRIVE_PATIENCE <= now
    }

    /// When it changes by itself.
    pub(crate) fn deadline(&self, now: Instant) -> Option<Instant> {
        let silence = Some(self.came + DRIVE_PATIENCE).filter(|end| *end > now);
        let over = self.left.map(|left| left + GRACE);
        silence.into_iter().chain(over).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_board_that_comes_back_in_time_was_never_gone() {
        let start = Instant::now();
        let mut board = Presence::new(start);
        board.is_gone(start + SECOND);
        board.is_gone(start + 5 * SECOND);
        assert_eq!(
            board.deadline(start + 6 * SECOND),
            Some(start + 11 * SECOND)
        );
        assert!(!board.is_over(start + 10 * SECOND));
        assert!(board.is_over(start + 11 * SECOND));
        board.is_here();
        assert!(!board.is_over(start + 60 * SECOND));
        assert_eq!(board.deadline(start + 60 * SECOND), None);
    }

    #[test]
    fn a_new_board_has_a_moment_to_say_what_it_is_called() {
        let start = Instant::now();
        let board = Presence::new(start);
        assert!(!board.says_no_more(start + SECOND));
        assert_eq!(board.deadline(start), Some(start + DRIVE_PATIENCE));
        assert!(board.says_no_more(start + DRIVE_PATIENCE));
        assert_eq!(board.deadline(start + DRIVE_PATIENCE), None);
    }
}
