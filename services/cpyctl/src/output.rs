//! What a person reads on standard output. Boards and programs name themselves, and a terminal obeys what it is given:
//! of their words only those are printed that are text. Whoever reads may stop in the middle.

use std::io::{self, ErrorKind, Write};

/// Prints a line, or several.
pub(crate) fn print(text: &str) -> io::Result<()> {
    print_to(&mut io::stdout().lock(), text)
}

fn print_to(output: &mut impl Write, text: &str) -> io::Result<()> {
    let written = writeln!(output, "{text}").and_then(|()| output.flush());
    match written {
        // `head` has read enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// A line without what a terminal would obey.
pub(crate) fn plain(line: &str) -> String {
    line.replace(char::is_control, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_nothing_to_obey() {
        assert_eq!(plain("Pico é 日本"), "Pico é 日本");
        assert_eq!(
            plain("a\x1b]0;title\x07\nb\u{9b}2J"),
            "a\u{fffd}]0;title\u{fffd}\u{fffd}b\u{fffd}2J"
        );
    }

    /// It takes one line, and fails with this kind of error from then on.
    struct Full(Vec<u8>, ErrorKind);

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0.contains(&b'\n') {
                return Err(self.1.into());
            }
            self.0.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_has_read_enough_is_no_error() {
        let print = |kind| print_to(&mut Full(b"a\n".into(), kind), "b");
        assert!(print(ErrorKind::BrokenPipe).is_ok());
        assert!(print(ErrorKind::StorageFull).is_err());
        let mut output = Vec::new();
        print_to(&mut output, "a\nb").unwrap();
        assert_eq!(output, b"a\nb\n");
    }
}
