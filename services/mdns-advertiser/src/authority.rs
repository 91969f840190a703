//! The authority over names: which boards are announced, what each is called, and until when.
//!
//! It knows nothing of Avahi: it says what should be announced, and is told when the network holds a name.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use cpy_board::attached::AttachedBoards;
use cpy_board::{
    Config, Follower, Hostname, Published, Record, Records, RuntimeDir, Serial, Shutdown,
    StateFile, WatchError, Watcher, WebPorts,
};
use futures_util::future::poll_immediate;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use crate::announcement::{Announcement, Announcements, InstanceName};
use crate::collisions::Collisions;
use crate::name_book::NameBook;
use crate::presence::Presence;

/// Somebody else on the network holds a board's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Collision {
    pub(crate) board: Serial,
    pub(crate) hostname: Hostname,
}

/// Decides what is announced.
pub(crate) struct Authority {
    present: BTreeMap<Serial, Presence>,
    records: BTreeMap<Serial, Record>,
    ports: WebPorts,
    book: NameBook,
    /// Where the book is kept.
    memory: StateFile<NameBook>,
    /// Names as the other daemons know them.
    published: Published<BTreeMap<Serial, Hostname>>,
    said: Option<BTreeMap<Serial, Hostname>>,
    collisions: Collisions,
    announcements: watch::Sender<Arc<Announcements>>,
}

/// What the authority follows.
pub(crate) struct Sources {
    boards: Watcher,
    records: Records,
    ports: Follower<WebPorts>,
    collisions: mpsc::Receiver<Collision>,
}

impl Sources {
    pub(crate) fn new(
        config: &Config,
        collisions: mpsc::Receiver<Collision>,
    ) -> Result<Self, WatchError> {
        let runtime_dir = RuntimeDir::new(&config.runtime_dir);
        Ok(Self {
            boards: Watcher::new(&config.boards_dir)?,
            records: Records::new(runtime_dir.records())?,
            ports: runtime_dir.web_ports().follow()?,
            collisions,
        })
    }
}

impl Authority {
    /// An authority that has seen no board yet.
    pub(crate) fn new(config: &Config, announcements: watch::Sender<Arc<Announcements>>) -> Self {
        let memory = StateFile::new(config.state_dir.join("mdns-advertiser/names.toml"));
        Self {
            present: BTreeMap::new(),
            records: BTreeMap::new(),
            ports: WebPorts {
                main: config.http.listen.first().map_or(80, SocketAddr::port),
                boards: BTreeMap::new(),
            },
            book: memory.load().unwrap_or_default(),
            memory,
            published: RuntimeDir::new(&config.runtime_dir).names(),
            said: None,
            collisions: Collisions::default(),
            announcements,
        }
    }

    /// Follows the boards until the daemon stops.
    pub(crate) async fn run(mut self, mut sources: Sources, shutdown: Shutdown) {
        self.look(&mut sources).await;
        loop {
            let deadline = self.deadline(Instant::now());
            tokio::select! {
                _ = sources.boards.changes() => self.take_attached(sources.boards.attached()),
                records = sources.records.changes() => self.records = records,
                Some(ports) = sources.ports.changes() => self.ports = ports,
                Some(collision) = sources.collisions.recv() => self.take_collision(&collision),
                () = wait_until(deadline) => {}
                () = shutdown.requested() => return,
            }
            self.settle(Instant::now()).await;
        }
    }

    /// Looks once, so that all that is there is announced at once, and nothing else.
    async fn look(&mut self, sources: &mut Sources) {
        self.records = sources.records.changes().await;
        if let Some(ports) = sources.ports.changes().await {
            self.ports = ports;
        }
        // The first look does not wait, unless there is no board.
        poll_immediate(sources.boards.changes()).await;
        self.take_attached(sources.boards.attached());
        self.settle(Instant::now()).await;
    }

    fn take_attached(&mut self, found: &AttachedBoards) {
        let now = Instant::now();
        for serial in found.keys() {
            self.present
                .entry(serial.clone())
                .or_insert_with(|| Presence::new(now))
                .is_here();
        }
        for (serial, presence) in &mut self.present {
            if !found.contains_key(serial) {
                presence.is_gone(now);
            }
        }
    }

    fn take_collision(&mut self, collision: &Collision) {
        let current = self.announcements.borrow().get(&collision.board).cloned();
        // Word of a name that was given up already may still come.
        if current.is_some_and(|announced| announced.hostname == collision.hostname) {
            self.collisions.note(&collision.board, Instant::now());
        }
    }

    /// Brings everything in line with what is known.
    async fn settle(&mut self, now: Instant) {
        self.present.retain(|serial, presence| {
            let stays = !presence.is_over(now);
            if !stays {
                tracing::info!(board = %serial, "name withdrawn");
            }
            stays
        });
        let here: BTreeSet<Serial> = self.present.keys().cloned().collect();
        self.collisions.retain(&here);
        for board in self.collisions.due(now) {
            if let Some(hostname) = self.book.next_name_for(&board) {
                tracing::warn!(board = %board, %hostname,
                    "somebody else on the network has the board's name: it takes the next one");
            }
        }
        let announcements: Announcements = self
            .present
            .iter()
            .map(|(serial, presence)| {
                let hostname = self.book.name_for(serial, &here);
                let own = self.records.get(serial).and_then(Record::instance_name);
                let instance = own.and_then(InstanceName::new).or_else(|| {
                    let known = self.records.contains_key(serial) || presence.says_no_more(now);
                    InstanceName::new(hostname.as_str()).filter(|_| known)
                });
                let announcement = Announcement {
                    hostname,
                    instance,
                    port: self.ports.of(serial),
                };
                (serial.clone(), announcement)
            })
            .collect();
        let names: BTreeMap<Serial, Hostname> = announcements
            .iter()
            .map(|(serial, announced)| (serial.clone(), announced.hostname.clone()))
            .collect();
        self.announcements.send_if_modified(|known| {
            let differs = **known != announcements;
            if differs {
                *known = Arc::new(announcements);
            }
            differs
        });
        self.publish(names).await;
        self.memory.store(&self.book).await;
    }

    /// When something changes by itself.
    fn deadline(&self, now: Instant) -> Option<Instant> {
        let presences = self.present.values();
        let presences = presences.filter_map(|presence| presence.deadline(now));
        presences.chain(self.collisions.deadline()).min()
    }

    /// Tells the other daemons.
    async fn publish(&mut self, names: BTreeMap<Serial, Hostname>) {
        if self.said.as_ref() == Some(&names) {
            return;
        }
        let (file, content) = (self.published.clone(), names.clone());
        let written = tokio::task::spawn_blocking(move || file.write(&content)).await;
        match written {
            Ok(Ok(())) => self.said = Some(names),
            Ok(Err(error)) => tracing::warn!(%error, "cannot publish the boards' names"),
            Err(error) => tracing::warn!(%error, "cannot publish the boards' names"),
        }
    }
}

async fn wait_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
