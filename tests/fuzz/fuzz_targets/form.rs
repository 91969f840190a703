//! Files that a browser sends as a form: however the form comes in pieces, the same files come out, and each is one
//! component of a path.
//!
//! The input: sizes of pieces, then the boundary, a newline, and the form.

#![no_main]

use std::convert::Infallible;

use bytes::Bytes;
use cpy_fuzz::pieces::cut;
use cpy_http_gateway::fuzzing::files_of_form;
use futures_util::{FutureExt, stream};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let (pieces, whole) = cut(input);
    let Some(end) = whole.iter().take(80).position(|byte| *byte == b'\n') else {
        return;
    };
    let Ok(boundary) = std::str::from_utf8(&whole[..end]) else {
        return;
    };
    let at_once = files(boundary, &[&whole[end + 1..]]);
    let mut left = end + 1;
    let behind: Vec<&[u8]> = pieces
        .iter()
        .map(|piece| {
            let skipped = left.min(piece.len());
            left -= skipped;
            &piece[skipped..]
        })
        .collect();
    let in_pieces = files(boundary, &behind);
    assert_eq!(at_once, in_pieces);
    for (name, content) in at_once.0 {
        let place = format!("/fs/lib/{name}");
        let uri: hyper::Uri = place.parse().expect("a path");
        assert_eq!(uri.path(), place);
        assert!(!name.is_empty() && name.len() <= 3 * 765, "{name}");
        assert!(content.len() <= whole.len());
        if let Some((path, directory)) = cpy_file_proxy::fuzzing::drive_path(&place[3..]) {
            assert!(path.names().len() == 2 && !directory, "{name} is {path}");
        }
    }
});

fn files(boundary: &str, pieces: &[&[u8]]) -> (Vec<(String, Vec<u8>)>, bool) {
    let body: Vec<Result<Bytes, Infallible>> = pieces
        .iter()
        .map(|piece| Ok(Bytes::copy_from_slice(piece)))
        .collect();
    let found = files_of_form(boundary, stream::iter(body)).now_or_never();
    found.expect("all that there is has come")
}
