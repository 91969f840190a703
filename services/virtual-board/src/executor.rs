//! Starts interpreters, each on a fresh copy of the drive, and knows which file is the program.

use std::fs;
use std::io;
use std::path::PathBuf;

use crate::Options;
use crate::drive::Drive;
use crate::vm::{Job, Light, Python, PythonError, Show, Vm};
use crate::workspace::{Workspace, WorkspaceError};

/// The names of a program, in the order in which CircuitPython looks for them.
const CODE_FILES: [&str; 4] = ["code.txt", "code.py", "main.py", "main.txt"];
/// What an editor or an operating system that hides extensions makes of these names.
const TWICE_EXTENDED: [&str; 8] = [
    "code.txt.py",
    "code.py.txt",
    "code.txt.txt",
    "code.py.py",
    "main.txt.py",
    "main.py.txt",
    "main.txt.txt",
    "main.py.py",
];

/// Why nothing executes.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExecutorError {
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    #[error("cannot list the board's files")]
    Files(#[source] io::Error),
    #[error(transparent)]
    Python(#[from] PythonError),
}

/// A program that was started.
pub(crate) struct Program {
    pub(crate) file: String,
    pub(crate) twice_extended: bool,
    pub(crate) vm: Vm,
}

/// Where interpreters come from.
pub(crate) enum Executor {
    Python {
        python: PathBuf,
        drive: Option<Drive>,
    },
    Light(Show),
}

impl Executor {
    /// Fails where the script cannot be read.
    pub(crate) fn new(options: &Options, drive: Option<Drive>) -> io::Result<Self> {
        if options.flood {
            return Ok(Self::Light(Show::Flood(options.flood_rate)));
        }
        Ok(match &options.script {
            Some(script) => Self::Light(Show::Text(fs::read_to_string(script)?.into())),
            None => Self::Python {
                python: options.python.clone(),
                drive,
            },
        })
    }

    /// Starts the program, if the drive has one.
    pub(crate) fn start_program(&self) -> Result<Option<Program>, ExecutorError> {
        let (file, twice_extended, mut vm) = match self {
            Self::Light(show) => {
                let vm = Vm::Light(Light::new(show.clone()));
                ("code.py".to_owned(), false, vm)
            }
            Self::Python { python, drive } => {
                let files = Workspace::new(drive.as_ref())?;
                let first_of = |names: &[&str]| files.first_of(names).map_err(ExecutorError::Files);
                let (file, twice_extended) = match first_of(&CODE_FILES)? {
                    Some(file) => (file, false),
                    None => match first_of(&TWICE_EXTENDED)? {
                        Some(file) => (file, true),
                        None => return Ok(None),
                    },
                };
                let vm = Vm::Python(Box::new(Python::spawn(python, files)?));
                (file, twice_extended, vm)
            }
        };
        vm.start(Job::File(file.clone()));
        Ok(Some(Program {
            file,
            twice_extended,
            vm,
        }))
    }

    /// Starts an interpreter for a REPL.
    pub(crate) fn start_repl(&self) -> Result<Vm, ExecutorError> {
        Ok(match self {
            Self::Light(show) => Vm::Light(Light::new(show.clone())),
            Self::Python { python, drive } => {
                let files = Workspace::new(drive.as_ref())?;
                Vm::Python(Box::new(Python::spawn(python, files)?))
            }
        })
    }
}
