//! Which consoles there are: those of the boards that are plugged in, and for a while those of boards
//! that left.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use cpy_board::status::{ConsoleState, ConsoleStatus, ConsoleStatuses};
use cpy_board::{Change, Configuration, Endpoint, Serial, Shutdown, Watcher};
use tokio::sync::watch;

use crate::console::{Console, Screen};
use crate::input::Keyboard;
use crate::keeper::Keeper;
use crate::lock;

/// Clients at one console: plenty for people, too few to fill the memory.
const MOST_CLIENTS: usize = 64;

/// Every console, by serial.
#[derive(Debug)]
pub(crate) struct Consoles {
    known: Mutex<BTreeMap<Serial, Known>>,
    /// How many bytes of its past a console shows to a new client.
    scrollback: AtomicUsize,
    shutdown: Shutdown,
}

#[derive(Debug)]
struct Known {
    console: Arc<Console>,
    /// Where the port is, while the board is plugged in: for the console's keeper.
    endpoint: watch::Sender<Option<Endpoint>>,
}

/// Why there is no place at a console.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum JoinError {
    /// Nobody has seen such a board.
    #[error("There is no board with this serial.")]
    Unknown,
    /// It was here.
    #[error("The board is not plugged in.")]
    Absent,
    /// Every place is taken.
    #[error("This console has as many clients as it can have ({MOST_CLIENTS}).")]
    Full,
}

impl Consoles {
    /// No consoles yet. Their tasks belong to `shutdown`'s set.
    pub(crate) fn new(scrollback: usize, shutdown: Shutdown) -> Arc<Self> {
        Arc::new(Self {
            known: Mutex::default(),
            scrollback: scrollback.into(),
            shutdown,
        })
    }

    /// Follows the boards directory until the daemon ends.
    pub(crate) async fn follow(self: &Arc<Self>, mut watcher: Watcher) {
        loop {
            tokio::select! {
                changes = watcher.changes() => self.apply(changes),
                () = self.shutdown.requested() => return,
            }
        }
    }

    /// Follows the configuration for good.
    pub(crate) async fn follow_configuration(&self, mut configuration: Configuration) {
        loop {
            self.show(configuration.changed().await.serial.scrollback);
        }
    }

    /// Shows so many bytes of the past to new clients from now on.
    fn show(&self, scrollback: usize) {
        // Under the lock, so that a console that is just met does not miss it.
        let known = lock(&self.known);
        self.scrollback.store(scrollback, Ordering::Relaxed);
        for board in known.values() {
            board.console.show(scrollback);
        }
    }

    /// Takes note of boards that came, changed or left.
    pub(crate) fn apply(self: &Arc<Self>, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Came(board) | Change::Changed(board) => match board.console {
                    Some(endpoint) => self.plugged_in(board.serial, endpoint),
                    None => self.unplugged(&board.serial),
                },
                Change::Left(serial) => self.unplugged(&serial),
            }
        }
    }

    fn plugged_in(self: &Arc<Self>, serial: Serial, endpoint: Endpoint) {
        let mut known = lock(&self.known);
        let board = known
            .entry(serial)
            .or_insert_with_key(|serial| self.meet(serial.clone()));
        let endpoint = Some(endpoint);
        // A change of the board's drive leaves its console alone.
        board.endpoint.send_if_modified(|known| {
            let changed = *known != endpoint;
            *known = endpoint;
            changed
        });
    }

    fn unplugged(&self, serial: &Serial) {
        if let Some(board) = lock(&self.known).get(serial) {
            board.endpoint.send_replace(None);
        }
    }

    fn meet(self: &Arc<Self>, serial: Serial) -> Known {
        let console = Arc::new(Console::new(
            serial,
            self.scrollback.load(Ordering::Relaxed),
        ));
        let endpoint = watch::Sender::default();
        let keeper = Keeper {
            console: Arc::clone(&console),
            endpoint: endpoint.subscribe(),
            consoles: Arc::clone(self),
            shutdown: self.shutdown.clone(),
        };
        self.shutdown.spawn(keeper.run());
        Known { console, endpoint }
    }

    /// Forgets the console of a board that left, unless the board is back or somebody has joined.
    pub(crate) fn forget(&self, serial: &Serial) -> bool {
        let mut known = lock(&self.known);
        let forgotten = known
            .get(serial)
            .is_none_or(|board| !board.is_here() && *board.console.clients().borrow() == 0);
        if forgotten {
            known.remove(serial);
        }
        forgotten
    }

    /// A place at the console of a board that is plugged in.
    pub(crate) fn join(&self, serial: &Serial) -> Result<(Screen, Keyboard), JoinError> {
        // Under the lock, so that the console is not forgotten meanwhile.
        let known = lock(&self.known);
        let board = known.get(serial).ok_or(JoinError::Unknown)?;
        if !board.is_here() {
            return Err(JoinError::Absent);
        }
        if *board.console.clients().borrow() >= MOST_CLIENTS {
            return Err(JoinError::Full);
        }
        Ok(board.console.join())
    }

    /// One console's status, if it is known.
    pub(crate) fn status(&self, serial: &Serial) -> Option<ConsoleStatus> {
        lock(&self.known).get(serial).map(Known::status)
    }

    /// Every console's status.
    pub(crate) fn statuses(&self) -> ConsoleStatuses {
        let known = lock(&self.known);
        known
            .iter()
            .map(|(serial, board)| (serial.clone(), board.status()))
            .collect()
    }
}

impl Known {
    fn is_here(&self) -> bool {
        self.endpoint.borrow().is_some()
    }

    fn status(&self) -> ConsoleStatus {
        let mut status = self.console.status();
        if !self.is_here() {
            status.state = ConsoleState::Offline;
        }
        status
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::time::Duration;

    use cpy_board::attached;
    use tokio::time::sleep;

    use super::*;

    /// A board whose console is a device, but no terminal.
    fn board() -> attached::Attached {
        let dev = tempfile::tempdir().unwrap();
        std::fs::create_dir(dev.path().join("A1")).unwrap();
        symlink("/dev/null", dev.path().join("A1/console")).unwrap();
        attached::scan(dev.path())
            .unwrap()
            .into_values()
            .next()
            .unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_console_that_left_is_forgotten_after_its_last_client() {
        let shutdown = Shutdown::new();
        let consoles = Consoles::new(65_536, shutdown.clone());
        let serial: Serial = "A1".parse().unwrap();
        let state = || consoles.status(&serial).map(|status| status.state);

        consoles.apply(vec![Change::Came(board())]);
        assert_eq!(state(), Some(ConsoleState::Waiting));
        let place = consoles.join(&serial).unwrap();
        consoles.apply(vec![Change::Left(serial.clone())]);
        assert_eq!(consoles.join(&serial).unwrap_err(), JoinError::Absent);
        sleep(Duration::from_secs(3600)).await;
        assert_eq!(state(), Some(ConsoleState::Offline));

        drop(place);
        sleep(Duration::from_secs(60)).await;
        assert_eq!(state(), Some(ConsoleState::Offline));
        sleep(Duration::from_secs(3600)).await;
        assert_eq!(state(), None);
        assert_eq!(consoles.join(&serial).unwrap_err(), JoinError::Unknown);
        assert!(shutdown.drain(Duration::from_secs(1)).await);
    }

    #[tokio::test]
    async fn a_console_has_room_for_so_many_clients() {
        let consoles = Consoles::new(65_536, Shutdown::new());
        let board = board();
        let serial = board.serial.clone();
        consoles.apply(vec![Change::Came(board)]);
        let mut places: Vec<_> = (0..MOST_CLIENTS)
            .map(|_| consoles.join(&serial).unwrap())
            .collect();
        assert_eq!(consoles.join(&serial).unwrap_err(), JoinError::Full);
        places.pop();
        assert!(consoles.join(&serial).is_ok());
    }
}
