//! How the names do, for whoever asks: what the API serves.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cpy_board::Serial;
use cpy_board::status::{AvahiState, NameState, NameStatus, NetworkStatus};

use crate::announcement::Announcements;

/// What was last heard of Avahi and of each name. All clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct NetworkState(Arc<Mutex<Known>>);

#[derive(Debug)]
struct Known {
    avahi: AvahiState,
    names: BTreeMap<Serial, NameStatus>,
}

impl Known {
    fn nothing(enabled: bool) -> Self {
        Self {
            avahi: if enabled {
                AvahiState::Absent
            } else {
                AvahiState::Disabled
            },
            names: BTreeMap::new(),
        }
    }
}

impl NetworkState {
    /// Before anything was heard. `enabled`: whether anything will be.
    pub(crate) fn new(enabled: bool) -> Self {
        Self(Arc::new(Mutex::new(Known::nothing(enabled))))
    }

    /// The configuration wants names on the network, or not.
    pub(crate) fn is_enabled(&self, enabled: bool) {
        *self.lock() = Known::nothing(enabled);
    }

    /// Avahi came or went. With it go all names.
    pub(crate) fn avahi_is_there(&self, there: bool) {
        let mut known = self.lock();
        known.avahi = if there {
            AvahiState::Running
        } else {
            AvahiState::Absent
        };
        known.names.clear();
    }

    /// A board's name has changed its state.
    pub(crate) fn note(&self, board: &Serial, status: NameStatus) {
        self.lock().names.insert(board.clone(), status);
    }

    /// A board is announced no more.
    pub(crate) fn forget(&self, board: &Serial) {
        self.lock().names.remove(board);
    }

    /// Avahi, and every board that is to be announced.
    pub(crate) fn status(&self, announcements: &Announcements) -> NetworkStatus {
        let known = self.lock();
        let boards = announcements.iter().map(|(serial, announcement)| {
            let hostname = &announcement.hostname;
            let heard = known.names.get(serial).filter(|s| s.hostname == *hostname);
            let status = heard.cloned().unwrap_or_else(|| NameStatus {
                hostname: hostname.clone(),
                state: match known.avahi {
                    AvahiState::Running => NameState::Claiming,
                    AvahiState::Disabled | AvahiState::Absent => NameState::Waiting,
                },
                instance_name: None,
                reason: String::new(),
            });
            (serial.clone(), status)
        });
        NetworkStatus {
            avahi: known.avahi,
            boards: boards.collect(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
