//! What executes: Python in a process of its own, or something light that only prints.
//!
//! One [`Vm`] lives from a start of the interpreter to its end, as on a board: one for a run of
//! code.py, one for a REPL. Dropping it ends whatever it runs.

mod light;
mod python;

pub(crate) use light::{Light, Show};
pub(crate) use python::{Python, PythonError};

/// Something to execute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Job {
    /// A file of the drive.
    File(String),
    /// A statement of the REPL, whose value is printed.
    Single(String),
    /// What paste mode collected; values are printed.
    Paste(Vec<u8>),
    /// What raw mode collected; values are not printed.
    Raw(Vec<u8>),
}

/// Where an exception came from, for the title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExceptionPlace {
    pub(crate) line: u32,
    pub(crate) file: String,
    pub(crate) kind: String,
}

/// How a job ended: well by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    exception: Option<ExceptionPlace>,
    traceback: String,
}

impl Outcome {
    pub(crate) fn raised(exception: Option<ExceptionPlace>, traceback: String) -> Self {
        Self {
            exception,
            traceback,
        }
    }

    /// Ctrl-C amid a raw paste: an exception without a place.
    pub(crate) fn interrupted_paste() -> Self {
        Self::raised(None, "KeyboardInterrupt: \n".to_owned())
    }

    pub(crate) fn exception(&self) -> Option<&ExceptionPlace> {
        self.exception.as_ref()
    }

    /// Lines as CircuitPython prints them, or nothing.
    pub(crate) fn traceback(&self) -> &str {
        &self.traceback
    }
}

/// What comes from a running job.
#[derive(Debug)]
pub(crate) enum VmEvent {
    /// Printed text, with plain `\n`.
    Output(Vec<u8>),
    /// `input()` waits for a line.
    WantsLine,
    /// `sys.stdin.read(n)` waits for some bytes, so many at the most.
    WantsBytes(usize),
    /// The job is done and all its output was handed over.
    Done(Outcome),
    /// The interpreter is gone, which is a crash.
    Gone,
}

/// An interpreter.
#[derive(Debug)]
pub(crate) enum Vm {
    Python(Box<Python>),
    Light(Light),
}

impl Vm {
    pub(crate) fn start(&mut self, job: Job) {
        match self {
            Self::Python(python) => python.start(job),
            Self::Light(light) => light.start(job),
        }
    }

    /// Raises `KeyboardInterrupt` in the running job.
    pub(crate) fn interrupt(&mut self) {
        match self {
            Self::Python(python) => python.interrupt(),
            Self::Light(light) => light.interrupt(),
        }
    }

    /// Answers `WantsLine`; none for the end of input.
    pub(crate) fn answer_line(&mut self, line: Option<String>) {
        if let Self::Python(python) = self {
            python.answer_line(line);
        }
    }

    /// Answers `WantsBytes`.
    pub(crate) fn answer_bytes(&mut self, bytes: &[u8]) {
        if let Self::Python(python) = self {
            python.answer_bytes(bytes);
        }
    }

    /// Whether the job would print without end to nobody.
    pub(crate) fn needs_a_listener(&self) -> bool {
        matches!(self, Self::Light(light) if light.is_endless())
    }

    /// Waits for what comes next. May be dropped at any await without a loss.
    pub(crate) async fn event(&mut self) -> VmEvent {
        match self {
            Self::Python(python) => python.event().await,
            Self::Light(light) => {
                if let Some(due) = light.due() {
                    tokio::time::sleep_until(due).await;
                }
                match light.step() {
                    Some(event) => event,
                    None => std::future::pending().await,
                }
            }
        }
    }
}
