//! One line being typed, as MicroPython's readline does it: echo, cursor keys, history and
//! auto-indent, with the same escape sequences. Knows bytes in and bytes out, no terminal.

use std::collections::VecDeque;

pub(crate) const CTRL_A: u8 = 1;
pub(crate) const CTRL_B: u8 = 2;
pub(crate) const CTRL_C: u8 = 3;
pub(crate) const CTRL_D: u8 = 4;
pub(crate) const CTRL_E: u8 = 5;
const BACKSPACE: u8 = 8;
const TAB: u8 = 9;
const CTRL_L: u8 = 12;
const ESCAPE: u8 = 27;
const DELETE: u8 = 127;

/// Lines that MicroPython remembers.
const HISTORY: usize = 8;
const INDENT: usize = 4;

/// What typing came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Entered {
    /// A whole line, without its end.
    Line(String),
    /// Ctrl-A to Ctrl-E on an empty line, or Ctrl-C anywhere.
    Control(u8),
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Sequence {
    #[default]
    None,
    Escape,
    Bracket,
    Digit(u8),
    LetterO,
}

#[derive(Clone, Copy)]
enum Key {
    Up,
    Down,
    Right,
    Left,
    Home,
    End,
    Delete,
}

/// The line and what was typed before it.
#[derive(Debug, Default)]
pub(crate) struct LineEditor {
    prompt: &'static str,
    line: Vec<char>,
    cursor: usize,
    /// The bytes so far of a character that is not complete.
    partial: Vec<u8>,
    sequence: Sequence,
    /// Newest first.
    history: VecDeque<String>,
    recalled: Option<usize>,
    indents: bool,
    just_indented: bool,
}

impl LineEditor {
    /// Begins a line below what was entered of a statement so far (which ends in a line end, or
    /// is empty).
    pub(crate) fn begin(&mut self, prompt: &'static str, so_far: &str, out: &mut Vec<u8>) {
        self.prompt = prompt;
        self.line.clear();
        self.partial.clear();
        self.sequence = Sequence::None;
        self.recalled = None;
        out.extend_from_slice(prompt.as_bytes());
        if so_far.is_empty() {
            self.indents = true;
        }
        let indent = if self.indents { indent(so_far) } else { 0 };
        self.line.resize(indent, ' ');
        self.cursor = indent;
        self.just_indented = indent > 0;
        out.resize(out.len() + indent, b' ');
    }

    /// Takes one byte; what the terminal is to show goes to `out`.
    pub(crate) fn feed(&mut self, byte: u8, out: &mut Vec<u8>) -> Option<Entered> {
        if self.sequence != Sequence::None || byte == ESCAPE {
            if let Some(key) = self.key(byte) {
                self.press(key, out);
            }
        } else {
            let just_indented = std::mem::take(&mut self.just_indented);
            match byte {
                CTRL_C => return Some(Entered::Control(byte)),
                CTRL_A..=CTRL_E if self.line.is_empty() => return Some(Entered::Control(byte)),
                CTRL_A => self.press(Key::Home, out),
                CTRL_E => self.press(Key::End, out),
                CTRL_L => self.redraw_screen(out),
                b'\r' => return Some(Entered::Line(self.enter(out))),
                BACKSPACE | DELETE => self.backspace(out),
                // A space or tab right behind the indent means that it was not wanted: text
                // pasted into the prompt brings its own.
                b' ' | TAB if just_indented => {
                    self.indents = false;
                    if byte == b' ' {
                        self.erase_back(INDENT - 1, out);
                    }
                }
                TAB if self.cursor > 0 && self.line[self.cursor - 1] == ' ' => {
                    for _ in 0..INDENT {
                        self.insert(' ', out);
                    }
                }
                32.. => self.character(byte, out),
                _ => {}
            }
        }
        None
    }

    /// Follows an escape sequence; the key, once it is complete.
    fn key(&mut self, byte: u8) -> Option<Key> {
        let (next, key) = match (self.sequence, byte) {
            (Sequence::None, ESCAPE) => (Sequence::Escape, None),
            (Sequence::Escape, b'[') => (Sequence::Bracket, None),
            (Sequence::Escape, b'O') => (Sequence::LetterO, None),
            (Sequence::Bracket, b'0'..=b'9') => (Sequence::Digit(byte), None),
            (Sequence::Bracket, b'A') => (Sequence::None, Some(Key::Up)),
            (Sequence::Bracket, b'B') => (Sequence::None, Some(Key::Down)),
            (Sequence::Bracket, b'C') => (Sequence::None, Some(Key::Right)),
            (Sequence::Bracket, b'D') => (Sequence::None, Some(Key::Left)),
            (Sequence::Bracket | Sequence::LetterO, b'H')
            | (Sequence::Digit(b'1' | b'7'), b'~') => (Sequence::None, Some(Key::Home)),
            (Sequence::Bracket | Sequence::LetterO, b'F')
            | (Sequence::Digit(b'4' | b'8'), b'~') => (Sequence::None, Some(Key::End)),
            (Sequence::Digit(b'3'), b'~') => (Sequence::None, Some(Key::Delete)),
            _ => (Sequence::None, None),
        };
        self.sequence = next;
        key
    }

    fn press(&mut self, key: Key, out: &mut Vec<u8>) {
        match key {
            Key::Up => {
                let older = self.recalled.map_or(0, |at| at + 1);
                if let Some(line) = self.history.get(older) {
                    let line = line.chars().collect();
                    self.recalled = Some(older);
                    self.replace(line, out);
                }
            }
            Key::Down => {
                if let Some(at) = self.recalled {
                    self.recalled = at.checked_sub(1);
                    let line = self.recalled.and_then(|newer| self.history.get(newer));
                    let line = line.map(|line| line.chars().collect()).unwrap_or_default();
                    self.replace(line, out);
                }
            }
            Key::Right if self.cursor < self.line.len() => self.forward(1, out),
            Key::Left if self.cursor > 0 => self.back(1, out),
            Key::Home => self.back(self.cursor, out),
            Key::End => self.forward(self.line.len() - self.cursor, out),
            Key::Delete if self.cursor < self.line.len() => {
                self.line.remove(self.cursor);
                self.redraw_tail(true, out);
            }
            Key::Right | Key::Left | Key::Delete => {}
        }
    }

    fn enter(&mut self, out: &mut Vec<u8>) -> String {
        out.extend_from_slice(b"\r\n");
        let line: String = self.line.drain(..).collect();
        self.cursor = 0;
        if !line.is_empty() && self.history.front() != Some(&line) {
            self.history.truncate(HISTORY - 1);
            self.history.push_front(line.clone());
        }
        line
    }

    fn character(&mut self, byte: u8, out: &mut Vec<u8>) {
        self.partial.push(byte);
        match std::str::from_utf8(&self.partial) {
            Ok(text) => {
                let c = text.chars().next();
                self.partial.clear();
                if let Some(c) = c {
                    self.insert(c, out);
                }
            }
            Err(error) if error.error_len().is_some() => self.partial.clear(),
            Err(_incomplete) => {}
        }
    }

    fn insert(&mut self, c: char, out: &mut Vec<u8>) {
        self.line.insert(self.cursor, c);
        self.cursor += 1;
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        if self.cursor < self.line.len() {
            self.redraw_tail(false, out);
        }
    }

    fn backspace(&mut self, out: &mut Vec<u8>) {
        if self.cursor > 0 {
            let in_indent = self.line[..self.cursor].iter().all(|&c| c == ' ');
            let count = if in_indent && self.cursor >= INDENT {
                INDENT
            } else {
                1
            };
            self.erase_back(count, out);
        }
    }

    fn erase_back(&mut self, count: usize, out: &mut Vec<u8>) {
        let start = self.cursor - count;
        self.line.drain(start..self.cursor);
        self.back(count, out);
        self.redraw_tail(true, out);
    }

    fn replace(&mut self, line: Vec<char>, out: &mut Vec<u8>) {
        let shorter = line.len() < self.line.len();
        self.back(self.cursor, out);
        self.line = line;
        if shorter {
            out.extend_from_slice(b"\x1b[K");
        }
        self.forward(self.line.len(), out);
    }

    fn redraw_tail(&self, shorter: bool, out: &mut Vec<u8>) {
        if shorter {
            out.extend_from_slice(b"\x1b[K");
        }
        let tail = &self.line[self.cursor..];
        out.extend(tail.iter().collect::<String>().bytes());
        move_back(tail.len(), out);
    }

    fn redraw_screen(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\x1b[;H\x1b[2J");
        out.extend_from_slice(self.prompt.as_bytes());
        out.extend(self.line[..self.cursor].iter().collect::<String>().bytes());
        self.redraw_tail(false, out);
    }

    fn back(&mut self, count: usize, out: &mut Vec<u8>) {
        self.cursor -= count;
        move_back(count, out);
    }

    /// Moves by drawing again what is there.
    fn forward(&mut self, count: usize, out: &mut Vec<u8>) {
        let passed = &self.line[self.cursor..self.cursor + count];
        out.extend(passed.iter().collect::<String>().bytes());
        self.cursor += count;
    }
}

fn move_back(count: usize, out: &mut Vec<u8>) {
    if count <= 4 {
        out.resize(out.len() + count, BACKSPACE);
    } else {
        out.extend_from_slice(format!("\x1b[{count}D").as_bytes());
    }
}

/// The spaces that the next line of a statement begins with.
fn indent(so_far: &str) -> usize {
    let blank = |line: &str| line.bytes().all(|byte| byte == b' ');
    let mut lines = so_far.strip_suffix('\n').unwrap_or(so_far).rsplit('\n');
    let (Some(last), before) = (lines.next(), lines.next()) else {
        return 0;
    };
    // Two blank lines: the statement is about to end.
    if blank(last) && before.is_some_and(blank) {
        return 0;
    }
    let spaces = last.len() - last.trim_start_matches(' ').len();
    let deeper = usize::from(last.ends_with(':'));
    (spaces / INDENT + deeper) * INDENT
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Types the bytes; what was entered last, and what the terminal saw.
    fn type_in(editor: &mut LineEditor, bytes: &[u8]) -> (Option<Entered>, String) {
        let mut out = Vec::new();
        let mut last = None;
        for &byte in bytes {
            last = editor.feed(byte, &mut out).or(last);
        }
        (last, String::from_utf8(out).unwrap())
    }

    fn line(text: &str) -> Entered {
        Entered::Line(text.to_owned())
    }

    #[test]
    fn a_typed_line_is_echoed_and_entered() {
        let mut editor = LineEditor::default();
        let (entered, seen) = type_in(&mut editor, "1+1 é\r".as_bytes());
        assert_eq!(entered, Some(line("1+1 é")));
        assert_eq!(seen, "1+1 é\r\n");
    }

    #[test]
    fn cursor_keys_insert_and_delete_in_the_middle() {
        let mut editor = LineEditor::default();
        let (entered, seen) = type_in(&mut editor, b"abd\x1b[Dc\x1b[H\x1b[3~\x1bOF!\x08?\r");
        assert_eq!(entered, Some(line("bcd?")));
        assert_eq!(
            seen,
            "abd\x08cd\x08\x08\x08\x08\x1b[Kbcd\x08\x08\x08bcd!\x08\x1b[K?\r\n"
        );
    }

    #[test]
    fn history_goes_up_and_down_and_ends_at_the_empty_line() {
        let mut editor = LineEditor::default();
        type_in(&mut editor, b"first\rsecond\rsecond\r");
        let (entered, seen) = type_in(&mut editor, b"\x1b[A\x1b[A\x1b[A\r");
        assert_eq!(entered, Some(line("first")));
        assert_eq!(seen, "second\x1b[6D\x1b[Kfirst\r\n");
        let mut out = Vec::new();
        editor.begin(">>> ", "", &mut out);
        let (entered, _) = type_in(&mut editor, b"\x1b[A\x1b[B\r");
        assert_eq!(entered, Some(line("")));
    }

    #[test]
    fn a_block_is_indented_and_a_pasted_indent_replaces_it() {
        let mut editor = LineEditor::default();
        let mut out = Vec::new();
        editor.begin(">>> ", "", &mut out);
        out.clear();
        editor.begin("... ", "if x:\n", &mut out);
        assert_eq!(out, b"...     ");
        let (entered, _) = type_in(&mut editor, b"    pass\r");
        assert_eq!(entered, Some(line("    pass")));
        out.clear();
        editor.begin("... ", "if x:\n    pass\n", &mut out);
        assert_eq!(out, b"... ", "the indent stays off for this statement");
        assert_eq!(indent("if x:\n    pass\n"), 4);
        assert_eq!(indent("if x:\n    y\n    \n"), 4);
        assert_eq!(indent("if x:\n    \n    \n"), 0);
    }

    #[test]
    fn control_keys_count_on_an_empty_line_only() {
        let mut editor = LineEditor::default();
        assert_eq!(
            type_in(&mut editor, b"\x04").0,
            Some(Entered::Control(CTRL_D))
        );
        assert_eq!(
            type_in(&mut editor, b"x\x04\x05\x01\x03").0,
            Some(Entered::Control(CTRL_C))
        );
    }
}
