//! A statement as it is entered line by line, and whether it goes on in the next one.
//!
//! MicroPython's rule: it looks at brackets, quotes, a backslash at the end and the first word.
//! Each line is looked at once, however long the statement gets.

/// Words that begin a block.
const COMPOUND: [&str; 8] = ["if", "while", "for", "try", "with", "def", "class", "async"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Quote {
    mark: u8,
    triple: bool,
}

/// The lines so far.
#[derive(Debug, Default)]
pub(crate) struct Statement {
    text: String,
    open_quote: Option<Quote>,
    /// Of round, square and curly brackets.
    depth: [i32; 3],
}

impl Statement {
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Adds a line; true, and the line is ended, if another one is wanted.
    pub(crate) fn push(&mut self, line: &str) -> bool {
        self.text.push_str(line);
        self.scan(line.as_bytes());
        let more = self.needs_more();
        if more {
            self.text.push('\n');
        }
        more
    }

    fn scan(&mut self, line: &[u8]) {
        let mut at = 0;
        while at < line.len() {
            let byte = line[at];
            let triple = line[at..].starts_with(&[byte; 3]);
            match (byte, self.open_quote) {
                (b'\'' | b'"', None) => {
                    self.open_quote = Some(Quote { mark: byte, triple });
                    at += if triple { 2 } else { 0 };
                }
                (b'\'' | b'"', Some(open)) if open.mark == byte && (triple || !open.triple) => {
                    self.open_quote = None;
                    at += if open.triple { 2 } else { 0 };
                }
                (b'\\', Some(_)) => at += 1,
                (b'(', None) => self.depth[0] += 1,
                (b')', None) => self.depth[0] -= 1,
                (b'[', None) => self.depth[1] += 1,
                (b']', None) => self.depth[1] -= 1,
                (b'{', None) => self.depth[2] += 1,
                (b'}', None) => self.depth[2] -= 1,
                _ => {}
            }
            at += 1;
        }
    }

    fn needs_more(&self) -> bool {
        if self.text.is_empty() {
            return false;
        }
        let first_word = self
            .text
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .next()
            .unwrap_or_default();
        let compound = self.text.starts_with('@') || COMPOUND.contains(&first_word);
        let open_brackets = self.depth.iter().any(|&depth| depth > 0);
        self.open_quote.is_some_and(|open| open.triple)
            || (self.open_quote.is_none() && open_brackets)
            || self.text.ends_with('\\')
            || (compound && !self.text.ends_with('\n'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goes_on(lines: &[&str]) -> bool {
        let mut statement = Statement::default();
        lines.iter().fold(false, |_, line| statement.push(line))
    }

    #[test]
    fn blocks_brackets_and_long_quotes_go_on() {
        for more in [
            &["if x:"][..],
            &["def f():", "    pass"],
            &["f(", "1,"],
            &["'''a", "b'"],
            &["x = \\"],
            &["@d"],
        ] {
            assert!(goes_on(more), "{more:?}");
        }
    }

    #[test]
    fn whole_statements_and_errors_do_not() {
        for whole in [
            &[""][..],
            &["1+1"],
            &["if x:", "    y", ""],
            &["f('(')"],
            &["'''a", "b'''"],
            &["iffy"],
            &["'\\''"],
            // An unclosed short quote is an error that another line does not mend.
            &["f('(', \"a"],
        ] {
            assert!(!goes_on(whole), "{whole:?}");
        }
    }
}
