//! The console's cable: a PTY whose slave is what a host sees as /dev/ttyACM0.
//!
//! Owns the bytes on their way in both directions and knows whether a host is there. What the
//! bytes mean is the board's business.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::future::pending;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{Mode, OFlags, fcntl_getfl, fcntl_setfl, open};
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{QueueSelector, tcflush};
use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, sleep_until};

use crate::line_editor::CTRL_C;
use crate::readiness::readiness;
use crate::watch::Watch;

/// CircuitPython holds its first words back for so long, for the host to turn its echo off.
const SETTLE: Duration = Duration::from_millis(50);
/// From here on nothing more is printed until the host has read: the board waits.
const OUTPUT_ROOM: usize = 4096;
/// More than this is not kept of what is typed while nobody reads it. It is thrown away and not
/// left in the PTY, so that a Ctrl-C behind it still gets through.
const TYPE_AHEAD: usize = 1024 * 1024;

/// What happened on the cable.
pub(crate) enum ConsoleEvent {
    /// A host opened the port.
    Opened,
    /// The last host closed it.
    Closed,
    /// Something was typed: see [`Console::typed`].
    Typed,
    /// The host read something.
    Drained,
}

enum Host {
    Absent,
    Present {
        /// A registration lasts for one host: tokio takes a hang-up for final, a PTY does not.
        port: AsyncFd<Arc<OwnedFd>>,
        speak_at: Instant,
    },
}

/// The board's end of the console.
pub(crate) struct Console {
    master: Arc<OwnedFd>,
    slave: PathBuf,
    opens: Watch,
    host: Host,
    output: VecDeque<u8>,
    typed: VecDeque<u8>,
}

impl Console {
    pub(crate) fn new() -> io::Result<Self> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let flags = fcntl_getfl(&master)?;
        fcntl_setfl(&master, flags | OFlags::NONBLOCK)?;
        let slave = PathBuf::from(OsStr::from_bytes(ptsname(&master, [])?.as_bytes()));
        let console = Self {
            opens: Watch::for_opens(&slave)?,
            master: Arc::new(master),
            slave,
            host: Host::Absent,
            output: VecDeque::new(),
            typed: VecDeque::new(),
        };
        // A slave that was never open looks like one that is; opened and closed, it hangs up.
        drop(console.open_slave()?);
        Ok(console)
    }

    /// What the link `console` points at.
    pub(crate) fn slave(&self) -> &Path {
        &self.slave
    }

    pub(crate) fn host_present(&self) -> bool {
        matches!(self.host, Host::Present { .. })
    }

    /// Whether a running program may go on printing.
    pub(crate) fn has_room(&self) -> bool {
        self.output.len() < OUTPUT_ROOM
    }

    /// Prints as it is. Without a host the words are lost, as without DTR.
    pub(crate) fn print(&mut self, bytes: impl AsRef<[u8]>) {
        if self.host_present() {
            self.output.extend(bytes.as_ref());
        }
    }

    /// Prints with `\n` as `\r\n`, as Python's output leaves a board.
    pub(crate) fn print_lines(&mut self, text: &[u8]) {
        for part in text.split_inclusive(|&byte| byte == b'\n') {
            match part.strip_suffix(b"\n") {
                Some(line) => {
                    self.print(line);
                    self.print("\r\n");
                }
                None => self.print(part),
            }
        }
    }

    /// What was typed and nobody took yet.
    pub(crate) fn typed(&mut self) -> &mut VecDeque<u8> {
        &mut self.typed
    }

    /// Moves bytes until something happened that the board should know. May be dropped at any
    /// await without a loss.
    pub(crate) async fn event(&mut self) -> io::Result<ConsoleEvent> {
        loop {
            match &self.host {
                Host::Absent => {
                    self.opens.next().await?;
                    if self.slave_is_open()? {
                        self.host = Host::Present {
                            port: readiness(&self.master)?,
                            speak_at: Instant::now() + SETTLE,
                        };
                        return Ok(ConsoleEvent::Opened);
                    }
                }
                Host::Present { port, speak_at } => {
                    let to_send = self.output.as_slices().0;
                    tokio::select! {
                        received = receive(port, &mut self.typed) => {
                            if received? {
                                return Ok(ConsoleEvent::Typed);
                            }
                            self.hang_up();
                            return Ok(ConsoleEvent::Closed);
                        }
                        sent = send(port, *speak_at, to_send), if !to_send.is_empty() => {
                            self.output.drain(..sent?);
                            return Ok(ConsoleEvent::Drained);
                        }
                    }
                }
            }
        }
    }

    /// Forgets what the host did not read: the next one must not find it.
    fn hang_up(&mut self) {
        self.host = Host::Absent;
        self.output = VecDeque::new();
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

    fn slave_is_open(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 512];
        match rustix::io::read(&self.master, &mut buffer) {
            Ok(count) => {
                self.typed.extend(&buffer[..count]);
                Ok(true)
            }
            Err(Errno::AGAIN | Errno::INTR) => Ok(true),
            Err(Errno::IO) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// Takes in what was typed; false when the host is gone.
async fn receive(port: &AsyncFd<Arc<OwnedFd>>, typed: &mut VecDeque<u8>) -> io::Result<bool> {
    let mut buffer = [0; 4096];
    loop {
        let mut guard = port.readable().await?;
        // Asked now: a guard forgets it when there is nothing to read.
        let hung_up = guard.ready().is_read_closed();
        match guard.try_io(|master| Ok(rustix::io::read(master, &mut buffer)?)) {
            Ok(Ok(0)) => return Ok(false),
            Ok(Ok(count)) => {
                let room = TYPE_AHEAD.saturating_sub(typed.len());
                // A Ctrl-C is worth more than what stands before it.
                if count > room && buffer[..count].contains(&CTRL_C) {
                    typed.clear();
                    typed.push_back(CTRL_C);
                } else {
                    typed.extend(&buffer[..count.min(room)]);
                }
                return Ok(true);
            }
            Ok(Err(error)) if error.raw_os_error() == Some(Errno::IO.raw_os_error()) => {
                return Ok(false);
            }
            Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(Err(error)) => return Err(error),
            // One host went and another came before this was read: that is a hang-up all the same.
            Err(_would_block) if hung_up => return Ok(false),
            Err(_would_block) => {}
        }
    }
}

async fn send(port: &AsyncFd<Arc<OwnedFd>>, speak_at: Instant, bytes: &[u8]) -> io::Result<usize> {
    sleep_until(speak_at).await;
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
