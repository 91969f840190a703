//! What the configuration says to requests. A reload puts another one in its place; requests that are under way go by
//! the one that they found.

use cpy_board::daemon::with_causes;
use cpy_board::{Config, Password};

/// Who may do what.
#[derive(Debug)]
pub(crate) struct Policy {
    /// The password of boards that set none.
    pub(crate) default_password: Option<Password>,
    /// Web pages from elsewhere that may use boards.
    pub(crate) allowed_origins: Vec<String>,
    /// Whether boards have names on the network.
    pub(crate) announces: bool,
}

impl Policy {
    /// As the configuration and its password file have it now. A password file that cannot be used lets nobody in.
    pub(crate) fn of(config: &Config) -> Self {
        let default_password = config.http.default_password().unwrap_or_else(|error| {
            tracing::error!(
                error = with_causes(&error),
                "boards that set no password have none: nobody is let in there"
            );
            None
        });
        Self {
            default_password,
            allowed_origins: config.http.allowed_origins.clone(),
            announces: config.mdns.enabled,
        }
    }
}
