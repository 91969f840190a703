//! What is wrong, in words for a person and with a name for a program.

use cpy_board::Serial;
use serde::Serialize;

/// What is wrong, as scripts call it. These names are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    ConfigurationWrong,
    ConfigurationNotReadable,
    DaemonNotRunning,
    DaemonHangs,
    DaemonOfAnotherVersion,
    PortTaken,
    PortMissing,
    GatewayProblem,
    NoPassword,
    PasswordWrong,
    PasswordNotReadable,
    NoBoard,
    BoardNotLinked,
    BoardWithoutDevices,
    NoConsole,
    ConsoleNotOpen,
    ConsoleShared,
    NoDrive,
    DriveWriteProtected,
    DriveMounted,
    DriveSilent,
    DriveUnreadable,
    DriveDamaged,
    DriveDisordered,
    DriveNotice,
    SettingsWrong,
    AvahiNotInstalled,
    AvahiNotRunning,
    AvahiNotReached,
    NameRefused,
    NameTaken,
    NameWaiting,
    UsbNoSlots,
    UsbNoBandwidth,
    UsbNoPower,
    UsbOverCurrent,
    UsbNotEnumerated,
    ModemManagerProbes,
    DesktopMounts,
    DiskFull,
    DiskReadOnly,
    DirectoryNotWritable,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    id: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    board: Option<Serial>,
    /// Where several boards can have one and the same trouble, those that have it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    boards: Vec<Serial>,
    /// What it is: a sentence.
    problem: String,
    /// What to do about it, a sentence a step.
    advice: Vec<String>,
}

impl Finding {
    pub(super) fn new(id: Kind, problem: impl Into<String>) -> Self {
        Self {
            id,
            board: None,
            boards: Vec::new(),
            problem: problem.into(),
            advice: Vec::new(),
        }
    }

    /// It is about this board.
    pub(super) fn of(mut self, board: &Serial) -> Self {
        self.board = Some(board.clone());
        self
    }

    /// It is about all of these boards.
    pub(super) fn of_all(mut self, boards: Vec<Serial>) -> Self {
        self.boards = boards;
        self
    }

    /// One more step of the advice.
    pub(super) fn advise(mut self, step: impl Into<String>) -> Self {
        self.advice.push(step.into());
        self
    }

    pub(super) fn problem(&self) -> &str {
        &self.problem
    }

    pub(super) fn advice(&self) -> &[String] {
        &self.advice
    }

    #[cfg(test)]
    pub(super) fn id(&self) -> Kind {
        self.id
    }
}

/// What came of looking at one thing.
#[derive(Debug)]
pub(super) struct Examination {
    /// What was looked at, in a word or two.
    pub(super) about: &'static str,
    /// What to say of it where nothing is wrong; nothing where it could not be looked at.
    pub(super) fine: Option<String>,
    pub(super) findings: Vec<Finding>,
    /// What could not be looked at, and why: a sentence each.
    pub(super) unknown: Vec<String>,
}

impl Examination {
    pub(super) fn new(about: &'static str, fine: impl Into<String>) -> Self {
        Self {
            about,
            fine: Some(fine.into()),
            findings: Vec::new(),
            unknown: Vec::new(),
        }
    }

    #[cfg(test)]
    pub(super) fn kinds(&self) -> Vec<Kind> {
        self.findings.iter().map(Finding::id).collect()
    }
}
