//! `settings.toml`: the settings of the web workflow that a board carries on its own drive.

use cpy_board::record::Settings;
use cpy_board::{EmptyPassword, Password};

/// The longest file that is looked at.
pub(crate) const LONGEST: usize = 64 * 1024;

const PASSWORD: &str = "CIRCUITPY_WEB_API_PASSWORD";
const PORT: &str = "CIRCUITPY_WEB_API_PORT";
const INSTANCE_NAME: &str = "CIRCUITPY_WEB_INSTANCE_NAME";

/// Why the settings cannot be used; the text is for the board's owner.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SettingsError {
    /// The bytes are no text.
    #[error("settings.toml is not UTF-8 text")]
    NotText,
    /// More than [`LONGEST`] bytes.
    #[error("settings.toml is longer than {LONGEST} bytes")]
    TooLong,
    /// No TOML.
    #[error("settings.toml, line {line}: {message}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// What the parser says, in one line.
        message: String,
    },
    /// A key with a value that it cannot have.
    #[error("settings.toml: {key} must be {wanted}")]
    Value {
        /// The key.
        key: &'static str,
        /// What it may be.
        wanted: &'static str,
    },
}

/// The settings in the file's content. Keys of the program's own are passed over.
pub(crate) fn parse(content: &[u8]) -> Result<Settings, SettingsError> {
    let text = std::str::from_utf8(content).map_err(|_| SettingsError::NotText)?;
    let table: toml::Table = text.parse().map_err(|error| syntax(text, &error))?;
    Ok(Settings {
        password: password(&table)?,
        port: port(&table)?,
        instance_name: string(&table, INSTANCE_NAME)?.filter(|name| !name.is_empty()),
    })
}

/// An empty password is none, as on a Wi-Fi board: nobody is let in by it.
fn password(table: &toml::Table) -> Result<Option<Password>, SettingsError> {
    let text = string(table, PASSWORD)?;
    Ok(text.and_then(|text| Password::try_from(text).map_err(|EmptyPassword| ()).ok()))
}

/// CircuitPython takes an integer; people also write it as a string.
fn port(table: &toml::Table) -> Result<Option<u16>, SettingsError> {
    let port = match table.get(PORT) {
        None => return Ok(None),
        Some(toml::Value::Integer(number)) => u16::try_from(*number).ok(),
        Some(toml::Value::String(text)) => text.parse().ok(),
        Some(_) => None,
    };
    match port.filter(|port| *port > 0) {
        None => Err(SettingsError::Value {
            key: PORT,
            wanted: "a port number from 1 to 65535",
        }),
        port => Ok(port),
    }
}

fn string(table: &toml::Table, key: &'static str) -> Result<Option<String>, SettingsError> {
    match table.get(key) {
        None => Ok(None),
        Some(toml::Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(SettingsError::Value {
            key,
            wanted: "a text in quotes",
        }),
    }
}

fn syntax(text: &str, error: &toml::de::Error) -> SettingsError {
    let at = error.span().map_or(0, |span| span.start);
    let line = 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
    SettingsError::Syntax {
        line,
        message: error.message().replace('\n', ", "),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_the_three_keys_and_passes_over_the_rest() {
        let settings = parse(
            b"# mine\nCIRCUITPY_WEB_API_PASSWORD = \"p\xc3\xa4:ss\"\nCIRCUITPY_WEB_API_PORT = 8080\n\
              CIRCUITPY_WEB_INSTANCE_NAME = \"desk 4\"\nWIFI = \"x\"\nN = 3\n",
        )
        .unwrap();
        assert_eq!(settings.password.unwrap().reveal(), "pä:ss");
        assert_eq!(settings.port, Some(8080));
        assert_eq!(settings.instance_name.as_deref(), Some("desk 4"));
    }

    #[test]
    fn an_empty_file_and_empty_values_set_nothing() {
        assert_eq!(parse(b""), Ok(Settings::default()));
        let empty = b"CIRCUITPY_WEB_API_PASSWORD = \"\"\nCIRCUITPY_WEB_INSTANCE_NAME = \"\"\n";
        assert_eq!(parse(empty), Ok(Settings::default()));
    }

    #[test]
    fn a_broken_file_names_its_line() {
        let error = parse(b"A = 1\nCIRCUITPY_WEB_API_PASSWORD = \"half\n").unwrap_err();
        assert!(
            matches!(error, SettingsError::Syntax { line: 2, .. }),
            "{error}"
        );
        assert_eq!(parse(b"\xff"), Err(SettingsError::NotText));
    }

    #[test]
    fn what_is_said_of_a_broken_password_does_not_give_it_away() {
        for value in [
            "hunter22",
            "\"hunter22",
            "\"hunter22\\q\"",
            "\"hunter22\" hunter22",
            "'hunter22\u{1}'",
            "\"a\"\nCIRCUITPY_WEB_API_PASSWORD = \"hunter22\"",
            "[\"hunter22\"]",
            "{ hunter22 = 1, hunter22 = 2 }",
            "hunter22-01-01",
            "\"\"\"hunter22",
        ] {
            let error = parse(format!("{PASSWORD} = {value}\n").as_bytes()).unwrap_err();
            assert!(!error.to_string().contains("hunter22"), "{value}: {error}");
        }
    }

    #[test]
    fn values_of_the_wrong_kind_name_their_key() {
        for wrong in [
            "CIRCUITPY_WEB_API_PORT = 0",
            "CIRCUITPY_WEB_API_PORT = 65536",
            "CIRCUITPY_WEB_API_PORT = []",
        ] {
            assert!(matches!(
                parse(wrong.as_bytes()),
                Err(SettingsError::Value { key: PORT, .. })
            ));
        }
        let number = parse(b"CIRCUITPY_WEB_API_PASSWORD = 1234");
        assert!(matches!(
            number,
            Err(SettingsError::Value { key: PASSWORD, .. })
        ));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(content in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = parse(&content);
        }
    }
}
