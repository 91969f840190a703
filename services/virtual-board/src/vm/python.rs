//! A Python process that executes the board's jobs: its pipes, its signals, its end.
//!
//! The other side of the frames is `runner.py`. The process ends with this value, and with this
//! process too, however that ends.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};

use super::{ExceptionPlace, Job, Outcome, VmEvent};
use crate::workspace::Workspace;

const RUNNER: &str = include_str!("runner.py");
/// A frame's letter and length.
const HEADER: usize = 5;

/// Why there is no interpreter.
#[derive(Debug, thiserror::Error)]
#[error("cannot start {python}")]
pub(crate) struct PythonError {
    python: String,
    #[source]
    source: io::Error,
}

/// What becomes of a Ctrl-C. A signal that comes before the job is under way would be lost, or
/// would end a process that has no handler yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Interrupt {
    TooEarly,
    Held,
    Possible,
}

/// A running interpreter.
#[derive(Debug)]
pub(crate) struct Python {
    // Kept for its drop, which reaps the process.
    _child: Child,
    pid: Pid,
    requests: pipe::Sender,
    output: Option<pipe::Receiver>,
    events: pipe::Receiver,
    outgoing: Vec<u8>,
    incoming: Vec<u8>,
    /// An event that waits for the output that was printed before it.
    held: Option<VmEvent>,
    interrupt: Interrupt,
    // Removed after the process was killed: fields drop in this order.
    _workspace: Workspace,
}

impl Python {
    /// Starts an interpreter on a copy of the drive.
    pub(crate) fn spawn(python: &Path, workspace: Workspace) -> Result<Self, PythonError> {
        Self::try_spawn(python, workspace).map_err(|source| PythonError {
            python: python.display().to_string(),
            source,
        })
    }

    fn try_spawn(python: &Path, workspace: Workspace) -> io::Result<Self> {
        let runner = workspace.beside("runner.py");
        fs::write(&runner, RUNNER)?;
        let mut child = Command::new(python)
            .arg("-B")
            .arg(runner)
            .arg(std::process::id().to_string())
            .arg(workspace.files())
            .current_dir(workspace.files())
            .env_remove("PYTHONPATH")
            .env_remove("PYTHONSTARTUP")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A Ctrl-C in the terminal that the board was started from is for the board.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let stdin = child.stdin.take().ok_or_else(gone)?.into_owned_fd()?;
        let stdout = child.stdout.take().ok_or_else(gone)?.into_owned_fd()?;
        let stderr = child.stderr.take().ok_or_else(gone)?.into_owned_fd()?;
        Ok(Self {
            pid: pid.ok_or_else(gone)?,
            _child: child,
            requests: pipe::Sender::from_owned_fd(stdin)?,
            output: Some(pipe::Receiver::from_owned_fd(stdout)?),
            events: pipe::Receiver::from_owned_fd(stderr)?,
            outgoing: Vec::new(),
            incoming: Vec::new(),
            held: None,
            interrupt: Interrupt::TooEarly,
            _workspace: workspace,
        })
    }

    pub(super) fn start(&mut self, job: Job) {
        self.interrupt = Interrupt::TooEarly;
        match job {
            Job::File(name) => self.request(b'F', name.as_bytes()),
            Job::Single(source) => self.request(b'S', source.as_bytes()),
            Job::Paste(source) => self.request(b'P', &source),
            Job::Raw(source) => self.request(b'W', &source),
        }
    }

    pub(super) fn interrupt(&mut self) {
        if self.interrupt != Interrupt::Possible {
            self.interrupt = Interrupt::Held;
        } else if let Err(error) = kill_process(self.pid, Signal::INT) {
            tracing::debug!(%error, "cannot interrupt Python");
        }
    }

    pub(super) fn answer_line(&mut self, line: Option<String>) {
        match line {
            Some(line) => self.request(b'l', line.as_bytes()),
            None => self.request(b'e', &[]),
        }
    }

    pub(super) fn answer_bytes(&mut self, bytes: &[u8]) {
        self.request(b'b', bytes);
    }

    pub(super) async fn event(&mut self) -> VmEvent {
        loop {
            if let Some(held) = self.held.take() {
                // The runner printed before it told the event, so all of it is in the pipe now.
                // Asked directly: tokio may not have heard of it yet.
                match self.printed_by_now() {
                    Some(output) => {
                        self.held = Some(held);
                        return VmEvent::Output(output);
                    }
                    None => return held,
                }
            }
            if let Some((kind, payload)) = self.next_frame() {
                self.held = self.take_event(kind, &payload);
                continue;
            }
            if let Some(output) = self.transfer().await {
                return VmEvent::Output(output);
            }
        }
    }

    /// Moves bytes on one of the pipes; what was printed, if it was that one.
    async fn transfer(&mut self) -> Option<Vec<u8>> {
        let mut buffer = [0; 4096];
        tokio::select! {
            _ = readable(self.output.as_ref()) => {
                match self.output.as_ref()?.try_read(&mut buffer) {
                    Ok(0) => self.output = None,
                    Ok(count) => return Some(buffer[..count].to_vec()),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(_) => self.output = None,
                }
            }
            _ = self.events.readable() => {
                match self.events.try_read(&mut buffer) {
                    Ok(count) if count > 0 => self.incoming.extend_from_slice(&buffer[..count]),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    _ended => self.held = Some(VmEvent::Gone),
                }
            }
            _ = self.requests.writable(), if !self.outgoing.is_empty() => {
                match self.requests.try_write(&self.outgoing) {
                    Ok(count) => drop(self.outgoing.drain(..count)),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    // The end of its events tells that the process is gone.
                    Err(_) => self.outgoing.clear(),
                }
            }
        }
        None
    }

    fn printed_by_now(&self) -> Option<Vec<u8>> {
        let mut buffer = [0; 4096];
        let count = rustix::io::read(self.output.as_ref()?, &mut buffer).ok()?;
        (count > 0).then(|| buffer[..count].to_vec())
    }

    fn request(&mut self, kind: u8, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        self.outgoing.push(kind);
        self.outgoing.extend_from_slice(&length.to_be_bytes());
        self.outgoing.extend_from_slice(payload);
    }

    fn next_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let (header, rest) = self.incoming.split_first_chunk::<HEADER>()?;
        let [kind, length @ ..] = *header;
        let length = usize::try_from(u32::from_be_bytes(length)).ok()?;
        let payload = rest.get(..length)?.to_vec();
        self.incoming.drain(..HEADER + length);
        Some((kind, payload))
    }

    fn take_event(&mut self, kind: u8, payload: &[u8]) -> Option<VmEvent> {
        match kind {
            b'S' => {
                let held = self.interrupt == Interrupt::Held;
                self.interrupt = Interrupt::Possible;
                if held {
                    self.interrupt();
                }
                None
            }
            b'L' => Some(VmEvent::WantsLine),
            b'B' => {
                let count = u32::from_be_bytes(payload.try_into().ok()?);
                Some(VmEvent::WantsBytes(usize::try_from(count).ok()?))
            }
            b'D' => Some(VmEvent::Done(outcome(payload))),
            // Python says something of its own before the runner has its standard error, or dies.
            _ => Some(VmEvent::Gone),
        }
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        // The group: what the board's code started goes with it.
        let _ = kill_process_group(self.pid, Signal::KILL);
    }
}

async fn readable(pipe: Option<&pipe::Receiver>) -> io::Result<()> {
    match pipe {
        Some(pipe) => pipe.readable().await,
        None => std::future::pending().await,
    }
}

/// Line, file, kind and traceback, with zero bytes between; nothing when all went well.
fn outcome(payload: &[u8]) -> Outcome {
    let text = String::from_utf8_lossy(payload);
    let mut fields = text.splitn(4, '\0');
    let mut field = || fields.next().unwrap_or_default();
    let (line, file, kind, traceback) = (field(), field(), field(), field());
    let place = line.parse().ok().map(|line| ExceptionPlace {
        line,
        file: file.to_owned(),
        kind: kind.to_owned(),
    });
    Outcome::raised(place, traceback.to_owned())
}
