//! What the demo's boards are called: whatever the gateway says, since a name may be taken on the network.

use std::net::SocketAddr;
use std::time::Duration;

use cpy_board::status::{NameState, NetworkStatus};
use cpy_board::{Daemon, Hostname, RuntimeDir};
use tokio::time::{Instant, interval};

use super::reach::Reach;
use crate::daemons::{self, RoutedBoard, routes, statuses};

/// How long boards may take to appear on a slow machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long the network may take then to say whose their names are; it needs a second for each try.
const NETWORK_PATIENCE: Duration = Duration::from_secs(10);
const BETWEEN_TRIES: Duration = Duration::from_millis(100);

/// The boards as the demo's user finds them.
#[derive(Debug)]
pub(super) struct Settled {
    pub(super) names: Vec<Hostname>,
    /// Whether other machines find them by these names, too.
    pub(super) published: bool,
}

/// Waits until the gateway that listens on these addresses has all boards, and the network their names if it is to
/// have them; not for ever.
pub(super) async fn settled(
    listen: &[SocketAddr],
    boards: u16,
    reach: Reach,
    runtime_dir: &RuntimeDir,
) -> Settled {
    let mut end = Instant::now() + PATIENCE;
    let mut complete = false;
    let mut tries = interval(BETWEEN_TRIES);
    loop {
        tries.tick().await;
        let said = routes(listen, daemons::PATIENCE).await;
        let found = said.unwrap_or_default().boards;
        if !complete && found.len() >= usize::from(boards) {
            complete = true;
            end = Instant::now() + NETWORK_PATIENCE;
        }
        let published = reach == Reach::Network && are_published(&found, runtime_dir).await;
        let done = complete && (published || reach != Reach::Network);
        if done || Instant::now() > end {
            let names = found.into_iter().map(|board| board.hostname);
            return Settled {
                names: names.collect(),
                published,
            };
        }
    }
}

/// Whether the network has just the names that the gateway has.
async fn are_published(boards: &[RoutedBoard], runtime_dir: &RuntimeDir) -> bool {
    let answer =
        statuses::<NetworkStatus>(runtime_dir, Daemon::MdnsAdvertiser, daemons::PATIENCE).await;
    let Ok(network) = answer else {
        return false;
    };
    boards.iter().all(|board| {
        network.boards.get(&board.serial).is_some_and(|name| {
            name.hostname == board.hostname && name.state == NameState::Published
        })
    })
}
