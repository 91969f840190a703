//! Keeps the picture of all boards up to date: who is plugged in, under which name and port, and what the
//! records say. Opens the boards' ports.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cpy_board::attached::AttachedBoards;
use cpy_board::{
    Config, Configuration, Follower, Hostname, Record, Records, RuntimeDir, Serial, ServiceManager,
    Shutdown, StateFile, WatchError, Watcher, wait_until,
};
use futures_util::future::poll_immediate;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::announced::Announced;
use crate::boards::{Board, Boards};
use crate::listeners::Listeners;
use crate::main_listeners::MainListeners;
use crate::naming::{self, Names};
use crate::policy::Policy;
use crate::ports::{self, PortBook};

/// How long to wait before a file is written again that could not be written.
const WRITE_AGAIN: Duration = Duration::from_secs(10);

/// Who keeps the picture.
pub(crate) struct Directory {
    attached: BTreeSet<Serial>,
    /// Those of them that have a drive.
    drives: BTreeSet<Serial>,
    /// What the records said last, also when the files are gone: a board that was behind a password stays
    /// behind it while its drive is being read again.
    records: BTreeMap<Serial, Record>,
    /// What boards are called, also those that left: a name stays its board's.
    names: Names,
    /// The names that mdns-advertiser holds.
    held: Names,
    book: PortBook,
    /// Where the book is kept.
    memory: StateFile<ports::Written>,
    announced: Announced,
    entrances: Entrances,
    policies: watch::Sender<Arc<Policy>>,
    manager: ServiceManager,
    /// Ports that could not be had for a board, so that it is said once.
    failed: BTreeSet<(Serial, u16)>,
    /// When to write again what could not be written.
    retry: Option<Instant>,
    boards: watch::Sender<Arc<Boards>>,
}

/// Where requests come in.
pub(crate) struct Entrances {
    /// For all boards.
    pub(crate) main: MainListeners,
    /// For each board its own.
    pub(crate) own: Listeners,
}

/// Where the picture comes from.
pub(crate) struct Sources {
    configuration: Configuration,
    watcher: Watcher,
    records: Records,
    names: Follower<Names>,
}

impl Sources {
    pub(crate) fn new(config: &Config, configuration: Configuration) -> Result<Self, WatchError> {
        let runtime_dir = RuntimeDir::new(&config.runtime_dir);
        Ok(Self {
            configuration,
            watcher: Watcher::new(&config.boards_dir)?,
            records: Records::new(runtime_dir.records())?,
            names: runtime_dir.names().follow()?,
        })
    }
}

impl Directory {
    pub(crate) fn new(
        config: &Config,
        entrances: Entrances,
        policies: watch::Sender<Arc<Policy>>,
        boards: watch::Sender<Arc<Boards>>,
        manager: ServiceManager,
    ) -> Self {
        let memory = ports::file(&config.state_dir);
        let written = memory.load().unwrap_or_default();
        let book = PortBook::new(written, config.http.board_ports.clone());
        let names = book
            .entries()
            .iter()
            .map(|entry| (entry.serial.clone(), entry.hostname.clone()));
        Self {
            attached: BTreeSet::new(),
            drives: BTreeSet::new(),
            records: BTreeMap::new(),
            names: names.collect(),
            held: Names::new(),
            memory,
            announced: Announced::new(&RuntimeDir::new(&config.runtime_dir)),
            book,
            entrances,
            policies,
            manager,
            failed: BTreeSet::new(),
            retry: None,
            boards,
        }
    }

    /// Looks once, so that the first request finds the boards that are there.
    pub(crate) async fn look(&mut self, config: &Config, sources: &mut Sources) {
        self.open_entrances(config).await;
        self.take_records(sources.records.changes().await);
        self.held = sources.names.changes().await.unwrap_or_default();
        // The first look does not wait, unless there is no board.
        poll_immediate(sources.watcher.changes()).await;
        self.take_attached(sources.watcher.attached());
        self.settle().await;
        self.entrances.main.serve();
    }

    /// Follows all sources until the daemon stops.
    pub(crate) async fn run(mut self, sources: Sources, shutdown: Shutdown) {
        let Sources {
            mut configuration,
            mut watcher,
            mut records,
            mut names,
        } = sources;
        loop {
            tokio::select! {
                _ = watcher.changes() => self.take_attached(watcher.attached()),
                records = records.changes() => self.take_records(records),
                config = configuration.changed() => self.take_config(&config).await,
                held = names.changes() => self.take_names(held.unwrap_or_default()),
                () = wait_until(self.retry) => {}
                () = shutdown.requested() => return,
            }
            self.settle().await;
        }
    }

    /// Goes by another configuration from now on.
    async fn take_config(&mut self, config: &Config) {
        self.policies.send_replace(Arc::new(Policy::of(config)));
        self.entrances.main.limit((&config.limits).into());
        self.open_entrances(config).await;
        self.entrances.main.serve();
        self.book = PortBook::new(self.book.written(), config.http.board_ports.clone());
        for serial in &self.attached {
            let hostname = &self.names[serial];
            let own = &mut self.entrances.own;
            choose_port(&mut self.book, own, (serial, hostname), &self.attached);
        }
    }

    /// Opens and closes the main addresses, and makes way for the boards' own ports.
    async fn open_entrances(&mut self, config: &Config) {
        let Entrances { main, own } = &mut self.entrances;
        let wanted = config.http.listen.iter().map(SocketAddr::port);
        // A port that was a board's is everybody's from now on.
        own.leave_to_others(wanted.collect()).await;
        main.follow(&config.http.listen).await;
        own.leave_to_others(main.ports().into_iter().collect())
            .await;
        own.move_to(main.addresses()).await;
    }

    fn take_records(&mut self, records: BTreeMap<Serial, Record>) {
        for (serial, mut record) in records {
            // Port 0 is none: the system would choose one.
            record.settings.port = record.settings.port.filter(|port| *port != 0);
            self.records.insert(serial, record);
        }
    }

    fn take_attached(&mut self, found: &AttachedBoards) {
        for gone in self.attached.iter().filter(|s| !found.contains_key(*s)) {
            tracing::info!(board = %gone, "board went");
            self.failed.retain(|(serial, _)| serial != gone);
        }
        let came: Vec<Serial> = found
            .keys()
            .filter(|serial| !self.attached.contains(*serial))
            .cloned()
            .collect();
        let with_drive = found.values().filter(|board| board.drive.is_some());
        self.drives = with_drive.map(|board| board.serial.clone()).collect();
        self.attached = found.keys().cloned().collect();
        self.name_boards();
        for serial in came {
            let hostname = &self.names[&serial];
            let port = choose_port(
                &mut self.book,
                &mut self.entrances.own,
                (&serial, hostname),
                &self.attached,
            );
            self.book.came(&serial);
            tracing::info!(board = %serial, %hostname, port, "board came");
        }
    }

    fn take_names(&mut self, held: Names) {
        self.held = held;
        self.name_boards();
    }

    fn name_boards(&mut self) {
        let names = naming::names(&self.attached, &self.names, &self.held);
        for (serial, before) in &self.names {
            let hostname = &names[serial];
            if hostname != before {
                tracing::info!(board = %serial, %hostname, %before, "board is called by another name");
            }
        }
        self.book.called(&names);
        self.names = names;
    }

    /// Brings the ports and the picture in line with what is known.
    async fn settle(&mut self) {
        let mut wanted: BTreeSet<u16> = self.book.entries().iter().map(|e| e.port).collect();
        for serial in &self.attached {
            let Some(port) = self.asked_port(serial) else {
                continue;
            };
            wanted.insert(port);
            let asked = (serial.clone(), port);
            match self.entrances.own.open(port) {
                Ok(()) => {
                    self.failed.remove(&asked);
                }
                Err(error) => {
                    if self.failed.insert(asked) {
                        tracing::warn!(board = %serial, port, %error,
                            "cannot listen on the port that the board's settings.toml asks for");
                    }
                }
            }
        }
        for entry in self.book.entries() {
            // Boards that left are told to be gone at their ports, too.
            if let Err(error) = self.entrances.own.open(entry.port) {
                tracing::debug!(board = %entry.serial, port = entry.port, %error,
                    "cannot listen on the port of a board that left");
            }
        }
        self.entrances.own.keep(&wanted);
        let picture = Arc::new(self.picture());
        self.boards.send_replace(Arc::clone(&picture));
        let announced = self.announced.follow(&picture).await;
        let remembered = self.memory.store(&self.book.written()).await;
        if picture.problems() != self.problems() {
            self.boards.send_replace(Arc::new(self.picture()));
        }
        self.manager.status(&status(&self.boards.borrow()));
        self.retry = (!announced || !remembered).then(|| Instant::now() + WRITE_AGAIN);
    }

    /// The port that a board's settings ask for.
    fn asked_port(&self, serial: &Serial) -> Option<u16> {
        self.records.get(serial)?.settings.port
    }

    fn picture(&self) -> Boards {
        let entries = self.book.entries();
        let boards = self.names.iter().map(|(serial, hostname)| Board {
            serial: serial.clone(),
            hostname: hostname.clone(),
            attached: self.attached.contains(serial),
            port: entries.iter().find(|e| e.serial == *serial).map(|e| e.port),
            record: self.records.get(serial).cloned().unwrap_or_default(),
            has_drive: self.drives.contains(serial),
            unread: self.drives.contains(serial) && !self.records.contains_key(serial),
            refused_port: self
                .asked_port(serial)
                .filter(|port| self.failed.contains(&(serial.clone(), *port))),
        });
        let main = &self.entrances.main;
        Boards::new(boards, &main.ports()).with_problems(self.problems())
    }

    /// What is the matter with the gateway itself, for its pages.
    fn problems(&self) -> Vec<String> {
        let mut problems = self.entrances.main.problems().to_vec();
        problems.extend(self.memory.problem());
        problems.extend(self.announced.problem());
        problems.extend(self.policies.borrow().problem().map(str::to_owned));
        problems
    }
}

/// How the gateway does, in a line.
fn status(boards: &Boards) -> String {
    let served = match boards.attached().count() {
        0 => "No board is plugged in.".to_owned(),
        1 => "Serving 1 board.".to_owned(),
        n => format!("Serving {n} boards."),
    };
    let problems = boards.problems().iter().map(String::as_str);
    let all: Vec<&str> = std::iter::once(served.as_str()).chain(problems).collect();
    all.join(" ")
}

/// Opens a port for a board that came: its own, or another where that is taken.
fn choose_port(
    book: &mut PortBook,
    listeners: &mut Listeners,
    (serial, hostname): (&Serial, &Hostname),
    attached: &BTreeSet<Serial>,
) -> Option<u16> {
    let mut unusable = BTreeSet::new();
    loop {
        let Some(port) = book.port_for(serial, hostname, attached, &unusable) else {
            tracing::warn!(board = %serial, "no port is left for the board: it answers by its name only");
            return None;
        };
        match listeners.open(port) {
            Ok(()) => return Some(port),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                tracing::info!(board = %serial, port, "the board's port is taken by another program");
            }
            Err(error) => {
                tracing::warn!(board = %serial, port, %error, "cannot listen on the board's port");
            }
        }
        unusable.insert(port);
    }
}
