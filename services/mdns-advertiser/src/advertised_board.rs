//! One board on the network, during one session with Avahi: its name and its service.

use std::sync::Arc;

use cpy_board::status::{NameState, NameStatus};
use cpy_board::{Hostname, Serial};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Duration, Instant, sleep_until};

use crate::announcement::{Announcement, Announcements};
use crate::authority::Collision;
use crate::avahi::{AvahiError, DOMAIN, Ownership, Session};
use crate::host_records::HostRecords;
use crate::links::Links;
use crate::network_state::NetworkState;
use crate::service_record::{Service, ServiceRecord};

/// How long to wait before Avahi is asked again for what it has refused.
const WAIT: Duration = Duration::from_secs(10);

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
    /// The name that was last said to be published.
    said: Option<Hostname>,
    /// When to ask again for what was refused.
    retry: Option<Instant>,
}

/// What a board's announcement depends on, and whom it tells.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    pub(crate) session: Arc<Session>,
    pub(crate) announcements: watch::Receiver<Arc<Announcements>>,
    pub(crate) links: watch::Receiver<Links>,
    pub(crate) collisions: mpsc::Sender<Collision>,
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
            said: None,
            retry: None,
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
            self.settle(&announcement, &links).await?;
            self.report(&announcement, &links);
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
        self.retry = None;
        let name = format!("{hostname}.{DOMAIN}");
        let session = Arc::clone(&self.around.session);
        let mut result = self.host.settle(&session, &name, links).await;
        if let Err(AvahiError::Collision) = result {
            return self.give_up(hostname).await;
        }
        if result.is_ok() {
            result = match &announcement.instance {
                Some(instance) => {
                    let service = Service {
                        instance: instance.clone(),
                        hostname: hostname.clone(),
                        port: announcement.port,
                    };
                    self.service.settle(&session, &service, links).await
                }
                None => self.service.withdraw().await,
            };
        }
        if let Err(AvahiError::Refused(error)) = &result {
            tracing::warn!(board = %self.serial, %hostname, %error, "Avahi does not publish the board");
            self.retry = Some(Instant::now() + WAIT);
            return Ok(());
        }
        result
    }

    /// Leaves the name to whoever has it. The service goes too: it would lead there.
    async fn give_up(&mut self, hostname: &Hostname) -> Result<(), AvahiError> {
        self.collided = Some(hostname.clone());
        self.service.withdraw().await?;
        self.host.withdraw().await?;
        let collision = Collision {
            board: self.serial.clone(),
            hostname: hostname.clone(),
        };
        // It fails only where the daemon ends.
        let _ = self.around.collisions.send(collision).await;
        Ok(())
    }

    fn report(&mut self, announcement: &Announcement, links: &Links) {
        let hostname = &announcement.hostname;
        let state = if links.is_empty() || self.retry.is_some() {
            NameState::Waiting
        } else if self.host.is_published() {
            NameState::Published
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
            reason: String::new(),
        };
        self.around.state.note(&self.serial, status);
    }

    /// Returns when something is to be looked at again.
    async fn change(&mut self) {
        let deadlines = [self.host.deadline(), self.service.deadline(), self.retry];
        let deadline = deadlines.into_iter().flatten().min();
        let due = async {
            match deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // These fail only where the daemon ends.
            _ = self.around.announcements.changed() => {}
            _ = self.around.links.changed() => {}
            () = self.changes.notified() => {}
            () = due => {}
        }
    }
}
