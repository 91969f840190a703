//! The REPL's protocol, as pyexec.c has it: prompts, blocks, paste mode, raw mode and raw paste.
//! A state machine over bytes; who evaluates, and when, is the board's business.

use crate::line_editor::{CTRL_A, CTRL_B, CTRL_C, CTRL_D, CTRL_E, Entered, LineEditor};
use crate::statement::Statement;
use crate::vm::{Job, Outcome};

/// Half of the board's input buffer: what a raw paste may send ahead of being told to go on.
const PASTE_WINDOW: u8 = 128;
/// What a raw paste begins with, before its Ctrl-A.
const RAW_PASTE: &[u8] = &[CTRL_E, b'A'];

/// What the REPL asks of the board.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Evaluate(Job),
    SoftReboot,
    /// Ctrl-A: another REPL, with a namespace of its own, takes over.
    EnterRaw,
    /// Ctrl-B in raw mode.
    EnterFriendly,
}

#[derive(Debug)]
enum Mode {
    Friendly {
        editor: LineEditor,
        statement: Statement,
    },
    Paste {
        editor: LineEditor,
        source: Vec<u8>,
    },
    Raw {
        source: Vec<u8>,
    },
    RawPaste {
        source: Vec<u8>,
        window: u8,
    },
}

/// One REPL, from its greeting to a soft reboot or a change of mode.
#[derive(Debug)]
pub(crate) struct Repl {
    mode: Mode,
    banner: String,
    evaluating: bool,
}

impl Repl {
    pub(crate) fn friendly(banner: String, out: &mut Vec<u8>) -> Self {
        let mut repl = Self {
            mode: Mode::Friendly {
                editor: LineEditor::default(),
                statement: Statement::default(),
            },
            banner,
            evaluating: false,
        };
        repl.greet(out);
        repl.prompt(out);
        repl
    }

    pub(crate) fn raw(banner: String, out: &mut Vec<u8>) -> Self {
        let mut repl = Self {
            mode: Mode::Raw { source: Vec::new() },
            banner,
            evaluating: false,
        };
        repl.greet(out);
        repl.prompt(out);
        repl
    }

    pub(crate) fn is_raw(&self) -> bool {
        matches!(self.mode, Mode::Raw { .. } | Mode::RawPaste { .. })
    }

    pub(crate) fn is_evaluating(&self) -> bool {
        self.evaluating
    }

    /// Whether what is typed is taken in however much of the answer is unread, as in the modes
    /// made for pasting.
    pub(crate) fn swallows(&self) -> bool {
        !matches!(self.mode, Mode::Friendly { .. })
    }

    /// Takes one byte; not while evaluating.
    pub(crate) fn feed(&mut self, byte: u8, out: &mut Vec<u8>) -> Option<Request> {
        let request = match &mut self.mode {
            Mode::Friendly { .. } => self.feed_friendly(byte, out),
            Mode::Paste { .. } => self.feed_paste(byte, out),
            Mode::Raw { .. } => self.feed_raw(byte, out),
            Mode::RawPaste { .. } => self.feed_raw_paste(byte, out),
        };
        self.evaluating = matches!(request, Some(Request::Evaluate(_)));
        request
    }

    /// Says how an evaluation ended and asks for the next one.
    pub(crate) fn finish(&mut self, outcome: &Outcome, out: &mut Vec<u8>) {
        self.evaluating = false;
        let traceback = outcome.traceback().replace('\n', "\r\n");
        if self.is_raw() {
            out.push(CTRL_D);
            out.extend_from_slice(traceback.as_bytes());
            out.push(CTRL_D);
        } else {
            out.extend_from_slice(traceback.as_bytes());
        }
        self.prompt(out);
    }

    fn greet(&self, out: &mut Vec<u8>) {
        if self.is_raw() {
            out.extend_from_slice(b"raw REPL; CTRL-B to exit\r\n");
        } else {
            out.extend_from_slice(format!("\r\n{}\r\n", self.banner).as_bytes());
        }
    }

    fn prompt(&mut self, out: &mut Vec<u8>) {
        match &mut self.mode {
            Mode::Friendly { editor, statement } => {
                *statement = Statement::default();
                editor.begin(">>> ", "", out);
            }
            Mode::Paste { editor, .. } => {
                let mut editor = std::mem::take(editor);
                editor.begin(">>> ", "", out);
                self.mode = Mode::Friendly {
                    editor,
                    statement: Statement::default(),
                };
            }
            Mode::Raw { .. } | Mode::RawPaste { .. } => {
                self.mode = Mode::Raw { source: Vec::new() };
                out.push(b'>');
            }
        }
    }

    fn feed_friendly(&mut self, byte: u8, out: &mut Vec<u8>) -> Option<Request> {
        let Mode::Friendly { editor, statement } = &mut self.mode else {
            return None;
        };
        let first_line = statement.is_empty();
        match editor.feed(byte, out)? {
            Entered::Line(line) => {
                if statement.push(&line) {
                    editor.begin("... ", statement.text(), out);
                } else if statement.is_empty() {
                    self.prompt(out);
                } else {
                    return Some(Request::Evaluate(Job::Single(statement.text().to_owned())));
                }
            }
            Entered::Control(CTRL_C) => {
                out.extend_from_slice(b"\r\n");
                self.prompt(out);
            }
            // Enough of the block: what there is gets evaluated.
            Entered::Control(CTRL_D) if !first_line => {
                return Some(Request::Evaluate(Job::Single(statement.text().to_owned())));
            }
            Entered::Control(_) if !first_line => {}
            Entered::Control(CTRL_A) => {
                out.extend_from_slice(b"\r\n");
                return Some(Request::EnterRaw);
            }
            Entered::Control(CTRL_B) => {
                out.extend_from_slice(b"\r\n");
                self.greet(out);
                self.prompt(out);
            }
            Entered::Control(CTRL_D) => {
                out.extend_from_slice(b"\r\n");
                return Some(Request::SoftReboot);
            }
            Entered::Control(_ctrl_e) => {
                out.extend_from_slice(
                    b"\r\npaste mode; Ctrl-C to cancel, Ctrl-D to finish\r\n=== ",
                );
                self.mode = Mode::Paste {
                    editor: std::mem::take(editor),
                    source: Vec::new(),
                };
            }
        }
        None
    }

    fn feed_paste(&mut self, byte: u8, out: &mut Vec<u8>) -> Option<Request> {
        let Mode::Paste { source, .. } = &mut self.mode else {
            return None;
        };
        match byte {
            CTRL_C => {
                out.extend_from_slice(b"\r\n");
                self.prompt(out);
            }
            CTRL_D => {
                out.extend_from_slice(b"\r\n");
                return Some(Request::Evaluate(Job::Paste(std::mem::take(source))));
            }
            byte => {
                source.push(byte);
                if byte == b'\r' {
                    out.extend_from_slice(b"\r\n=== ");
                } else {
                    out.push(byte);
                }
            }
        }
        None
    }

    fn feed_raw(&mut self, byte: u8, out: &mut Vec<u8>) -> Option<Request> {
        let Mode::Raw { source } = &mut self.mode else {
            return None;
        };
        match byte {
            CTRL_A if source == RAW_PASTE => {
                out.extend_from_slice(&[b'R', 1, PASTE_WINDOW, 0, CTRL_A]);
                self.mode = Mode::RawPaste {
                    source: Vec::new(),
                    window: PASTE_WINDOW,
                };
            }
            CTRL_A if source.first() == Some(&CTRL_E) && source.len() == 2 => {
                out.extend_from_slice(b"R\0");
                self.prompt(out);
            }
            CTRL_A => {
                self.greet(out);
                self.prompt(out);
            }
            CTRL_B => {
                out.extend_from_slice(b"\r\n");
                return Some(Request::EnterFriendly);
            }
            CTRL_C => source.clear(),
            CTRL_D => {
                out.extend_from_slice(b"OK");
                if source.is_empty() {
                    out.extend_from_slice(b"\r\n");
                    return Some(Request::SoftReboot);
                }
                return Some(Request::Evaluate(Job::Raw(std::mem::take(source))));
            }
            byte => source.push(byte),
        }
        None
    }

    fn feed_raw_paste(&mut self, byte: u8, out: &mut Vec<u8>) -> Option<Request> {
        let Mode::RawPaste { source, window } = &mut self.mode else {
            return None;
        };
        match byte {
            CTRL_C => {
                out.push(CTRL_D);
                self.finish(&Outcome::interrupted_paste(), out);
            }
            CTRL_D => {
                out.push(CTRL_D);
                return Some(Request::Evaluate(Job::Raw(std::mem::take(source))));
            }
            byte => {
                source.push(byte);
                *window -= 1;
                if *window == 0 {
                    *window = PASTE_WINDOW;
                    out.push(CTRL_A);
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Types the bytes; the requests and what the terminal saw.
    fn type_in(repl: &mut Repl, bytes: &[u8]) -> (Vec<Request>, Vec<u8>) {
        let mut out = Vec::new();
        let requests = bytes
            .iter()
            .filter_map(|&byte| repl.feed(byte, &mut out))
            .collect();
        (requests, out)
    }

    fn friendly() -> Repl {
        Repl::friendly("banner".to_owned(), &mut Vec::new())
    }

    fn raw() -> Repl {
        Repl::raw("banner".to_owned(), &mut Vec::new())
    }

    #[test]
    fn a_block_is_evaluated_at_its_empty_line() {
        let (requests, _) = type_in(&mut friendly(), b"if 1:\r2\r\x7f\r");
        let block = Job::Single("if 1:\n    2\n".to_owned());
        assert_eq!(requests, [Request::Evaluate(block)]);
    }

    #[test]
    fn paste_mode_echoes_and_evaluates_all() {
        let (requests, seen) = type_in(&mut friendly(), b"\x05a\rb\x04");
        assert_eq!(requests, [Request::Evaluate(Job::Paste(b"a\rb".to_vec()))]);
        let seen = String::from_utf8(seen).unwrap();
        assert_eq!(
            seen,
            "\r\npaste mode; Ctrl-C to cancel, Ctrl-D to finish\r\n=== a\r\n=== b\r\n"
        );
    }

    #[test]
    fn raw_mode_answers_ok_and_two_ends() {
        let mut repl = raw();
        let (requests, seen) = type_in(&mut repl, b"junk\x03print(1)\x04");
        assert_eq!(
            requests,
            [Request::Evaluate(Job::Raw(b"print(1)".to_vec()))]
        );
        assert_eq!(seen, b"OK");
        let mut out = Vec::new();
        repl.finish(&Outcome::default(), &mut out);
        assert_eq!(out, b"\x04\x04>");
        assert_eq!(type_in(&mut repl, b"\x04").0, [Request::SoftReboot]);
    }

    #[test]
    fn raw_paste_gives_a_window_for_every_window_taken() {
        let mut repl = raw();
        let (_, seen) = type_in(&mut repl, b"\x05A\x01");
        assert_eq!(seen, b"R\x01\x80\x00\x01");
        let source = [b'#'; 300];
        assert_eq!(type_in(&mut repl, &source).1, b"\x01\x01");
        let (requests, seen) = type_in(&mut repl, b"\x04");
        assert_eq!(requests, [Request::Evaluate(Job::Raw(source.to_vec()))]);
        assert_eq!(seen, b"\x04");
    }
}
