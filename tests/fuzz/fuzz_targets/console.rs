//! What a board prints: however it comes in pieces, clients read the same text and the same is said of the board.
//!
//! The input: sizes of pieces, how much is kept of the past, and what is printed.

#![no_main]

use cpy_fuzz::pieces::cut;
use cpy_serial_bridge::fuzzing::shown;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((kept, input)) = input.split_first() else {
        return;
    };
    let kept = usize::from(*kept) * 16;
    let (pieces, whole) = cut(input);
    let at_once = shown([whole], kept);
    let in_pieces = shown(pieces, kept);
    // The first reader has read along, and missed nothing unless it all came at once.
    let text = String::from_utf8_lossy(whole);
    assert!(text.starts_with(&in_pieces.read));
    assert!(
        text.len() - in_pieces.read.len() <= 3,
        "{:?} of {text:?}",
        in_pieces.read
    );
    assert_eq!(at_once.read, in_pieces.read);
    assert_eq!(at_once.status, in_pieces.status);
    assert_eq!(at_once.recent, in_pieces.recent);
    assert!(in_pieces.recent.len() <= kept && in_pieces.read.ends_with(&in_pieces.recent));
    let title = &in_pieces.status.title;
    assert!(
        title.len() <= 1024 + 3 && !title.chars().any(char::is_control),
        "{title:?}"
    );
    assert!(title.is_empty() || text.contains(&format!("\x1b]0;{title}")));
});
