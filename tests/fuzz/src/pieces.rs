//! Bytes as they come over a wire: in pieces of any size.

use crate::script::Script;

/// Takes the sizes of pieces from the front of an input: a count and so many bytes. The rest is what comes.
pub fn cut(input: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let mut script = Script::new(input);
    let count = usize::from(script.byte() % 8);
    let sizes = script.bytes(count);
    let whole = script.rest();
    let mut rest = whole;
    let mut pieces = Vec::new();
    // The sizes again and again, so that a few of them cut all that there is.
    for size in sizes.iter().cycle() {
        if rest.is_empty() || pieces.len() > 4096 {
            break;
        }
        let (piece, after) = rest.split_at(usize::from(*size).max(1).min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(rest);
    }
    (pieces, whole)
}
