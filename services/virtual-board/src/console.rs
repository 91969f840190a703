//! The console as the board sees it: bytes both ways, and whether a host listens.
//!
//! A PTY or a USB port moves the bytes ([`crate::cable`]). What they mean is the board's business.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::line_editor::CTRL_C;

/// CircuitPython holds its first words back for so long, for the host to turn its echo off.
const SETTLE: Duration = Duration::from_millis(50);
/// From here on nothing more is printed until the host has read: the board waits.
const OUTPUT_ROOM: usize = 4096;
/// More than this is not kept of what is typed while nobody reads it. It is thrown away and not
/// left on the cable, so that a Ctrl-C behind it still gets through.
const TYPE_AHEAD: usize = 1024 * 1024;

/// The board's end of the console.
#[derive(Debug, Default)]
pub(crate) struct Console {
    /// With a host: when the board may begin to speak.
    speak_at: Option<Instant>,
    output: VecDeque<u8>,
    typed: VecDeque<u8>,
}

impl Console {
    pub(crate) fn host_present(&self) -> bool {
        self.speak_at.is_some()
    }

    pub(crate) fn host_came(&mut self) {
        self.speak_at = Some(Instant::now() + SETTLE);
    }

    /// Forgets what the host did not read: the next one must not find it.
    pub(crate) fn host_left(&mut self) {
        self.speak_at = None;
        self.output = VecDeque::new();
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

    /// Takes in what the host typed.
    pub(crate) fn take_in(&mut self, bytes: &[u8]) {
        let room = TYPE_AHEAD.saturating_sub(self.typed.len());
        // A Ctrl-C is worth more than what stands before it.
        if bytes.len() > room && bytes.contains(&CTRL_C) {
            self.typed.clear();
            self.typed.push_back(CTRL_C);
        } else {
            self.typed.extend(&bytes[..bytes.len().min(room)]);
        }
    }

    /// When the words that wait for the host may go to it.
    pub(crate) fn speak_at(&self) -> Option<Instant> {
        self.speak_at.filter(|_| !self.output.is_empty())
    }

    /// The next words for the host; not all of them, but some where there are any.
    pub(crate) fn to_send(&self) -> &[u8] {
        self.output.as_slices().0
    }

    /// So many bytes of [`Self::to_send`] went to the host.
    pub(crate) fn sent(&mut self, count: usize) {
        self.output.drain(..count);
    }
}
