//! The authority over names: which boards are announced, what each is called, and until when.
//!
//! It knows nothing of Avahi: it says what should be announced, and is told when the network holds a name.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cpy_board::attached::AttachedBoards;
use cpy_board::{
    Config, Follower, Hostname, Publisher, Record, Records, RuntimeDir, Serial, Shutdown,
    StateFile, WatchError, Watcher, WebPorts, wait_until,
};
use futures_util::future::poll_immediate;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::announcement::{Announcement, Announcements, InstanceName};
use crate::collisions::{Collisions, Says, Word};
use crate::instance_names::InstanceNames;
use crate::name_book::NameBook;
use crate::presence::Presence;

/// How long to wait before a file is written again that could not be written.
const WRITE_AGAIN: Duration = Duration::from_secs(10);

/// A name that is lost this soon after it was given back is lost for good.
const SOON: Duration = Duration::from_secs(60);

/// Decides what is announced.
pub(crate) struct Authority {
    present: BTreeMap<Serial, Presence>,
    records: BTreeMap<Serial, Record>,
    ports: WebPorts,
    book: NameBook,
    /// Where the book is kept.
    memory: StateFile<NameBook>,
    /// Names as the other daemons know them.
    published: Publisher<BTreeMap<Serial, Hostname>>,
    collisions: Collisions,
    /// Boards that had their name back, and when. Who loses it again soon had it taken by somebody who does not
    /// answer for it, and is not given it back again.
    returned: BTreeMap<Serial, Instant>,
    instances: InstanceNames,
    /// When to write again what could not be written.
    retry: Option<Instant>,
    announcements: watch::Sender<Arc<Announcements>>,
}

/// What the authority follows.
pub(crate) struct Sources {
    boards: Watcher,
    records: Records,
    ports: Follower<WebPorts>,
    words: mpsc::Receiver<Word>,
}

impl Sources {
    pub(crate) fn new(config: &Config, words: mpsc::Receiver<Word>) -> Result<Self, WatchError> {
        let runtime_dir = RuntimeDir::new(&config.runtime_dir);
        Ok(Self {
            boards: Watcher::new(&config.boards_dir)?,
            records: Records::new(runtime_dir.records())?,
            ports: runtime_dir.web_ports().follow()?,
            words,
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
                main: config.http.listen.first().map(SocketAddr::port),
                boards: BTreeMap::new(),
            },
            book: memory.load().unwrap_or_default(),
            memory,
            published: Publisher::new(RuntimeDir::new(&config.runtime_dir).names()),
            collisions: Collisions::default(),
            returned: BTreeMap::new(),
            instances: InstanceNames::default(),
            retry: None,
            announcements,
        }
    }

    /// Follows the boards until the daemon stops.
    pub(crate) async fn run(mut self, mut sources: Sources, shutdown: Shutdown) {
        loop {
            let deadline = self.deadline(Instant::now());
            tokio::select! {
                _ = sources.boards.changes() => self.take_attached(sources.boards.attached()),
                records = sources.records.changes() => self.records = records,
                Some(ports) = sources.ports.changes() => self.ports = ports,
                Some(word) = sources.words.recv() => self.take_word(&word),
                () = wait_until(deadline) => {}
                () = shutdown.requested() => return,
            }
            self.settle(Instant::now()).await;
        }
    }

    /// Looks once, so that all that is there is announced at once, and nothing else.
    pub(crate) async fn look(&mut self, sources: &mut Sources) {
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

    fn take_word(&mut self, word: &Word) {
        let Word {
            board,
            hostname,
            says,
        } = word;
        // Word of a name that was given up already may still come.
        let current = self.announcements.borrow().get(board).cloned();
        let has = current.is_some_and(|announced| announced.hostname == *hostname);
        let lost = self.book.lost_name(board) == Some(hostname);
        match says {
            Says::Taken if has => self.collisions.note(board, Instant::now()),
            Says::StillTaken if lost => {
                tracing::warn!(%board, %hostname, "others still have the board's name: it is given up");
                self.book.keep(board);
            }
            Says::Free if lost => {
                tracing::info!(%board, %hostname, "the board has its name back");
                self.book.take_back(board);
                self.collisions.cancel(board);
                self.returned.insert(board.clone(), Instant::now());
            }
            Says::Taken | Says::StillTaken | Says::Free => {}
        }
    }

    /// Brings everything in line with what is known.
    async fn settle(&mut self, now: Instant) {
        self.let_go(now);
        let here: BTreeSet<Serial> = self.present.keys().cloned().collect();
        for board in self.collisions.due(now) {
            self.book.lend(&board);
            let hostname = self.book.name_for(&board, &here);
            tracing::warn!(%board, %hostname, "others have the board's name: it is lent the next one");
            let returned = self.returned.get(&board);
            if returned.is_some_and(|at| now.duration_since(*at) < SOON) {
                self.book.keep(&board);
            }
        }
        let announcements = self.announcements(&here, now);
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
        let published = self.published.publish(&names).await;
        let remembered = self.memory.store(&self.book).await;
        self.retry = (!published || !remembered).then(|| Instant::now() + WRITE_AGAIN);
    }

    /// Forgets boards whose time of grace is over.
    fn let_go(&mut self, now: Instant) {
        let over: Vec<Serial> = self
            .present
            .iter()
            .filter(|(_, presence)| presence.is_over(now))
            .map(|(serial, _)| serial.clone())
            .collect();
        for board in over {
            tracing::info!(%board, "name withdrawn");
            self.present.remove(&board);
            self.collisions.forget(&board);
            self.returned.remove(&board);
            self.book.take_back(&board);
        }
    }

    /// What is to be said of the boards that are `here`.
    fn announcements(&mut self, here: &BTreeSet<Serial>, now: Instant) -> Announcements {
        let mut announcements = Announcements::new();
        for serial in here {
            let announcement = Announcement {
                hostname: self.book.name_for(serial, here),
                lost: self.book.lost_name(serial).cloned(),
                instance: None,
                port: self.ports.of(serial),
            };
            announcements.insert(serial.clone(), announcement);
        }
        let mut named: Vec<(Serial, InstanceName)> = announcements
            .iter()
            .filter_map(|(serial, announced)| {
                let name = self.instance_name(serial, &announced.hostname, now)?;
                Some((serial.clone(), name))
            })
            .collect();
        named.sort_by_key(|(serial, _)| self.book.rank(serial));
        for (serial, name) in self.instances.choose(named) {
            if let Some(announcement) = announcements.get_mut(serial) {
                announcement.instance = Some(name.clone());
            }
        }
        announcements
    }

    /// What a board is called: what it says itself, or its host name if it says nothing.
    fn instance_name(
        &self,
        serial: &Serial,
        hostname: &Hostname,
        now: Instant,
    ) -> Option<InstanceName> {
        let own = self.records.get(serial).and_then(Record::instance_name);
        own.and_then(InstanceName::new).or_else(|| {
            let presence = self.present.get(serial)?;
            let says_nothing = self.records.contains_key(serial) || presence.says_no_more(now);
            InstanceName::new(hostname.as_str()).filter(|_| says_nothing)
        })
    }

    /// When something changes by itself.
    fn deadline(&self, now: Instant) -> Option<Instant> {
        let presences = self.present.values();
        let presences = presences.filter_map(|presence| presence.deadline(now));
        let others = self.collisions.deadline().into_iter().chain(self.retry);
        presences.chain(others).min()
    }
}
