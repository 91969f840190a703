//! What the demo's boards are called: whatever the gateway says, since a name may be taken on the network.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, interval};

use crate::daemons::{RoutedBoard, routed_boards};

/// How long boards may take to appear on a slow machine.
const PATIENCE: Duration = Duration::from_secs(20);
const BETWEEN_TRIES: Duration = Duration::from_millis(100);

/// The boards at the gateway that listens on these addresses: all of them, or those that came in time.
pub(super) async fn settled(listen: &[SocketAddr], boards: u16) -> Vec<RoutedBoard> {
    let end = Instant::now() + PATIENCE;
    let mut tries = interval(BETWEEN_TRIES);
    loop {
        tries.tick().await;
        let found = routed_boards(listen).await.unwrap_or_default();
        if found.len() >= usize::from(boards) || Instant::now() > end {
            return found;
        }
    }
}
