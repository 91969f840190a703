//! One board on the network, during one session with Avahi: its name and its service.

use std::sync::Arc;

use cpy_board::status::{NameState, NameStatus};
use cpy_board::{Hostname, Serial, wait_until};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Duration, Instant};

use crate::announcement::{Announcement, Announcements};
use crate::avahi::{AvahiError, DOMAIN, Ownership, Session};
use crate::collisions::{Says, Word};
use crate::host_records::HostRecords;
use crate::links::Links;
use crate::network_state::NetworkState;
use crate::service_record::{Service, ServiceRecord};

/// How long to wait before Avahi is asked again for what it has refused.
pub(crate) const REFUSED_WAIT: Duration = Duration::from_secs(60);
/// How long after a name was lost somebody looks whether others still have it. It is longer than the time of grace at
/// another gateway, from which this board may have come.
const LOST_WAIT: Duration = Duration::from_secs(15);

/// A board that is being announced.
pub(crate) struct AdvertisedBoard {
    serial: Serial,
    around: Surroundings,
    /// Told when Avahi has something to say of the records.
    changes: Arc<Notify>,
    host: HostRecords,
    service: ServiceRecord,
    /// The name that was last said to be taken by others.
    collided: Option<Hostname>,
    /// The name that was lost, and when to look who has it.
    lost: Option<(Hostname, Instant)>,
    /// The name that was last said to be published.
    said: Option<Hostname>,
    /// What was announced last, refused or not.
    tried: Option<Announcement>,
    /// What Avahi has refused of its address records and of its service.
    host_refusal: Refusal,
    service_refusal: Refusal,
}

/// What Avahi said against records, and when it is asked again.
#[derive(Debug, Default)]
struct Refusal {
    /// Empty when nothing.
    reason: String,
    retry: Option<Instant>,
}

/// What a board's announcement depends on, and whom it tells.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    pub(crate) session: Arc<Session>,
    pub(crate) announcements: watch::Receiver<Arc<Announcements>>,
    pub(crate) links: watch::Receiver<Links>,
    pub(crate) words: mpsc::Sender<Word>,
    pub(crate) state: NetworkState,
}

impl AdvertisedBoard {
    pub(crate) fn new(serial: Serial, around: Surroundings) -> Self {
        let changes = Arc::new(Notify::new());
        Self {
            serial,
            around,
            host: HostRecords::new(Ownership::Unique, Arc::clone(&changes)),
            service: ServiceRecord::new(Arc::clone(&changes)),
            changes,
            collided: None,
            lost: None,
            said: None,
            tried: None,
            host_refusal: Refusal::default(),
            service_refusal: Refusal::default(),
        }
    }

    /// Announces the board until it is to be announced no more.
    ///
    /// Errors: those that end the session.
    pub(crate) async fn run(mut self) -> Result<(), AvahiError> {
        loop {
            let announcement = {
                let all = self.around.announcements.borrow_and_update();
                all.get(&self.serial).cloned()
            };
            let Some(announcement) = announcement else {
                self.around.state.forget(&self.serial);
                self.service.withdraw().await?;
                return self.host.withdraw().await;
            };
            let links = self.around.links.borrow_and_update().clone();
            self.look_for_lost(announcement.lost.as_ref(), &links)
                .await?;
            self.settle(&announcement, &links).await?;
            self.report(&announcement.hostname, &links);
            self.change().await;
        }
    }

    async fn settle(
        &mut self,
        announcement: &Announcement,
        links: &Links,
    ) -> Result<(), AvahiError> {
        let hostname = &announcement.hostname;
        if self.collided.as_ref() == Some(hostname) {
            // Until the board has another name.
            return Ok(());
        }
        self.collided = None;
        if self.tried.as_ref() != Some(announcement) {
            self.tried = Some(announcement.clone());
            self.host_refusal.retry = None;
            self.service_refusal.retry = None;
        }
        let session = Arc::clone(&self.around.session);
        if !self.host_refusal.waits() {
            let name = format!("{hostname}.{DOMAIN}");
            let settled = self.host.settle(&session, &name, links).await;
            match self.host_refusal.take(settled, &self.serial) {
                Err(AvahiError::Collision) => return self.give_up(hostname).await,
                result => result?,
            }
        }
        if self.host_refusal.waits() {
            // It would lead to a name without addresses.
            return self.service.withdraw().await;
        }
        if self.service_refusal.waits() {
            return Ok(());
        }
        let settled = match announcement.instance.as_ref().zip(announcement.port) {
            Some((instance, port)) => {
                let service = Service {
                    instance: instance.clone(),
                    hostname: hostname.clone(),
                    port,
                };
                let links = self.host.links();
                self.service.settle(&session, &service, &links).await
            }
            None => self.service.withdraw().await,
        };
        self.service_refusal.take(settled, &self.serial)
    }

    /// Leaves the name to whoever has it. The service goes too: it would lead there.
    async fn give_up(&mut self, hostname: &Hostname) -> Result<(), AvahiError> {
        self.collided = Some(hostname.clone());
        self.service.withdraw().await?;
        self.host.withdraw().await?;
        self.tell(hostname.clone(), Says::Taken).await;
        Ok(())
    }

    /// Looks whether others still have the name that the board has lost, once, a while after it has.
    async fn look_for_lost(
        &mut self,
        lost: Option<&Hostname>,
        links: &Links,
    ) -> Result<(), AvahiError> {
        match (lost, &self.lost) {
            (None, _) => self.lost = None,
            (Some(name), Some((known, due))) if name == known => {
                if *due <= Instant::now() {
                    // Whatever that leads to, it is not asked again and again.
                    self.lost = Some((name.clone(), Instant::now() + LOST_WAIT));
                    // Without a network nobody answers.
                    if links.is_empty() {
                        return Ok(());
                    }
                    match self.around.session.is_held(name).await? {
                        Some(true) => self.tell(name.clone(), Says::StillTaken).await,
                        Some(false) => self.tell(name.clone(), Says::Free).await,
                        None => {}
                    }
                }
            }
            (Some(name), _) => self.lost = Some((name.clone(), Instant::now() + LOST_WAIT)),
        }
        Ok(())
    }

    async fn tell(&self, hostname: Hostname, says: Says) {
        let word = Word {
            board: self.serial.clone(),
            hostname,
            says,
        };
        // It fails only where the daemon ends.
        let _ = self.around.words.send(word).await;
    }

    fn report(&mut self, hostname: &Hostname, links: &Links) {
        let state = if self.collided.is_some() {
            NameState::Taken
        } else if links.is_empty() {
            NameState::Waiting
        } else if self.host.is_published() {
            NameState::Published
        } else if self.host_refusal.waits() {
            NameState::Refused
        } else {
            NameState::Claiming
        };
        if state == NameState::Published && self.said.as_ref() != Some(hostname) {
            tracing::info!(board = %self.serial, %hostname, "name published");
            self.said = Some(hostname.clone());
        }
        let status = NameStatus {
            hostname: hostname.clone(),
            state,
            instance_name: self.service.instance_name(),
            reason: if self.host_refusal.reason.is_empty() {
                self.service_refusal.reason.clone()
            } else {
                self.host_refusal.reason.clone()
            },
        };
        self.around.state.note(&self.serial, status);
    }

    /// Returns when something is to be looked at again.
    async fn change(&mut self) {
        // What waits for its retry does not look at its own times.
        let host = self.host_refusal.retry.or_else(|| self.host.deadline());
        let service = self
            .service_refusal
            .retry
            .or_else(|| self.service.deadline());
        let lost = self.lost.as_ref().map(|(_, due)| *due);
        let deadlines = [host, service, lost];
        tokio::select! {
            // These fail only where the daemon ends.
            _ = self.around.announcements.changed() => {}
            _ = self.around.links.changed() => {}
            () = self.changes.notified() => {}
            () = wait_until(deadlines.into_iter().flatten().min()) => {}
        }
    }
}

impl Refusal {
    fn waits(&self) -> bool {
        self.retry.is_some_and(|at| at > Instant::now())
    }

    /// Takes what became of records: a refusal is noted, and said once for each reason.
    fn take(&mut self, settled: Result<(), AvahiError>, board: &Serial) -> Result<(), AvahiError> {
        self.retry = None;
        match settled {
            Ok(()) => {
                self.reason.clear();
                Ok(())
            }
            Err(AvahiError::Refused(reason)) => {
                if self.reason != reason {
                    tracing::warn!(%board, reason, "Avahi does not publish the board");
                }
                self.reason = reason;
                self.retry = Some(Instant::now() + REFUSED_WAIT);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}
