//! The path of a request below /fs/, and what its headers say of files: a place on the drive and nowhere else, and a
//! condition that holds only where it is met.
//!
//! The input: the path, and behind a newline each a destination, a time and the two conditions.

#![no_main]

use std::fmt::Write as _;
use std::sync::OnceLock;

use cpy_fat::{Caching, Path, Version, Volume};
use cpy_file_proxy::fuzzing;
use cpy_fuzz::drive::Drive;
use cpy_fuzz::formatted::in_use;
use hyper::HeaderMap;
use hyper::header::HeaderValue;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut lines = input.split(|byte| *byte == b'\n');
    let path = String::from_utf8_lossy(lines.next().unwrap_or_default());
    if let Some((path, directory)) = fuzzing::drive_path(&path) {
        stays(&path);
        assert!(directory || !path.is_root());
        let again = fuzzing::drive_path(&encoded(&path));
        assert_eq!(again, Some((path.clone(), path.is_root())));
    }
    let mut headers = HeaderMap::new();
    for name in ["x-destination", "x-timestamp", "if-match", "if-none-match"] {
        if let Some(line) = lines.next()
            && let Ok(value) = HeaderValue::from_bytes(line)
        {
            headers.append(name, value);
        }
    }
    if let Some((path, _)) = fuzzing::destination(&headers) {
        stays(&path);
        assert!(headers["x-destination"].as_bytes().starts_with(b"/fs/"));
    }
    let seconds = fuzzing::timestamp(&headers).unix_seconds();
    assert!(seconds % 2 == 0 && seconds >= 315_532_800, "{seconds}");
    conditions(&headers);
});

/// It leads from the root down.
fn stays(path: &Path) {
    for name in path.names() {
        let name = name.as_str();
        assert!(!matches!(name, "" | "." | ".."), "{name}");
        assert!(
            !name.contains(|c: char| c.is_control() || "/\\:*?\"<>|".contains(c)),
            "{name:?}"
        );
        assert!(name.encode_utf16().count() <= 255, "{name}");
    }
    assert!(path.names().len() <= 64);
}

fn encoded(path: &Path) -> String {
    let mut text = String::new();
    for byte in path.to_string().bytes() {
        match byte {
            b'/' => text.push('/'),
            _ => write!(text, "%{byte:02X}").unwrap(),
        }
    }
    text
}

fn conditions(headers: &HeaderMap) {
    let now = version();
    let (Some(may), Some(may_create)) = (
        fuzzing::may_change(headers, Some(now)),
        fuzzing::may_change(headers, None),
    ) else {
        return;
    };
    let tag = format!("\"{now}\"");
    let names = |header: &str| {
        headers.get(header).map(|value| {
            let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (text.trim() == "*", text.contains(&tag))
        })
    };
    match names("if-match") {
        Some((any, named)) => {
            assert!(!may || any || named, "a condition that is not met");
            assert!(!may_create, "nothing matches anything");
        }
        None => assert!(may || names("if-none-match").is_some_and(|(any, named)| any || named)),
    }
}

/// That of some file.
fn version() -> Version {
    static VERSION: OnceLock<Version> = OnceLock::new();
    *VERSION.get_or_init(|| {
        let mut volume = Volume::open(Drive::new(in_use(0).1), Caching::Owned).unwrap();
        volume
            .version(&"/code.py".parse().unwrap())
            .unwrap()
            .unwrap()
    })
}
