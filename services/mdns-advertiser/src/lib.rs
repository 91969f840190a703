//! The daemon that gives boards their names on the network, through the avahi-daemon that runs there.
//!
//! The way of a board: the `authority` sees it plugged in (`presence`), gives it a name (`name_book`, `collisions`,
//! `instance_names`) and says what to announce (`announcement`). While Avahi is there (`avahi`), the `announcer` has
//! an `advertised_board` for each, with `host_records` on all `links` and a `service_record`. The way of other
//! devices: Avahi's signals -> `sightings` -> `browser` -> `peers`, without `own_names` -> `api`.

mod advertised_board;
mod announcement;
mod announcer;
mod api;
mod authority;
mod avahi;
mod browser;
mod collisions;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod host_records;
mod instance_names;
mod links;
mod name_book;
mod netlink;
mod network_state;
mod own_names;
mod peers;
mod presence;
mod service_record;
mod sightings;

use std::sync::Arc;

use cpy_board::daemon::StartError;
use cpy_board::http::{Limits, Server};
use cpy_board::status::Peers;
use cpy_board::{Configuration, Daemon, RuntimeDir, ServiceManager, Shutdown, UnixSocket};
use tokio::sync::{mpsc, watch};

use crate::advertised_board::Surroundings;
use crate::announcement::Announcements;
use crate::api::Api;
use crate::authority::{Authority, Sources};
use crate::avahi::AvahiError;
use crate::collisions::Word;
use crate::links::Links;
use crate::network_state::NetworkState;

/// Words that may wait for the authority. Boards whose word does not fit in wait.
const WORDS: usize = 16;

/// Announces boards until the end is asked for.
pub async fn run(
    configuration: Configuration,
    manager: ServiceManager,
    shutdown: Shutdown,
) -> Result<(), StartError> {
    let config = configuration.now();
    let runtime_dir = RuntimeDir::new(&config.runtime_dir);
    let socket = UnixSocket::open(&runtime_dir.socket(Daemon::MdnsAdvertiser))?;
    let (announcements, announced) = watch::channel(Arc::new(Announcements::new()));
    let (words, heard) = mpsc::channel(WORDS);
    let (peers, found) = watch::channel(Arc::new(Peers::new()));
    let state = NetworkState::new(config.mdns.enabled);
    let api = Api {
        announcements: announced.clone(),
        state: state.clone(),
        peers: found,
    };
    let limits = Limits::between_daemons(&config.limits);
    let server = Server::new(api, limits, shutdown.clone());
    let mut sources = Sources::new(&config, heard)?;
    let mut authority = Authority::new(&config, announcements);
    authority.look(&mut sources).await;
    let network = Network {
        configuration,
        announcements: announced,
        words,
        state,
        peers,
    };
    manager.ready();
    tokio::select! {
        () = authority.run(sources, shutdown) => Ok(()),
        error = network.run() => Err(error),
        () = async { server.serve(socket.listener().await).await } => Ok(()),
    }
}

/// The part of the daemon that works with Avahi and the network.
struct Network {
    configuration: Configuration,
    announcements: watch::Receiver<Arc<Announcements>>,
    words: mpsc::Sender<Word>,
    state: NetworkState,
    peers: watch::Sender<Arc<Peers>>,
}

impl Network {
    /// Works for good, whenever the configuration wants names on the network.
    async fn run(self) -> StartError {
        loop {
            let enabled = self.configuration.now().mdns.enabled;
            self.state.is_enabled(enabled);
            tokio::select! {
                error = self.publish(), if enabled => return error,
                () = self.switched(enabled) => {}
            }
            // What was published is withdrawn with the connection to Avahi, and nobody else is known any more.
            self.peers.send_replace(Arc::default());
        }
    }

    /// Returns when the configuration wants names where it did not, or the other way round.
    async fn switched(&self, enabled: bool) {
        if !enabled {
            tracing::info!("names are not published: mdns.enabled is false");
        }
        // To a clone, whatever changed since the start is news: nothing is missed.
        let mut configuration = self.configuration.clone();
        while configuration.changed().await.mdns.enabled == enabled {}
    }

    /// Publishes names for good.
    async fn publish(&self) -> StartError {
        let (links, here) = watch::channel(Links::new());
        let whenever_there = avahi::whenever_there(
            |there| {
                self.state.avahi_is_there(there);
                // Who is there is to be found anew.
                self.peers.send_replace(Arc::default());
            },
            async |session| self.work(session, here.clone()).await,
        );
        tokio::select! {
            error = whenever_there => error.into(),
            () = netlink::follow(self.configuration.clone(), &links) => std::future::pending().await,
        }
    }

    /// One session with Avahi.
    async fn work(
        &self,
        session: Arc<avahi::Session>,
        links: watch::Receiver<Links>,
    ) -> AvahiError {
        let around = Surroundings {
            session: Arc::clone(&session),
            announcements: self.announcements.clone(),
            links: links.clone(),
            words: self.words.clone(),
            state: self.state.clone(),
        };
        tokio::select! {
            error = announcer::announce(around) => error,
            error = browser::browse(&session, links, self.announcements.clone(), &self.peers) => error,
        }
    }
}
