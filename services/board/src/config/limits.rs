//! The `[limits]` table: how much clients may take of the gateway, all together, each address, and each board's.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ValueError;

/// What holds clients within bounds. What is refused is refused with a status and a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Connections at a time, over all addresses. One that is idle makes room for one that comes.
    pub connections: usize,
    /// Connections at a time of one address. A whole class may sit behind one.
    pub connections_per_address: usize,
    /// Requests at a time for the files of one board.
    pub requests_per_board: usize,
    /// WebSocket clients at a time of one board's console.
    pub consoles_per_board: usize,
    /// How long the head of a request may take.
    pub header_seconds: u64,
    /// How long a connection may be idle between two requests.
    pub idle_seconds: u64,
    /// How large an upload may be whatever room the drive has, and the uploads on their way to one board together.
    pub upload_bytes: u64,
    /// Wrong passwords of one address that are answered at once, within a minute and for each board.
    pub free_guesses: u32,
    /// The longest that the answer to a wrong password waits for itself alone.
    pub guess_delay_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            connections_per_address: 256,
            requests_per_board: 64,
            consoles_per_board: 64,
            header_seconds: 10,
            idle_seconds: 30,
            upload_bytes: 256 * 1024 * 1024,
            free_guesses: 0,
            guess_delay_seconds: 2,
        }
    }
}

/// The descriptors that the units allow are enough for the most connections.
const CONNECTIONS: RangeInclusive<u64> = 16..=2000;
const PER_ADDRESS: RangeInclusive<u64> = 8..=2000;
const PER_BOARD: RangeInclusive<u64> = 1..=1000;
const HEADER: RangeInclusive<u64> = 1..=300;
const IDLE: RangeInclusive<u64> = 1..=3600;
/// FAT has no larger files.
const UPLOAD: RangeInclusive<u64> = 4096..=u32::MAX as u64;
const GUESSES: RangeInclusive<u64> = 0..=100;
const DELAY: RangeInclusive<u64> = 1..=60;

impl Limits {
    /// How long the head of a request may take.
    pub fn header_time(&self) -> Duration {
        Duration::from_secs(self.header_seconds)
    }

    /// How long a connection may be idle between two requests.
    pub fn idle_time(&self) -> Duration {
        Duration::from_secs(self.idle_seconds)
    }

    /// The longest that the answer to a wrong password waits for itself alone.
    pub fn guess_delay(&self) -> Duration {
        Duration::from_secs(self.guess_delay_seconds)
    }

    pub(super) fn validate(&self) -> Result<(), ValueError> {
        // No number of this machine's is beyond u64.
        let counted = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        for (key, value, range) in [
            ("connections", counted(self.connections), CONNECTIONS),
            (
                "connections_per_address",
                counted(self.connections_per_address),
                PER_ADDRESS,
            ),
            (
                "requests_per_board",
                counted(self.requests_per_board),
                PER_BOARD,
            ),
            (
                "consoles_per_board",
                counted(self.consoles_per_board),
                PER_BOARD,
            ),
            ("header_seconds", self.header_seconds, HEADER),
            ("idle_seconds", self.idle_seconds, IDLE),
            ("upload_bytes", self.upload_bytes, UPLOAD),
            ("free_guesses", self.free_guesses.into(), GUESSES),
            ("guess_delay_seconds", self.guess_delay_seconds, DELAY),
        ] {
            if !range.contains(&value) {
                return Err(ValueError::Limit { key, range });
            }
        }
        if self.requests_per_board + self.consoles_per_board >= self.connections {
            return Err(ValueError::OneBoardsShare);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::load;
    use super::*;

    #[test]
    fn limits_are_within_what_the_daemons_can_do() {
        for right in [
            "connections = 2000",
            "connections = 16\nrequests_per_board = 8\nconsoles_per_board = 7",
            "connections_per_address = 8",
            "header_seconds = 1\nidle_seconds = 3600",
            "upload_bytes = 4294967295",
            "free_guesses = 0\nguess_delay_seconds = 60",
        ] {
            assert!(load(&format!("[limits]\n{right}")).is_ok(), "{right}");
        }
        for (wrong, range) in [
            ("connections = 2001", "from 16 to 2000"),
            ("connections_per_address = 7", "from 8 to 2000"),
            ("requests_per_board = 0", "from 1 to 1000"),
            ("consoles_per_board = 1001", "from 1 to 1000"),
            ("header_seconds = 0", "from 1 to 300"),
            ("idle_seconds = 3601", "from 1 to 3600"),
            ("upload_bytes = 0", "from 4096 to 4294967295"),
            ("free_guesses = 101", "from 0 to 100"),
            ("guess_delay_seconds = 0", "from 1 to 60"),
        ] {
            let key = wrong.split(' ').next().unwrap();
            let error = load(&format!("[limits]\n{wrong}")).unwrap_err();
            assert_eq!(error, format!("limits.{key} must be {range}"), "{wrong}");
        }
        assert!(load("[limits]\nconnections = -1").is_err());
    }

    #[test]
    fn one_boards_clients_cannot_have_all_connections() {
        let error = load("[limits]\nconnections = 128").unwrap_err();
        assert!(error.contains("requests_per_board"), "{error}");
        assert!(error.contains("one board"), "{error}");
        let defaults = Limits::default();
        assert!(
            4 * (defaults.requests_per_board + defaults.consoles_per_board) <= defaults.connections
        );
    }
}
