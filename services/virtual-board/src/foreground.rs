//! An interpreter that has the console: what is typed goes to it, and Ctrl-C interrupts it.

use std::collections::VecDeque;

use crate::line_editor::{CTRL_C, CTRL_D, Entered, LineEditor};
use crate::vm::{Job, Vm};

/// What the running job waits for.
#[derive(Debug)]
enum Asks {
    Nothing,
    Line(Box<LineEditor>),
    Bytes(usize),
}

/// A running job and what it asks for.
#[derive(Debug)]
pub(crate) struct Foreground {
    pub(crate) vm: Vm,
    asks: Asks,
    /// So much of what was typed holds no Ctrl-C.
    searched: usize,
}

impl Foreground {
    pub(crate) fn new(vm: Vm) -> Self {
        Self {
            vm,
            asks: Asks::Nothing,
            searched: 0,
        }
    }

    /// Starts a job; what an earlier one asked for is forgotten.
    pub(crate) fn begin(&mut self, job: Job) {
        self.asks = Asks::Nothing;
        self.searched = 0;
        self.vm.start(job);
    }

    pub(crate) fn ask_line(&mut self) {
        self.asks = Asks::Line(Box::default());
    }

    pub(crate) fn ask_bytes(&mut self, count: usize) {
        self.asks = Asks::Bytes(count);
    }

    /// Takes of what was typed as much as the job wants; the echo goes to `out`. Ctrl-C is for
    /// the job whether it reads or not, and what was typed before it is dropped, as on a board.
    pub(crate) fn take(&mut self, typed: &mut VecDeque<u8>, out: &mut Vec<u8>) {
        // Less than was there means that the console threw some away.
        let new = if typed.len() < self.searched {
            0
        } else {
            self.searched
        };
        if let Some(at) = typed.range(new..).rposition(|&byte| byte == CTRL_C) {
            typed.drain(..=new + at);
            self.asks = Asks::Nothing;
            self.vm.interrupt();
        }
        self.answer(typed, out);
        self.searched = typed.len();
    }

    fn answer(&mut self, typed: &mut VecDeque<u8>, out: &mut Vec<u8>) {
        match &mut self.asks {
            Asks::Nothing => {}
            Asks::Line(editor) => {
                while let Some(byte) = typed.pop_front() {
                    let answer = match editor.feed(byte, out) {
                        Some(Entered::Line(line)) => Some(line),
                        Some(Entered::Control(CTRL_D)) => None,
                        Some(Entered::Control(_)) | None => continue,
                    };
                    self.vm.answer_line(answer);
                    self.asks = Asks::Nothing;
                    return;
                }
            }
            Asks::Bytes(count) => {
                if !typed.is_empty() {
                    let count = typed.len().min(*count);
                    let bytes: Vec<u8> = typed.drain(..count).collect();
                    self.vm.answer_bytes(&bytes);
                    self.asks = Asks::Nothing;
                }
            }
        }
    }
}
