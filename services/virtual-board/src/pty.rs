//! A PTY as the console's cable: its slave is what a host sees as /dev/ttyACM0.
//!
//! Moves the bytes and finds out whether somebody has the slave open. Keeps none of them.

use std::ffi::OsStr;
use std::future::pending;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Mode, OFlags, fcntl_getfl, fcntl_setfl, open};
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{QueueSelector, tcflush};
use tokio::io::unix::AsyncFd;
use tokio::time::Instant;

use crate::cable::{CableEvent, due};
use crate::console::Console;
use crate::readiness::readiness;
use crate::watch::Watch;

/// The board's end of the PTY.
pub(crate) struct Pty {
    master: Arc<OwnedFd>,
    slave: PathBuf,
    opens: Watch,
    /// There while a host is. A registration lasts for one host: tokio takes a hang-up for final,
    /// a PTY does not.
    port: Option<AsyncFd<Arc<OwnedFd>>>,
}

impl Pty {
    pub(crate) fn new() -> io::Result<Self> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let flags = fcntl_getfl(&master)?;
        fcntl_setfl(&master, flags | OFlags::NONBLOCK)?;
        let slave = PathBuf::from(OsStr::from_bytes(ptsname(&master, [])?.as_bytes()));
        let pty = Self {
            opens: Watch::for_opens(&slave)?,
            master: Arc::new(master),
            slave,
            port: None,
        };
        // A slave that was never open looks like one that is; opened and closed, it hangs up.
        drop(pty.open_slave()?);
        Ok(pty)
    }

    /// What the link `console` points at.
    pub(crate) fn slave(&self) -> &Path {
        &self.slave
    }

    /// Moves bytes until something happened that the board should know. May be dropped at any
    /// await without a loss.
    pub(crate) async fn event(&mut self, console: &mut Console) -> io::Result<CableEvent> {
        loop {
            let Some(port) = &self.port else {
                self.opens.next().await?;
                if self.slave_is_open(console)? {
                    self.port = Some(readiness(&self.master)?);
                    console.host_came();
                    return Ok(CableEvent::Opened);
                }
                continue;
            };
            let (speak_at, mut typed) = (console.speak_at(), [0; 4096]);
            tokio::select! {
                count = receive(port, &mut typed) => match count? {
                    0 => {
                        self.hang_up();
                        console.host_left();
                        return Ok(CableEvent::Closed);
                    }
                    count => {
                        console.take_in(&typed[..count]);
                        return Ok(CableEvent::Typed);
                    }
                },
                sent = send(port, speak_at, console.to_send()) => {
                    console.sent(sent?);
                    return Ok(CableEvent::Drained);
                }
            }
        }
    }

    fn hang_up(&mut self) {
        self.port = None;
        let flushed = tcflush(&self.master, QueueSelector::OFlush)
            .map_err(io::Error::from)
            .and_then(|()| Ok(tcflush(self.open_slave()?, QueueSelector::IFlush)?));
        if let Err(error) = flushed {
            tracing::debug!(%error, "cannot flush the console");
        }
    }

    fn open_slave(&self) -> io::Result<OwnedFd> {
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        Ok(open(&self.slave, flags, Mode::empty())?)
    }

    fn slave_is_open(&self, console: &mut Console) -> io::Result<bool> {
        let mut typed = [0; 512];
        match rustix::io::read(&self.master, &mut typed) {
            Ok(count) => {
                console.take_in(&typed[..count]);
                Ok(true)
            }
            Err(Errno::AGAIN | Errno::INTR) => Ok(true),
            Err(Errno::IO) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// Reads what was typed; nothing when the host is gone.
async fn receive(port: &AsyncFd<Arc<OwnedFd>>, typed: &mut [u8]) -> io::Result<usize> {
    loop {
        let mut guard = port.readable().await?;
        // Asked now: a guard forgets it when there is nothing to read.
        let hung_up = guard.ready().is_read_closed();
        match guard.try_io(|master| Ok(rustix::io::read(master, &mut *typed)?)) {
            Ok(Err(error)) if error.raw_os_error() == Some(Errno::IO.raw_os_error()) => {
                return Ok(0);
            }
            Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(read) => return read,
            // One host went and another came before this was read: that is a hang-up all the same.
            Err(_would_block) if hung_up => return Ok(0),
            Err(_would_block) => {}
        }
    }
}

async fn send(
    port: &AsyncFd<Arc<OwnedFd>>,
    speak_at: Option<Instant>,
    bytes: &[u8],
) -> io::Result<usize> {
    due(speak_at).await;
    loop {
        let mut guard = port.writable().await?;
        let hung_up = guard.ready().is_write_closed();
        match guard.try_io(|master| Ok(rustix::io::write(master, bytes)?)) {
            Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(sent) => return sent,
            // The host is gone; that is told by what receives.
            Err(_would_block) if hung_up => pending().await,
            Err(_would_block) => {}
        }
    }
}
