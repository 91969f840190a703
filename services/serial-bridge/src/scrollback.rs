//! The last part of what a console printed, as text, for any number of readers at their own pace.
//!
//! There is one copy of the text and no queue per reader: a reader is a [`Cursor`], which either
//! stands in the text that is kept, or has fallen behind and jumps.

use std::collections::VecDeque;

/// Kept beyond what new readers are shown: the time that a reader has before it falls behind.
const SLACK: usize = 64 * 1024;
/// The most text that a reader gets at once.
const PIECE: usize = 16 * 1024;

/// A bounded stretch of text, which begins and ends between characters.
#[derive(Debug)]
pub(crate) struct Scrollback {
    text: VecDeque<u8>,
    /// How many bytes were ever printed: the offset of the next one.
    end: u64,
    /// How many of the last bytes a new reader is shown.
    shown: usize,
}

/// How far a reader has read: an offset in all that was ever printed, always between characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor(u64);

/// What a reader gets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Bytes of text before this piece that the reader was too slow for.
    pub(crate) skipped: u64,
    /// At most 16 KiB of whole characters.
    pub(crate) text: String,
}

impl Scrollback {
    /// An empty scrollback that shows its last `shown` bytes to new readers. Memory is taken as text
    /// comes.
    pub(crate) fn new(shown: usize) -> Self {
        Self {
            text: VecDeque::new(),
            end: 0,
            shown,
        }
    }

    /// Shows its last `shown` bytes to new readers from now on.
    pub(crate) fn show(&mut self, shown: usize) {
        self.shown = shown;
        self.forget_for(0);
        self.text.shrink_to(shown.saturating_add(SLACK));
    }

    /// Adds what was printed, and forgets as much of the oldest as there is too much.
    pub(crate) fn push(&mut self, text: &str) {
        // Before the new text comes, so that the buffer need not grow.
        self.forget_for(text.len());
        self.text.extend(text.as_bytes());
        self.end += text.len() as u64;
    }

    /// Where a new reader begins.
    pub(crate) fn recent(&self) -> Cursor {
        let hidden = self.text.len().saturating_sub(self.shown);
        Cursor(self.start() + self.boundary_from(hidden) as u64)
    }

    /// The next piece for a reader, whose cursor it moves on; nothing if the reader has read it all.
    pub(crate) fn read(&self, cursor: &mut Cursor) -> Option<Piece> {
        let before = *cursor;
        if cursor.0 < self.start() {
            *cursor = self.recent();
        }
        let from = usize::try_from(cursor.0 - self.start()).expect("the cursor is in the buffer");
        let to = self.boundary_to((from + PIECE).min(self.text.len()));
        let bytes: Vec<u8> = self.text.range(from..to).copied().collect();
        let piece = Piece {
            skipped: cursor.0 - before.0,
            text: String::from_utf8(bytes).expect("both ends are between characters"),
        };
        cursor.0 += (to - from) as u64;
        (cursor.0 > before.0).then_some(piece)
    }

    /// Makes room for so many bytes.
    fn forget_for(&mut self, coming: usize) {
        let limit = self.shown.saturating_add(SLACK);
        let excess = (self.text.len() + coming).saturating_sub(limit);
        let forgotten = self.boundary_from(excess.min(self.text.len()));
        self.text.drain(..forgotten);
    }

    fn start(&self) -> u64 {
        self.end - self.text.len() as u64
    }

    /// The first place between characters at or after an index.
    fn boundary_from(&self, index: usize) -> usize {
        (index..self.text.len())
            .find(|&index| self.is_boundary(index))
            .unwrap_or(self.text.len())
    }

    /// The last place between characters at or before an index.
    fn boundary_to(&self, index: usize) -> usize {
        (0..=index)
            .rev()
            .find(|&index| self.is_boundary(index))
            .unwrap_or(0)
    }

    fn is_boundary(&self, index: usize) -> bool {
        self.text
            .get(index)
            .is_none_or(|byte| byte & 0b1100_0000 != 0b1000_0000)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_all(scrollback: &Scrollback, cursor: &mut Cursor) -> (u64, String) {
        let (mut skipped, mut text) = (0, String::new());
        while let Some(piece) = scrollback.read(cursor) {
            assert!(piece.text.len() <= PIECE);
            skipped += piece.skipped;
            text.push_str(&piece.text);
        }
        (skipped, text)
    }

    #[test]
    fn a_new_reader_is_shown_the_last_bytes() {
        let mut scrollback = Scrollback::new(5);
        for text in ["one", "two", "🐍"] {
            scrollback.push(text);
        }
        assert_eq!(
            read_all(&scrollback, &mut scrollback.recent()),
            (0, "o🐍".into())
        );
    }

    #[test]
    fn more_or_less_can_be_shown_from_now_on() {
        let mut scrollback = Scrollback::new(1024 * 1024);
        let mut cursor = scrollback.recent();
        scrollback.push(&"x".repeat(1024 * 1024));
        scrollback.push("last");
        scrollback.show(4);
        assert!(scrollback.text.capacity() < 256 * 1024);
        assert_eq!(
            read_all(&scrollback, &mut scrollback.recent()),
            (0, "last".into())
        );
        assert_eq!(
            read_all(&scrollback, &mut cursor),
            (1024 * 1024, "last".into())
        );
        scrollback.show(7);
        let (_, text) = read_all(&scrollback, &mut scrollback.recent());
        assert_eq!(text, "xxxlast");
    }

    #[test]
    fn an_idle_scrollback_takes_no_memory() {
        assert_eq!(Scrollback::new(1 << 30).text.capacity(), 0);
    }

    #[test]
    fn memory_stays_bounded() {
        let mut scrollback = Scrollback::new(64 * 1024);
        for _ in 0..1000 {
            scrollback.push(&"🐍".repeat(3000));
        }
        assert!(scrollback.text.len() <= 128 * 1024);
        assert!(scrollback.text.capacity() <= 256 * 1024);
    }

    #[test]
    fn a_reader_that_is_too_slow_jumps_to_what_a_new_one_is_shown() {
        let mut scrollback = Scrollback::new(6);
        scrollback.push("old");
        let mut cursor = scrollback.recent();
        scrollback.push(&"x".repeat(SLACK));
        scrollback.push(" newest");
        assert_eq!(
            read_all(&scrollback, &mut cursor),
            (3 + SLACK as u64 + 1, "newest".into())
        );
    }

    #[test]
    fn nothing_shown_to_new_readers_is_a_live_stream_still() {
        let mut scrollback = Scrollback::new(0);
        scrollback.push("before");
        let mut cursor = scrollback.recent();
        assert_eq!(scrollback.read(&mut cursor), None);
        scrollback.push("after");
        assert_eq!(read_all(&scrollback, &mut cursor), (0, "after".into()));
    }

    proptest! {
        #[test]
        fn a_reader_in_time_gets_every_character(
            texts in prop::collection::vec(".{0,9}", 0..40),
            reads in prop::collection::vec(any::<bool>(), 40),
        ) {
            let mut scrollback = Scrollback::new(16);
            let mut cursor = scrollback.recent();
            let mut got = String::new();
            for (text, read) in texts.iter().zip(reads) {
                scrollback.push(text);
                if read {
                    got.push_str(&read_all(&scrollback, &mut cursor).1);
                }
            }
            got.push_str(&read_all(&scrollback, &mut cursor).1);
            prop_assert_eq!(got, texts.concat());
        }

        #[test]
        fn what_is_skipped_and_what_is_read_is_all_there_was(
            sizes in prop::collection::vec(0..30_000_usize, 0..12),
        ) {
            let mut scrollback = Scrollback::new(1000);
            let mut cursor = scrollback.recent();
            for size in &sizes {
                scrollback.push(&"é".repeat(*size));
            }
            let (skipped, text) = read_all(&scrollback, &mut cursor);
            let printed: usize = sizes.iter().map(|size| size * 2).sum();
            prop_assert_eq!(skipped + text.len() as u64, printed as u64);
        }
    }
}
