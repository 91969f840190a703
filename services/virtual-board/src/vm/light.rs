//! A board without Python: it prints a fixed text, or prints without end, and its REPL answers
//! every line with the line. For tests that need many boards, and for load.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{ExceptionPlace, Job, Outcome, VmEvent};

/// Lines of a flood that are printed at a time.
const FLOOD_LINES: u64 = 32;

/// One of them, with its number in the place of the zeros.
const FLOOD_LINE: &str = "000000000000 the quick brown fox jumps over the lazy dog\n";

/// What such a board prints instead of running code.py.
#[derive(Debug, Clone)]
pub(crate) enum Show {
    Text(Arc<str>),
    /// So many bytes a second, or as many as are taken.
    Flood(Option<NonZeroU32>),
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
        since: Instant,
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
            (Job::File(_), Show::Flood(_)) => Running::Flood {
                line: 1,
                since: Instant::now(),
            },
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

    /// When the next piece of a flood may come.
    pub(super) fn due(&self) -> Option<Instant> {
        match (&self.running, &self.show) {
            (Running::Flood { line, since }, Show::Flood(Some(rate))) => {
                let bytes = (line - 1) * FLOOD_LINE.len() as u64;
                let rate = u64::from(rate.get());
                Some(*since + Duration::from_micros(bytes * 1_000_000 / rate))
            }
            _ => None,
        }
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
            Running::Flood { line, since } => {
                let next = line + FLOOD_LINES;
                let lines = (line..next).map(|n| format!("{n:012}{}", &FLOOD_LINE[12..]));
                self.running = Running::Flood { line: next, since };
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
