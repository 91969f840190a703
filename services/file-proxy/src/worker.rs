//! The one thread that a drive belongs to. It takes operations in their order and gives the answers
//! back to the tasks that wait for them; nobody else touches the device.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use cpy_board::status::DriveStatus;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::drive::Drive;
use crate::refusal::Refusal;

/// Operations that wait for the drive; whoever has one more waits until there is room.
const QUEUE: usize = 32;

/// How long somebody who asks for the status waits for a drive that is busy with something long.
const PATIENCE: Duration = Duration::from_millis(300);

/// Between the first tries to open a drive, which after a quick replug the thread before may still hold to the
/// end of its last operation; and between the later ones.
const FIRST_DELAY: Duration = Duration::from_millis(20);
const LONGEST_DELAY: Duration = Duration::from_secs(5);

/// After a change, before what was changed is copied: saves come in bursts, and the board starts its program anew.
const QUIET: Duration = Duration::from_secs(2);

type Operation = Box<dyn FnOnce(&mut Drive) + Send>;

/// A handle on a drive's thread. The thread ends, and the device is closed, after the last handle.
#[derive(Clone, Debug)]
pub(crate) struct Worker {
    operations: mpsc::Sender<Operation>,
    unplugged: CancellationToken,
    last_status: Arc<Mutex<Option<DriveStatus>>>,
    /// Whether there is something to be copied of the drive.
    behind: Arc<Notify>,
}

impl Worker {
    /// Gives the drive a thread of its own.
    ///
    /// Errors: the system is out of threads.
    pub(crate) fn start(mut drive: Drive) -> io::Result<Self> {
        let (operations, mut queue) = mpsc::channel::<Operation>(QUEUE);
        let unplugged = CancellationToken::new();
        let gone = unplugged.clone();
        let behind = Arc::new(Notify::new());
        let is_behind = Arc::clone(&behind);
        thread::Builder::new().name(format!("drive {}", drive.serial())).spawn(move || {
            while let Some(operation) = queue.blocking_recv() {
                if gone.is_cancelled() {
                    break;
                }
                if catch_unwind(AssertUnwindSafe(|| operation(&mut drive))).is_err() {
                    tracing::error!(board = %drive.serial(), "an operation on the drive failed badly");
                    drive.close();
                }
                if drive.is_behind() {
                    is_behind.notify_one();
                }
            }
        })?;
        Ok(Self {
            operations,
            unplugged,
            last_status: Arc::default(),
            behind,
        })
    }

    /// Runs an operation on the drive. It is not begun once the caller has gone away, and waits no
    /// longer than the board is plugged in.
    pub(crate) async fn run<T, F>(&self, operation: F) -> Result<T, Refusal>
    where
        T: Send + 'static,
        F: FnOnce(&mut Drive) -> Result<T, Refusal> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let operation: Operation = Box::new(move |drive| {
            if !answer.is_closed() {
                // The caller may have gone away meanwhile; what was done is done.
                let _ = answer.send(operation(drive));
            }
        });
        let result = async {
            self.operations
                .send(operation)
                .await
                .map_err(|_| Refusal::NotPluggedIn)?;
            answered.await.map_err(|_| Refusal::Internal)?
        };
        tokio::select! {
            biased;
            () = self.unplugged.cancelled() => Err(Refusal::NotPluggedIn),
            result = result => result,
        }
    }

    /// How the drive is, or was when it last had the time to say.
    pub(crate) async fn status(&self) -> Result<DriveStatus, Refusal> {
        let last = || {
            self.last_status
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        match timeout(PATIENCE, self.run(|drive| Ok(drive.status()))).await {
            Ok(status) => {
                let status = status?;
                *last() = Some(status.clone());
                Ok(status)
            }
            Err(_) => last()
                .clone()
                .ok_or_else(|| Refusal::Unusable("it is busy".into())),
        }
    }

    /// Tries to open the drive until it is open, or until trying again is of no use. The delays grow: a drive
    /// may be in use elsewhere for long.
    pub(crate) async fn open(self) {
        let mut delay = FIRST_DELAY;
        while let Ok(true) = self.run(|drive| Ok(drive.look())).await {
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                () = self.unplugged() => {}
            }
            delay = (delay * 2).min(LONGEST_DELAY);
        }
    }

    /// Copies what the drive holds, whenever it has changed and a moment has passed in which others had the drive to
    /// themselves; between two pieces they have their turn.
    pub(crate) async fn keep_copies(self) {
        // A board that is gone is let go of at once: it may come back in a moment.
        tokio::select! {
            () = self.copy_for_good() => {}
            () = self.unplugged() => {}
        }
    }

    async fn copy_for_good(&self) {
        let copy = |drive: &mut Drive| {
            drive.copy_some();
            Ok(drive.is_behind())
        };
        loop {
            self.behind.notified().await;
            tokio::time::sleep(QUIET).await;
            while let Ok(true) = self.run(copy).await {}
        }
    }

    /// Waits until the board is gone.
    pub(crate) async fn unplugged(&self) {
        self.unplugged.cancelled().await;
    }

    /// The board is gone: answers every waiting and every further operation with that.
    pub(crate) fn unplug(&self) {
        self.unplugged.cancel();
    }
}
