//! The attached drives: a worker for each, as boards come, change and leave.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{PoisonError, RwLock};

use cpy_board::config::History as Bounds;
use cpy_board::{Change, Endpoint, Serial, Shutdown, Watcher};

use crate::copies::Copies;
use crate::drive::{Drive, Stores};
use crate::history::History;
use crate::journal_file::JournalFile;
use crate::refusal::Refusal;
use crate::worker::Worker;

/// Every attached drive, by its board's serial.
#[derive(Debug)]
pub(crate) struct Drives {
    places: Places,
    shutdown: Shutdown,
    attached: RwLock<BTreeMap<Serial, Attached>>,
}

/// Where things about drives are kept beside them, those of each board in a place that its serial names.
#[derive(Debug)]
pub(crate) struct Places {
    pub(crate) records: PathBuf,
    pub(crate) journals: PathBuf,
    pub(crate) histories: PathBuf,
    /// What files hold.
    pub(crate) copies: PathBuf,
    /// What they held before their drive was wiped.
    pub(crate) lost: PathBuf,
    /// Of each board's history and copies.
    pub(crate) bounds: Bounds,
}

impl Places {
    fn of(&self, serial: &Serial) -> Stores {
        Stores {
            records_dir: self.records.clone(),
            journal: JournalFile::new(self.journals.join(serial.as_str())),
            history: History::new(self.histories.join(serial.as_str()), self.bounds),
            copies: Copies::new(
                self.copies.join(serial.as_str()),
                self.lost.join(serial.as_str()),
                self.bounds.copies,
            ),
        }
    }
}

#[derive(Debug)]
struct Attached {
    endpoint: Endpoint,
    worker: Worker,
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.worker.unplug();
    }
}

impl Drives {
    /// No drives yet.
    pub(crate) fn new(places: Places, shutdown: Shutdown) -> Self {
        Self {
            places,
            shutdown,
            attached: RwLock::default(),
        }
    }

    /// The worker of a board's drive.
    pub(crate) fn worker(&self, serial: &Serial) -> Result<Worker, Refusal> {
        let attached = self.attached.read().unwrap_or_else(PoisonError::into_inner);
        attached
            .get(serial)
            .map(|drive| drive.worker.clone())
            .ok_or(Refusal::NotPluggedIn)
    }

    /// All workers.
    pub(crate) fn workers(&self) -> Vec<(Serial, Worker)> {
        let attached = self.attached.read().unwrap_or_else(PoisonError::into_inner);
        attached
            .iter()
            .map(|(serial, drive)| (serial.clone(), drive.worker.clone()))
            .collect()
    }

    /// Follows the boards directory for good.
    pub(crate) async fn follow(&self, mut watcher: Watcher) {
        loop {
            self.apply(watcher.changes().await);
        }
    }

    /// Takes note of boards that came, changed or left.
    pub(crate) fn apply(&self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Came(board) | Change::Changed(board) => {
                    self.set(board.serial, board.drive);
                }
                Change::Left(serial) => self.set(serial, None),
            }
        }
    }

    fn set(&self, serial: Serial, drive: Option<Endpoint>) {
        let mut attached = self
            .attached
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if attached.get(&serial).map(|drive| &drive.endpoint) == drive.as_ref() {
            return;
        }
        if attached.remove(&serial).is_some() {
            tracing::info!(board = %serial, "drive left");
        }
        let Some(endpoint) = drive else { return };
        match self.start(&serial, &endpoint) {
            Ok(worker) => {
                self.shutdown.spawn(worker.clone().open());
                self.shutdown.spawn(worker.clone().keep_copies());
                attached.insert(serial, Attached { endpoint, worker });
            }
            Err(error) => tracing::error!(board = %serial, %error, "cannot serve a drive"),
        }
    }

    fn start(&self, serial: &Serial, endpoint: &Endpoint) -> io::Result<Worker> {
        let device = endpoint.path.clone();
        Worker::start(Drive::new(serial.clone(), device, self.places.of(serial)))
    }
}
