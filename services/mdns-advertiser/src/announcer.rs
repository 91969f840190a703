//! Announces all boards during one session with Avahi, each in a task of its own, and the name that they share.

use std::collections::BTreeSet;
use std::sync::Arc;

use cpy_board::{Serial, wait_until};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::advertised_board::{AdvertisedBoard, REFUSED_WAIT, Surroundings};
use crate::avahi::{AvahiError, Ownership};
use crate::host_records::HostRecords;

/// The name under which any board answers, real ones with Wi-Fi too (CircuitPython, workflows.md).
const NEUTRAL: &str = "circuitpython.local";

/// Announces until the session is lost.
pub(crate) async fn announce(around: Surroundings) -> AvahiError {
    tokio::select! {
        error = each_board(around.clone()) => error,
        error = any_board(around) => error,
    }
}

async fn each_board(mut around: Surroundings) -> AvahiError {
    let mut tasks = JoinSet::new();
    let mut running: BTreeSet<Serial> = BTreeSet::new();
    loop {
        let wanted: BTreeSet<Serial> = {
            let announcements = around.announcements.borrow_and_update();
            announcements.keys().cloned().collect()
        };
        for serial in wanted.difference(&running) {
            let (serial, around) = (serial.clone(), around.clone());
            tasks.spawn(async move {
                let ended = AdvertisedBoard::new(serial.clone(), around).run().await;
                ended.map(|()| serial)
            });
        }
        running.extend(wanted);
        tokio::select! {
            // It fails only where the daemon ends.
            _ = around.announcements.changed() => {}
            Some(ended) = tasks.join_next() => match ended {
                Ok(Ok(serial)) => {
                    running.remove(&serial);
                }
                Ok(Err(error)) => return error,
                // A fault in one task: everything anew is better than a board that nobody announces.
                Err(_panicked) => return AvahiError::Fault,
            }
        }
    }
}

/// Answers for the shared name while there is any board.
async fn any_board(mut around: Surroundings) -> AvahiError {
    let changes = Arc::new(Notify::new());
    let mut records = HostRecords::new(Ownership::Shared, Arc::clone(&changes));
    loop {
        let nobody = around.announcements.borrow_and_update().is_empty();
        let links = around.links.borrow_and_update().clone();
        let settled = if nobody {
            records.withdraw().await
        } else {
            records.settle(&around.session, NEUTRAL, &links).await
        };
        let retry = match settled {
            Ok(()) => None,
            Err(error @ (AvahiError::Collision | AvahiError::Refused(_))) => {
                tracing::debug!(%error, "cannot publish the shared name");
                Some(Instant::now() + REFUSED_WAIT)
            }
            Err(error) => return error,
        };
        tokio::select! {
            // These fail only where the daemon ends.
            _ = around.announcements.changed() => {}
            _ = around.links.changed() => {}
            () = changes.notified() => {}
            () = wait_until(records.deadline().into_iter().chain(retry).min()) => {}
        }
    }
}
