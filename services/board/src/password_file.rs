//! The gateway's own password, in a file that not everybody may read.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::Password;

/// More than anybody types.
const LONGEST: u64 = 1024;

/// Why there is no password in the file. None of these repeats any of it.
#[derive(Debug, thiserror::Error)]
#[error("the password file {path} cannot be used")]
pub struct PasswordFileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    #[source]
    pub source: PasswordFileProblem,
}

/// What is wrong with a password file.
#[derive(Debug, thiserror::Error)]
pub enum PasswordFileProblem {
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] io::Error),
    /// There is no password in it.
    #[error("it is empty")]
    Empty,
    /// Nobody could type that.
    #[error("a password is one line of text")]
    NotOneLine,
    /// Nobody would type that.
    #[error("a password has at most {LONGEST} bytes")]
    TooLong,
}

impl PasswordFileProblem {
    /// Whether it is only that the one who asks may not read it.
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Unreadable(error) if error.kind() == io::ErrorKind::PermissionDenied)
    }
}

/// The password in this file: its one line. None where there is no file.
pub fn read(path: &Path) -> Result<Option<Password>, PasswordFileError> {
    match File::open(path) {
        Ok(file) => parse(file).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
    .map_err(|source| PasswordFileError {
        path: path.to_owned(),
        source,
    })
}

fn parse(file: impl Read) -> Result<Password, PasswordFileProblem> {
    let mut bytes = Vec::new();
    // With its end, and one byte more, by which it is too long.
    file.take(LONGEST + 3).read_to_end(&mut bytes)?;
    let text = String::from_utf8(bytes).map_err(|_| PasswordFileProblem::NotOneLine)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.len() as u64 > LONGEST {
        return Err(PasswordFileProblem::TooLong);
    }
    if line.contains(char::is_control) {
        return Err(PasswordFileProblem::NotOneLine);
    }
    Password::try_from(line.to_owned()).map_err(|_| PasswordFileProblem::Empty)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn of(content: impl AsRef<[u8]>) -> Result<Option<Password>, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), content).unwrap();
        read(file.path()).map_err(|error| error.source.to_string())
    }

    #[test]
    fn a_password_is_the_one_line_of_the_file() {
        let longest = "x".repeat(1024);
        for (content, password) in [
            ("secret\n", "secret"),
            ("secret", "secret"),
            ("secret\r\n", "secret"),
            (" p\u{e4}ss word \n", " p\u{e4}ss word "),
            (&format!("{longest}\r\n"), &longest),
        ] {
            let read = of(content).unwrap().unwrap();
            assert_eq!(read.reveal(), password);
        }
    }

    #[test]
    fn what_is_no_password_is_said_without_repeating_it() {
        for (content, word) in [
            (&b""[..], "empty"),
            (b"\n", "empty"),
            (b"top\nsecret\n", "one line"),
            (b"secret\n\n", "one line"),
            (b"sec\0ret", "one line"),
            (b"secret\xff", "one line"),
            (&[b'x'; 1025], "at most"),
            (&[b'x'; 10_000], "at most"),
        ] {
            let error = of(content).unwrap_err();
            assert!(error.contains(word), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn no_file_is_no_password() {
        assert!(read(Path::new("/nonexistent/password")).unwrap().is_none());
        let dir = tempfile::tempdir().unwrap();
        assert!(read(dir.path()).is_err());
    }
}
