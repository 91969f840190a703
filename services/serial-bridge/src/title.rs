//! Titles in a console's text: the sequence OSC 0, `ESC ] 0 ; text` ended by `ESC \` or BEL (xterm,
//! "Operating System Commands").
//!
//! The parser only looks; clients get the text with the sequences in it. What a title means is
//! [`activity`](crate::activity)'s business.

use std::mem;

/// The longest title in bytes; a longer one is none. CircuitPython's are up to 255 characters.
const LONGEST: usize = 1024;
const PREFIX: &str = "0;";

/// Finds titles in text that comes in pieces.
#[derive(Debug, Default)]
pub(crate) struct TitleParser(State);

#[derive(Debug, Default)]
enum State {
    #[default]
    Text,
    /// After an ESC.
    Escape,
    /// After `ESC ]`: what came since.
    Command(String),
    /// After an ESC within a command.
    CommandEscape(String),
}

/// What one more character amounts to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// A character outside of commands.
    Text(char),
    /// A part of a command.
    Part,
    /// The end of a title: the title.
    Title(String),
}

impl TitleParser {
    /// Takes the next character of the text.
    pub(crate) fn take(&mut self, character: char) -> Seen {
        let (state, seen) = match (mem::take(&mut self.0), character) {
            (State::Text | State::Escape | State::CommandEscape(_), '\x1b') => {
                (State::Escape, Seen::Part)
            }
            (State::Command(command), '\x1b') => (State::CommandEscape(command), Seen::Part),
            (State::Command(command), '\x07') | (State::CommandEscape(command), '\\') => {
                (State::Text, ended(&command))
            }
            (State::Escape | State::CommandEscape(_), ']') => {
                (State::Command(String::new()), Seen::Part)
            }
            (State::Command(mut command), character)
                if !character.is_control() && command.len() < PREFIX.len() + LONGEST =>
            {
                command.push(character);
                (State::Command(command), Seen::Part)
            }
            // Also a command that is too long, or that was cut short by something else: the board was
            // reset, say.
            _ => (State::Text, Seen::Text(character)),
        };
        self.0 = state;
        seen
    }
}

fn ended(command: &str) -> Seen {
    match command.strip_prefix(PREFIX) {
        Some(title) => Seen::Title(title.to_owned()),
        None => Seen::Part,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn titles(text: &str) -> Vec<String> {
        let mut parser = TitleParser::default();
        text.chars()
            .filter_map(|character| match parser.take(character) {
                Seen::Title(title) => Some(title),
                Seen::Text(_) | Seen::Part => None,
            })
            .collect()
    }

    #[test]
    fn both_ends_of_a_title_are_known() {
        assert_eq!(
            titles("x\x1b]0;🐍code.py | 10.0.3\x1b\\y\x1b]0;b\x07"),
            ["🐍code.py | 10.0.3", "b"]
        );
        assert_eq!(titles("\x1b]0;\x1b\\"), [""]);
    }

    #[test]
    fn other_commands_are_not_titles() {
        assert!(titles("\x1b]2;x\x07\x1b]8;;http://x\x1b\\\x1b[2K\x1b[0G]0;x\x07").is_empty());
    }

    #[test]
    fn a_title_cut_short_by_a_reset_does_not_swallow_what_follows() {
        assert_eq!(
            titles("\x1b]0;🐍co\x1b[2K\x1b[0G\x1b]0;🐍Done | 10.0.3\x1b\\"),
            ["🐍Done | 10.0.3"]
        );
        assert_eq!(titles("\x1b]0;🐍co\x1b]0;second\x07"), ["second"]);
        assert_eq!(titles("\x1b]0;🐍co\r\n\x1b]0;second\x07"), ["second"]);
    }

    #[test]
    fn a_title_without_an_end_is_given_up() {
        let endless = format!("\x1b]0;{}\x07\x1b]0;next\x07", "x".repeat(5000));
        assert_eq!(titles(&endless), ["next"]);
    }

    proptest! {
        #[test]
        fn whatever_is_printed_titles_are_short_and_plain(
            text in "([\x1b\\]0;\\\\\x07\r\na-z🐍]|\x1b\\]0;|\x1b\\\\){0,200}",
        ) {
            for title in titles(&text) {
                prop_assert!(title.len() < LONGEST + 4);
                prop_assert!(!title.chars().any(char::is_control));
                let sequence = format!("\x1b]0;{title}");
                prop_assert!(text.contains(&sequence));
            }
        }

        #[test]
        fn a_title_is_found_behind_whatever_came_before(before in any::<String>(), title in "[a-z 🐍|.]{0,80}") {
            let text = format!("{before}\x1b]0;{title}\x1b\\");
            prop_assert_eq!(titles(&text).pop(), Some(title));
        }
    }
}
