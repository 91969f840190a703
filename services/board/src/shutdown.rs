//! The end of a daemon: one signal that everybody can wait for, and one set of all tasks, which is
//! waited for in turn.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A handle on the daemon's end; all clones are the same end.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    token: CancellationToken,
    tasks: TaskTracker,
}

impl Shutdown {
    /// A new end that nobody has asked for.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for the end when SIGINT or SIGTERM comes.
    ///
    /// Errors: the signal handlers cannot be installed.
    pub fn on_signals(&self) -> io::Result<()> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let token = self.token.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                () = token.cancelled() => {}
            }
            token.cancel();
        });
        Ok(())
    }

    /// Asks for the end.
    pub fn request(&self) {
        self.token.cancel();
    }

    /// Waits until somebody asks for the end.
    pub async fn requested(&self) {
        self.token.cancelled().await;
    }

    /// Runs a task in the set. It should end soon after the end was asked for.
    pub fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.tasks.spawn(task)
    }

    /// Asks for the end and waits for all tasks, at most for `deadline`. False: some did not end.
    pub async fn drain(&self, deadline: Duration) -> bool {
        self.token.cancel();
        self.tasks.close();
        tokio::time::timeout(deadline, self.tasks.wait())
            .await
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn drain_waits_for_tasks_and_gives_up_at_the_deadline() {
        let shutdown = Shutdown::new();
        let listener = shutdown.clone();
        let task = shutdown.spawn(async move { listener.requested().await });
        assert!(shutdown.drain(Duration::from_secs(10)).await);
        task.await.unwrap();

        let stuck = Shutdown::new();
        stuck.spawn(std::future::pending::<()>());
        assert!(!stuck.drain(Duration::from_millis(10)).await);
    }
}
