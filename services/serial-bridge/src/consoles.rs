//! Which consoles there are: those of the boards that are plugged in, and for a while those of boards
//! that left.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use cpy_board::status::{ConsoleState, ConsoleStatus, ConsoleStatuses};
use cpy_board::{Change, Config, Endpoint, Serial, Shutdown, Watcher};
use tokio::sync::watch;

use crate::console::{Console, Screen};
use crate::input::Keyboard;
use crate::keeper::Keeper;
use crate::lock;

/// Every console, by serial.
#[derive(Debug)]
pub(crate) struct Consoles {
    known: Mutex<BTreeMap<Serial, Known>>,
    /// How many bytes of its past a console shows to a new client.
    scrollback: AtomicUsize,
    /// How many clients a console can have at a time.
    most_clients: AtomicUsize,
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
    #[error(
        "This console has as many clients as it can have ({0}). Close one of them, or try again later."
    )]
    Full(usize),
}

impl Consoles {
    /// No consoles yet. Their tasks belong to `shutdown`'s set.
    pub(crate) fn new(config: &Config, shutdown: Shutdown) -> Arc<Self> {
        Arc::new(Self {
            known: Mutex::default(),
            scrollback: config.serial.scrollback.into(),
            most_clients: config.limits.consoles_per_board.into(),
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

    /// Goes by another configuration from now on. Clients that have joined stay.
    pub(crate) fn configure(&self, config: &Config) {
        self.show(config.serial.scrollback);
        let most = config.limits.consoles_per_board;
        self.most_clients.store(most, Ordering::Relaxed);
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
        let most = self.most_clients.load(Ordering::Relaxed);
        if *board.console.clients().borrow() >= most {
            return Err(JoinError::Full(most));
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
    fn board(serial: &str) -> attached::Attached {
        let dev = tempfile::tempdir().unwrap();
        let directory = dev.path().join(serial);
        std::fs::create_dir(&directory).unwrap();
        symlink("/dev/null", directory.join("console")).unwrap();
        attached::scan(dev.path())
            .unwrap()
            .into_values()
            .next()
            .unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_console_that_left_is_forgotten_after_its_last_client() {
        let shutdown = Shutdown::new();
        let consoles = Consoles::new(&Config::default(), shutdown.clone());
        let serial: Serial = "A1".parse().unwrap();
        let state = || consoles.status(&serial).map(|status| status.state);

        consoles.apply(vec![Change::Came(board("A1"))]);
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
    async fn each_console_has_room_for_so_many_clients_of_its_own() {
        let mut config = Config::default();
        config.limits.consoles_per_board = 3;
        let consoles = Consoles::new(&config, Shutdown::new());
        let [one, other] = ["A1", "B2"].map(|serial| {
            let board = board(serial);
            let serial = board.serial.clone();
            consoles.apply(vec![Change::Came(board)]);
            serial
        });
        let mut places: Vec<_> = (0..3).map(|_| consoles.join(&one).unwrap()).collect();
        assert_eq!(consoles.join(&one).unwrap_err(), JoinError::Full(3));
        assert!(consoles.join(&other).is_ok());
        places.pop();
        assert!(consoles.join(&one).is_ok());

        config.limits.consoles_per_board = 2;
        consoles.configure(&config);
        assert_eq!(consoles.join(&one).unwrap_err(), JoinError::Full(2));
        assert_eq!(
            consoles.status(&one).unwrap().clients,
            2,
            "nobody was put out"
        );
    }
}
