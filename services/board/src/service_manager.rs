//! What a daemon tells systemd of itself (`sd_notify(3)`): that it is ready, how it does, that it is alive. Where
//! nobody asked for that, nothing is said and nothing wakes up.

use std::sync::{Arc, Mutex, PoisonError};

use sd_notify::NotifyState;
use tokio::time::{MissedTickBehavior, interval};

use crate::Shutdown;

/// The one who started this daemon, if it wants to be told. All clones are the same. The default is nobody.
#[derive(Clone, Debug, Default)]
pub struct ServiceManager(Option<Arc<Said>>);

#[derive(Debug, Default)]
struct Said {
    /// How the daemon does.
    status: Mutex<String>,
}

impl ServiceManager {
    /// The one that the environment names.
    pub(crate) fn of_this_process() -> Self {
        let wants_to_know = std::env::var_os("NOTIFY_SOCKET").is_some();
        Self(wants_to_know.then(Arc::default))
    }

    /// The daemon serves: it has its socket, and has looked at what is there.
    pub fn ready(&self) {
        self.tell(&[NotifyState::Ready]);
    }

    /// How the daemon does, for `systemctl status`.
    pub fn status(&self, status: &str) {
        let Some(said) = &self.0 else { return };
        let mut said = said.status.lock().unwrap_or_else(PoisonError::into_inner);
        if *said != status {
            status.clone_into(&mut said);
            self.tell(&[NotifyState::Status(status)]);
        }
    }

    /// The configuration is being read again. [`ServiceManager::ready`] ends that.
    pub(crate) fn reloading(&self) {
        // It fails where there is no clock.
        if let Ok(now) = NotifyState::monotonic_usec_now() {
            self.tell(&[NotifyState::Reloading, now]);
        }
    }

    /// The end has begun.
    pub(crate) fn stopping(&self) {
        self.tell(&[NotifyState::Stopping]);
    }

    /// Tells that the daemon is alive, twice as often as it has to, from a task like those that do its work: when
    /// these stand still, so does this one.
    pub(crate) fn keep_watch(&self, shutdown: &Shutdown) {
        let Some(time) = sd_notify::watchdog_enabled() else {
            return;
        };
        let (manager, end) = (self.clone(), shutdown.clone());
        shutdown.spawn(async move {
            let mut beat = interval(time / 2);
            beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    _ = beat.tick() => manager.tell(&[NotifyState::Watchdog]),
                    () = end.requested() => return,
                }
            }
        });
    }

    fn tell(&self, state: &[NotifyState<'_>]) {
        if self.0.is_some()
            && let Err(error) = sd_notify::notify(state)
        {
            tracing::debug!(%error, "the service manager does not listen");
        }
    }
}
