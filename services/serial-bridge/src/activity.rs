//! What a board is doing, as far as its console tells.
//!
//! CircuitPython puts its status bar into the terminal's title (`supervisor/shared/status_bar.c`): a
//! snake, then parts between ` | `: perhaps Wi-Fi and Bluetooth, then what is executed, and at last the
//! version. Its words may be translated; the forms are not. A reload has no title: after that of a
//! program that ended, a line announces it (`main.c`). In a translated CircuitPython that line is not
//! known, so a reload shows as what was before it.

use cpy_board::status::ConsoleState;

use crate::title::{Seen, TitleParser};

const SNAKE: char = '🐍';
const SEPARATOR: &str = " | ";
const RELOADS: [&str; 2] = [
    "Code stopped by auto-reload. Reloading soon.",
    "soft reboot",
];
/// Printed when there is nothing to run: no title follows then.
const WAITS: &str = "Press any key to enter the REPL. Use CTRL-D to reload.";
/// Lines longer than this, in bytes, are none of those above.
const LONGEST_LINE: usize = 256;

/// Follows what one board prints, from one opening of its port to the next.
#[derive(Debug)]
pub(crate) struct Activity {
    titles: TitleParser,
    title: String,
    state: ConsoleState,
    /// The line that is being printed, without titles; only as much as is needed.
    line: String,
}

impl Activity {
    /// Nothing is known yet.
    pub(crate) fn new() -> Self {
        Self {
            titles: TitleParser::default(),
            title: String::new(),
            state: ConsoleState::Unknown,
            line: String::new(),
        }
    }

    /// Takes the next piece of what is printed.
    pub(crate) fn see(&mut self, text: &str) {
        for character in text.chars() {
            match self.titles.take(character) {
                Seen::Part => {}
                Seen::Title(title) => {
                    self.state = state_of(&title).unwrap_or(self.state);
                    self.title = title;
                }
                Seen::Text('\n') => {
                    self.end_line();
                    self.line.clear();
                }
                Seen::Text(character) => {
                    if self.line.len() < LONGEST_LINE {
                        self.line.push(character);
                    }
                }
            }
        }
    }

    /// What the board is doing.
    pub(crate) fn state(&self) -> ConsoleState {
        self.state
    }

    /// Its last title.
    pub(crate) fn title(&self) -> &str {
        &self.title
    }

    /// A running program may print what it likes, so lines count only where CircuitPython itself
    /// speaks. Sequences that clear the line may stand before them.
    fn end_line(&mut self) {
        let line = self.line.trim_end_matches('\r');
        match self.state {
            ConsoleState::Done | ConsoleState::Error
                if RELOADS.iter().any(|reload| line.ends_with(reload)) =>
            {
                self.state = ConsoleState::Reloading;
            }
            ConsoleState::Reloading if line.ends_with(WAITS) => self.state = ConsoleState::Done,
            _ => {}
        }
    }
}

/// What a title says that the board is doing; nothing if it is a program's own title.
fn state_of(title: &str) -> Option<ConsoleState> {
    if title.is_empty() {
        // The status bar was turned off.
        return Some(ConsoleState::Unknown);
    }
    let mut parts = title.strip_prefix(SNAKE)?.rsplit(SEPARATOR);
    let last = parts.next()?;
    let executed = parts.next().unwrap_or(last);
    Some(if executed == "REPL" {
        ConsoleState::Repl
    } else if is_exception(executed) {
        ConsoleState::Error
    } else if is_file(executed) {
        ConsoleState::Running
    } else {
        // "Done", in any language.
        ConsoleState::Done
    })
}

/// `1@code.py NameError`
fn is_exception(executed: &str) -> bool {
    executed
        .split_once('@')
        .is_some_and(|(line, _)| !line.is_empty() && line.bytes().all(|b| b.is_ascii_digit()))
}

fn is_file(executed: &str) -> bool {
    let extension = executed.rsplit_once('.').map(|(_, extension)| extension);
    executed.contains('/') || matches!(extension, Some("py" | "txt" | "mpy"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(text: &str) -> ConsoleState {
        let mut activity = Activity::new();
        activity.see(text);
        activity.state()
    }

    fn title(text: &str) -> String {
        format!("\x1b]0;{text}\x1b\\")
    }

    #[test]
    fn every_form_of_the_status_bar_is_known() {
        for (text, state) in [
            ("🐍code.py | 10.0.3", ConsoleState::Running),
            ("🐍/lib/next.py | 10.0.3", ConsoleState::Running),
            ("🐍Done | 10.0.3", ConsoleState::Done),
            ("🐍Fertig | 10.0.3", ConsoleState::Done),
            ("🐍REPL | 10.0.3-12-gabcdef", ConsoleState::Repl),
            ("🐍1@code.py NameError | 10.0.3", ConsoleState::Error),
            ("🐍Wi-Fi: off | code.py | 10.0.3", ConsoleState::Running),
            (
                "🐍192.168.1.7:8080 | BLE:Off | Done | 9.2.8",
                ConsoleState::Done,
            ),
            ("🐍REPL", ConsoleState::Repl),
            ("", ConsoleState::Unknown),
        ] {
            assert_eq!(after(&title(text)), state, "{text}");
        }
    }

    #[test]
    fn a_programs_own_title_changes_no_state() {
        let mut activity = Activity::new();
        activity.see(&title("🐍code.py | 10.0.3"));
        activity.see(&title("Temperature"));
        assert_eq!(activity.state(), ConsoleState::Running);
        assert_eq!(activity.title(), "Temperature");
    }

    #[test]
    fn a_reload_is_seen_in_its_line() {
        let ended = title("🐍Done | 10.0.3");
        for line in RELOADS {
            let text = format!("{ended}\r\n\x1b[2K\x1b[0G{line}\r\n");
            assert_eq!(after(&text), ConsoleState::Reloading);
            let again = format!("{text}code.py output:\r\n{}", title("🐍code.py | 10.0.3"));
            assert_eq!(after(&again), ConsoleState::Running);
            assert_eq!(after(&format!("{text}\r\n{WAITS}\r\n")), ConsoleState::Done);
        }
    }

    #[test]
    fn a_program_that_prints_such_a_line_reloads_nothing() {
        let text = format!("{}soft reboot\r\n", title("🐍code.py | 10.0.3"));
        assert_eq!(after(&text), ConsoleState::Running);
    }
}
