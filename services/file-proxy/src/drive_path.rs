//! A place on a drive as a request names it: percent-encoded, with or without a slash at its end.

use cpy_fat::{InvalidName, Path};
use percent_encoding::percent_decode_str;

/// The most directories within each other. Each one that is missing is a transaction of its own on the drive,
/// and nobody's program lies this deep.
pub(crate) const DEEPEST: usize = 64;

/// What comes behind `/fs` in a request, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DrivePath {
    path: Path,
    slash: bool,
}

/// Why a request names no place on any drive.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DrivePathError {
    /// The decoded bytes are no text.
    #[error("the path is not UTF-8 text")]
    NotText,
    /// Two kinds of slash would make two paths of one.
    #[error("the path holds a backslash")]
    Backslash,
    /// More than [`DEEPEST`] names.
    #[error("the path leads more than {DEEPEST} directories deep")]
    TooDeep,
    /// A part that FAT cannot store, or that leads elsewhere (`.` and `..`).
    #[error(transparent)]
    Name(#[from] InvalidName),
}

impl DrivePath {
    /// Decodes once. Repeated slashes are one, `+` is itself, and an escape that is none is literal,
    /// because clients send names such as `100%.txt` unencoded.
    pub(crate) fn parse(raw: &str) -> Result<Self, DrivePathError> {
        let bytes: Vec<u8> = percent_decode_str(raw).collect();
        let text = String::from_utf8(bytes).map_err(|_| DrivePathError::NotText)?;
        if text.contains('\\') {
            return Err(DrivePathError::Backslash);
        }
        let path: Path = text.parse()?;
        if path.names().len() > DEEPEST {
            return Err(DrivePathError::TooDeep);
        }
        Ok(Self {
            slash: text.ends_with('/') || path.is_root(),
            path,
        })
    }

    /// Where it is, without regard to the slash.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a directory is meant: the path ends in a slash, or is the root.
    pub(crate) fn means_directory(&self) -> bool {
        self.slash
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(raw: &str) -> (String, bool) {
        let path = DrivePath::parse(raw).unwrap_or_else(|error| panic!("{raw}: {error}"));
        (path.path().to_string(), path.means_directory())
    }

    #[test]
    fn decodes_once_and_collapses_slashes() {
        assert_eq!(parsed("/"), ("/".into(), true));
        assert_eq!(parsed("//code.py"), ("/code.py".into(), false));
        assert_eq!(parsed("/lib//a%20b/"), ("/lib/a b".into(), true));
        assert_eq!(parsed("/a+b%2Bc"), ("/a+b+c".into(), false));
        assert_eq!(parsed("/%2541"), ("/%41".into(), false));
        assert_eq!(parsed("/100%.txt"), ("/100%.txt".into(), false));
        assert_eq!(parsed("/%C3%A4.py"), ("/ä.py".into(), false));
    }

    #[test]
    fn refuses_what_leads_elsewhere() {
        for hostile in [
            "/..",
            "/a/../b",
            "/./a",
            "/a%2F..%2Fb",
            "/a\\b",
            "/a%5Cb",
            "/a%00",
            "/a%0Ab",
            "/%ff",
            "/a:b",
            "/%2e%2e/",
        ] {
            assert!(DrivePath::parse(hostile).is_err(), "{hostile}");
        }
    }

    #[test]
    fn a_path_is_no_deeper_than_directories_are() {
        assert!(DrivePath::parse(&"/d".repeat(DEEPEST)).is_ok());
        let deeper = DrivePath::parse(&"/d".repeat(DEEPEST + 1));
        assert_eq!(deeper, Err(DrivePathError::TooDeep));
    }

    #[test]
    fn a_path_may_be_longer_than_255_bytes() {
        let long = format!("/{}/{}", "a".repeat(200), "b".repeat(200));
        assert_eq!(parsed(&long).0, long);
    }

    proptest! {
        #[test]
        fn no_part_of_a_parsed_path_leads_elsewhere(raw in "(/|%2e|\\.|%2f|a|\\\\|%5c|%00|ä){0,12}") {
            if let Ok(path) = DrivePath::parse(&raw) {
                for name in path.path().names() {
                    prop_assert!(!matches!(name.as_str(), "" | "." | ".."));
                    prop_assert!(!name.as_str().contains(['/', '\\', '\0']));
                }
            }
        }
    }
}
