//! What the configuration says to requests. A reload puts another one in its place; requests that are under way go by
//! the one that they found.

use cpy_board::config::Limits;
use cpy_board::daemon::with_causes;
use cpy_board::{Config, Password};

use crate::refusal::Refusal;

/// Who may do what.
#[derive(Debug)]
pub(crate) struct Policy {
    /// The password of boards that set none, if there is one; or why it cannot be used, in a sentence.
    pub(crate) default_password: Result<Option<Password>, String>,
    /// Web pages from elsewhere that may use boards.
    pub(crate) allowed_origins: Vec<String>,
    /// Whether boards have names on the network.
    pub(crate) announces: bool,
    /// What clients may take.
    pub(crate) limits: Limits,
}

impl Policy {
    /// As the configuration and its password file have it now. A password file that cannot be used lets nobody in.
    pub(crate) fn of(config: &Config) -> Self {
        let default_password = config.http.default_password().map_err(|error| {
            let error = with_causes(&error);
            tracing::error!(
                error,
                "boards that set no password have none: nobody is let in there"
            );
            format!("Boards that set no password of their own let nobody change anything: {error}.")
        });
        Self {
            default_password,
            allowed_origins: config.http.allowed_origins.clone(),
            announces: config.mdns.enabled,
            limits: config.limits,
        }
    }

    /// The password of a board, by its own one.
    ///
    /// Errors: there is none.
    pub(crate) fn password<'a>(
        &'a self,
        own: Option<&'a Password>,
    ) -> Result<&'a Password, Refusal> {
        match (own, &self.default_password) {
            (Some(password), _) | (None, Ok(Some(password))) => Ok(password),
            (None, Ok(None)) => Err(Refusal::NoPasswordSet),
            (None, Err(_)) => Err(Refusal::PasswordUnusable),
        }
    }

    /// What is wrong with the password, in a sentence.
    pub(crate) fn problem(&self) -> Option<&str> {
        self.default_password.as_ref().err().map(String::as_str)
    }
}
