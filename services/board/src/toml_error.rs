//! What is wrong with a TOML text, in words that may go to the log: never the text itself, because it
//! may hold a password in the very line that is wrong.

use std::path::Path;
use std::{fs, io};

use serde::de::DeserializeOwned;

/// Where a text is wrong, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct TomlError {
    /// Counted from 1.
    line: usize,
    /// In characters, counted from 1.
    column: usize,
    /// One line, without any value of the text.
    message: String,
}

/// Reads a value from its text.
pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, TomlError> {
    toml::from_str(text).map_err(|error| TomlError::new(text, &error))
}

/// Reads a value from a file; none where there is no file.
///
/// Errors: what the system says, or what is wrong with the text.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match fs::read_to_string(path) {
        Ok(text) => parse(&text).map(Some).map_err(io::Error::other),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl TomlError {
    fn new(text: &str, error: &toml::de::Error) -> Self {
        let at = error.span().map_or(0, |span| span.start);
        let before = text.get(..at).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: 1 + before.matches('\n').count(),
            column: 1 + before[line_start..].chars().count(),
            message: without_value(error.message()).replace('\n', ", "),
        }
    }
}

/// Serde quotes a value that is not of the right type: "invalid type: string "...", expected a sequence".
fn without_value(message: &str) -> String {
    let quotes = ["invalid type: ", "invalid value: "]
        .iter()
        .any(|start| message.starts_with(start));
    match message.rsplit_once(", expected ") {
        Some((_, expected)) if quotes => format!("wrong value, expected {expected}"),
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::{Config, Record};

    use super::*;

    /// What is said of a configuration and of a record with this text.
    fn said(text: &str) -> Vec<TomlError> {
        [parse::<Config>(text).err(), parse::<Record>(text).err()]
            .into_iter()
            .flatten()
            .collect()
    }

    #[test]
    fn no_value_of_the_text_is_repeated() {
        for text in [
            "[http]\npassword = \"topsecret\" x",
            "[http]\npassword = \"topsecret",
            "[http]\npassword = topsecret",
            "[http]\npassword \"topsecret\"",
            "[http]\npassword = \"\\topsecret\\q\"",
            "[http]\npassword = \"topsecret\"\npassword = \"topsecret\"",
            "[http]\npasword = \"topsecret\"",
            "[http]\npassword = [\"topsecret\"]",
            "http = \"topsecret\"",
            "http = \"topsecret, expected topsecret\"",
            "[settings]\npassword = \"topsecret\" x",
            "settings = \"topsecret\"",
            "[settings]\npassword = { topsecret = \"topsecret\" }",
            "[settings]\nport = \"topsecret\"",
        ] {
            let errors = said(text);
            assert!(!errors.is_empty(), "{text}");
            for error in errors {
                assert!(
                    !format!("{error} {error:?}").contains("topsecret"),
                    "{error}"
                );
            }
        }
        for text in [
            "[http]\npassword = 87654321",
            "[settings]\npassword = 87654321",
            "[http]\npassword = 8765432187654321876543218765432187654321",
            "[http]\npassword = 87654321.5",
            "[settings]\nport = 87654321",
        ] {
            for error in said(text) {
                assert!(!format!("{error:?}").contains("87654321"), "{error}");
            }
        }
    }

    #[test]
    fn a_place_is_a_line_and_a_column_of_characters() {
        let error = parse::<toml::Table>("a = 1\n\"ä\" = \"ü\" x").unwrap_err();
        assert_eq!((error.line, error.column), (2, 11));
        let error = parse::<Config>("[serial]\nscrollback = -1").unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 2, column 14: wrong value, expected usize"
        );
    }
}
