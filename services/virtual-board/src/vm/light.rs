//! A board without Python: it prints a fixed text, or prints without end, and its REPL answers
//! every line with the line. For tests that need many boards, and for load.

use std::sync::Arc;

use super::{ExceptionPlace, Job, Outcome, VmEvent};

/// Lines of a flood that are printed at a time.
const FLOOD_LINES: u64 = 32;

/// What such a board prints instead of running code.py.
#[derive(Debug, Clone)]
pub(crate) enum Show {
    Text(Arc<str>),
    Flood,
}

#[derive(Debug)]
enum Running {
    Idle,
    /// The text from here on.
    Text {
        from: usize,
        line: u32,
    },
    Flood {
        line: u64,
    },
    Echo(Vec<u8>),
    Ending(Outcome),
}

/// The interpreter that is none.
#[derive(Debug)]
pub(crate) struct Light {
    show: Show,
    running: Running,
}

impl Light {
    pub(crate) fn new(show: Show) -> Self {
        Self {
            show,
            running: Running::Idle,
        }
    }

    pub(super) fn start(&mut self, job: Job) {
        self.running = match (job, &self.show) {
            (Job::File(_), Show::Text(_)) => Running::Text { from: 0, line: 1 },
            (Job::File(_), Show::Flood) => Running::Flood { line: 1 },
            (Job::Single(source), _) => Running::Echo(source.into_bytes()),
            (Job::Paste(source) | Job::Raw(source), _) => Running::Echo(source),
        };
    }

    pub(super) fn is_endless(&self) -> bool {
        matches!(self.running, Running::Flood { .. })
    }

    pub(super) fn interrupt(&mut self) {
        let line = match self.running {
            Running::Text { line, .. } => line,
            Running::Flood { .. } => 1,
            Running::Idle | Running::Echo(_) | Running::Ending(_) => return,
        };
        let place = ExceptionPlace {
            line,
            file: "code.py".to_owned(),
            kind: "KeyboardInterrupt".to_owned(),
        };
        self.running = Running::Ending(Outcome::raised(
            Some(place),
            format!(
                "Traceback (most recent call last):\n  File \"code.py\", line {line}, in <module>\n\
                 KeyboardInterrupt: \n"
            ),
        ));
    }

    /// What comes next; nothing while no job runs.
    pub(super) fn step(&mut self) -> Option<VmEvent> {
        match std::mem::replace(&mut self.running, Running::Idle) {
            Running::Idle => None,
            Running::Text { from, line } => {
                let Show::Text(text) = &self.show else {
                    return None;
                };
                let Some(next) = text[from..].split_inclusive('\n').next() else {
                    return Some(VmEvent::Done(Outcome::default()));
                };
                self.running = Running::Text {
                    from: from + next.len(),
                    line: line + 1,
                };
                Some(VmEvent::Output(with_line_end(next.as_bytes().to_vec())))
            }
            Running::Flood { line } => {
                let next = line + FLOOD_LINES;
                let lines = (line..next)
                    .map(|n| format!("{n:012} the quick brown fox jumps over the lazy dog\n"));
                self.running = Running::Flood { line: next };
                Some(VmEvent::Output(lines.collect::<String>().into_bytes()))
            }
            Running::Echo(source) => {
                self.running = Running::Ending(Outcome::default());
                Some(VmEvent::Output(with_line_end(source)))
            }
            Running::Ending(outcome) => Some(VmEvent::Done(outcome)),
        }
    }
}

fn with_line_end(mut text: Vec<u8>) -> Vec<u8> {
    if text.last() != Some(&b'\n') {
        text.push(b'\n');
    }
    text
}
