//! The parsers of what clients and boards say, as the fuzz targets reach them (tests/fuzz): bytes in, plain values
//! out. It is there with the feature `fuzzing` only, for nobody else, and owns nothing but the way in.

use cpy_board::record::{Firmware, Settings};
use cpy_fat::{Path, Timestamp, Version};
use hyper::HeaderMap;

use crate::drive_path::DrivePath;
use crate::precondition::Precondition;
use crate::{boot_out, files, settings};

/// The settings in a `settings.toml`, or the sentence that says why there are none.
pub fn settings(content: &[u8]) -> Result<Settings, String> {
    settings::parse(content).map_err(|error| error.to_string())
}

/// What a `boot_out.txt` says.
pub fn boot_out(content: &[u8]) -> Option<Firmware> {
    boot_out::parse(content)
}

/// The place that a request's path names, and whether a directory is meant.
pub fn drive_path(raw: &str) -> Option<(Path, bool)> {
    DrivePath::parse(raw).ok().map(|place| taken_apart(&place))
}

/// The place that a move's headers name.
pub fn destination(headers: &HeaderMap) -> Option<(Path, bool)> {
    files::destination(headers)
        .ok()
        .map(|place| taken_apart(&place))
}

/// The time that a save's headers name.
pub fn timestamp(headers: &HeaderMap) -> Timestamp {
    files::timestamp(headers)
}

/// Whether a file with this content may be changed by a request with these headers; none where they cannot be
/// understood.
pub fn may_change(headers: &HeaderMap, now: Option<Version>) -> Option<bool> {
    let precondition = Precondition::of(headers).ok()?;
    Some(precondition.check(now).is_ok())
}

fn taken_apart(place: &DrivePath) -> (Path, bool) {
    (place.path().clone(), place.means_directory())
}
