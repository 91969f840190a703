//! The attached drives: a worker for each, as boards come, change and leave.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{PoisonError, RwLock};

use cpy_board::{Change, Endpoint, Serial, Shutdown, Watcher};

use crate::drive::Drive;
use crate::journal_file::JournalFile;
use crate::refusal::Refusal;
use crate::worker::Worker;

/// Every attached drive, by its board's serial.
#[derive(Debug)]
pub(crate) struct Drives {
    records_dir: PathBuf,
    journals_dir: PathBuf,
    shutdown: Shutdown,
    attached: RwLock<BTreeMap<Serial, Attached>>,
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
    /// No drives yet; their records go to `records_dir`, their journals to `journals_dir`.
    pub(crate) fn new(records_dir: PathBuf, journals_dir: PathBuf, shutdown: Shutdown) -> Self {
        Self {
            records_dir,
            journals_dir,
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
                attached.insert(serial, Attached { endpoint, worker });
            }
            Err(error) => tracing::error!(board = %serial, %error, "cannot serve a drive"),
        }
    }

    fn start(&self, serial: &Serial, endpoint: &Endpoint) -> io::Result<Worker> {
        let device = endpoint.path.clone();
        let records_dir = self.records_dir.clone();
        let journal = JournalFile::new(self.journals_dir.join(serial.as_str()));
        Worker::start(Drive::new(serial.clone(), device, records_dir, journal))
    }
}
