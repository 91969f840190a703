//! The task that holds one console's port open for as long as its board is plugged in.
//!
//! It reads always, whether or not there are clients, because a board whose output nobody takes
//! stands still.

use std::convert::Infallible;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cpy_board::daemon::with_causes;
use cpy_board::{Endpoint, Shutdown};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::console::{Console, OpenConsole};
use crate::consoles::Consoles;
use crate::port::Port;

/// Between two tries to open a port: at first, and at most.
const FIRST_DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(5);
/// A port that held this long was a good one: the next trouble is a new one.
const STEADY: Duration = Duration::from_secs(5);
/// How long the console of a board that left is remembered when nobody looks at it.
const MEMORY: Duration = Duration::from_secs(600);
/// What a terminal device hands out in one read.
const READ: usize = 4096;

/// Keeps one console's port.
#[derive(Debug)]
pub(crate) struct Keeper {
    pub(crate) console: Arc<Console>,
    /// Where the board's port is, while it is plugged in.
    pub(crate) endpoint: watch::Receiver<Option<Endpoint>>,
    pub(crate) consoles: Arc<Consoles>,
    pub(crate) shutdown: Shutdown,
}

impl Keeper {
    /// Runs until the console is forgotten or the daemon ends.
    pub(crate) async fn run(mut self) {
        let shutdown = self.shutdown.clone();
        tokio::select! {
            () = shutdown.requested() => {}
            () = self.keep() => {}
        }
    }

    async fn keep(&mut self) {
        loop {
            let endpoint = self.endpoint.borrow_and_update().clone();
            let known = match endpoint {
                Some(endpoint) => tokio::select! {
                    changed = self.endpoint.changed() => changed.is_ok(),
                    never = hold(&self.console, &endpoint.path) => match never {},
                },
                None => self.wait().await,
            };
            if !known {
                return;
            }
        }
    }

    /// Waits for the board. False: nobody else does, and the console was forgotten.
    async fn wait(&mut self) -> bool {
        let mut clients = self.console.clients();
        loop {
            let deserted = *clients.borrow_and_update() == 0;
            tokio::select! {
                changed = self.endpoint.changed() => return changed.is_ok(),
                _ = clients.changed() => {}
                () = sleep(MEMORY), if deserted => {
                    if self.consoles.forget(self.console.serial()) {
                        return false;
                    }
                }
            }
        }
    }
}

/// Opens the port behind a link, again and again, and uses it while it is open.
async fn hold(console: &Console, path: &Path) -> Infallible {
    let board = console.serial();
    let mut delay = FIRST_DELAY;
    let mut trouble = Trouble::default();
    loop {
        match Port::open(path).await {
            Ok(mut port) => {
                trouble = Trouble::default();
                let opened = Instant::now();
                let end = serve(&console.opened(), &mut port).await;
                tracing::debug!(%board, error = %end, "the port broke off");
                if opened.elapsed() >= STEADY {
                    delay = FIRST_DELAY;
                }
            }
            Err(error) => {
                if trouble.is_to_be_told(with_causes(&error)) {
                    let error = &trouble.reason;
                    tracing::warn!(%board, error, "cannot open a console, trying again");
                }
            }
        }
        sleep(delay).await;
        delay = (delay * 2).min(LONGEST_DELAY);
    }
}

/// Why a port could not be opened, and how many times in a row.
#[derive(Debug, Default)]
struct Trouble {
    reason: String,
    times: u32,
}

impl Trouble {
    /// Once for each reason, and not at its first time: at an unplug the port breaks off a moment
    /// before its link goes, and that is no trouble.
    fn is_to_be_told(&mut self, reason: String) -> bool {
        if self.reason != reason {
            *self = Self { reason, times: 0 };
        }
        self.times = self.times.saturating_add(1);
        self.times == 2
    }
}

/// Moves bytes both ways until the port ends, and tells how it did.
async fn serve(console: &OpenConsole<'_>, port: &mut Port) -> io::Error {
    let (reader, writer) = port.halves();
    let end = tokio::select! {
        end = drain(console, reader) => end,
        end = feed(console, writer) => end,
    };
    match end {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

async fn drain(
    console: &OpenConsole<'_>,
    mut port: impl AsyncRead + Unpin,
) -> io::Result<Infallible> {
    let mut buffer = vec![0; READ];
    loop {
        match port.read(&mut buffer).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            size => console.print(&buffer[..size]),
        }
    }
}

async fn feed(
    console: &OpenConsole<'_>,
    mut port: impl AsyncWrite + Unpin,
) -> io::Result<Infallible> {
    loop {
        port.write_all(&console.typed().await).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_is_told_once_and_not_at_its_first_time() {
        let mut trouble = Trouble::default();
        let told: Vec<bool> = ["gone", "denied", "denied", "denied", "busy", "busy"]
            .map(|reason| trouble.is_to_be_told(reason.to_owned()))
            .into();
        assert_eq!(told, [false, false, true, false, false, true]);
    }
}
