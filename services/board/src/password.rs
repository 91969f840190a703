//! A password that never shows itself: not in logs, not in debug output.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The password of a board's web workflow, UTF-8 of any length, never empty.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Password(String);

/// An empty password would let everybody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a password cannot be empty")]
pub struct EmptyPassword;

impl Password {
    /// The secret itself, for the one place that compares it and for the person who owns it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Password {
    type Error = EmptyPassword;

    fn try_from(text: String) -> Result<Self, EmptyPassword> {
        if text.is_empty() {
            Err(EmptyPassword)
        } else {
            Ok(Self(text))
        }
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_does_not_show_it() {
        let password = Password::try_from("hunter2".to_owned()).unwrap();
        assert!(!format!("{password:?}").contains("hunter2"));
        assert_eq!(password.reveal(), "hunter2");
    }

    #[test]
    fn an_empty_one_is_refused() {
        assert_eq!(Password::try_from(String::new()), Err(EmptyPassword));
    }
}
