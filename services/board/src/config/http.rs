//! The web server's part of the configuration.

use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use hyper::http::uri::Authority;
use serde::{Deserialize, Serialize};

use super::{PortRange, ValueError};
use crate::Password;
use crate::password_file::{self, PasswordFileError};

/// The `[http]` table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Addresses and ports on which boards are served by name, beside those that systemd hands over.
    pub listen: Vec<SocketAddr>,
    /// Ports of which each board gets one of its own.
    pub board_ports: PortRange,
    /// The password of boards that set none of their own.
    pub password: Option<Password>,
    /// Where that password is, if it is not here.
    pub password_file: PathBuf,
    /// Web pages from elsewhere that may use boards: origins as browsers send them.
    pub allowed_origins: Vec<String>,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from((Ipv6Addr::UNSPECIFIED, 80))],
            board_ports: PortRange::new(8001, 8064),
            password: None,
            password_file: "/etc/cpy-gateway/password".into(),
            allowed_origins: vec!["https://code.circuitpython.org".into()],
        }
    }
}

impl Http {
    /// The password of boards that set none of their own, if there is one: the configuration's, or else the one in
    /// the password file.
    ///
    /// Errors: why the file's cannot be used.
    pub fn default_password(&self) -> Result<Option<Password>, PasswordFileError> {
        match &self.password {
            Some(password) => Ok(Some(password.clone())),
            None => password_file::read(&self.password_file),
        }
    }

    pub(super) fn validate(&self) -> Result<(), ValueError> {
        if self.listen.is_empty() {
            return Err(ValueError::NoAddress);
        }
        let is_boards = |port: &u16| self.board_ports.ports().contains(port);
        if let Some(port) = self.listen.iter().map(SocketAddr::port).find(is_boards) {
            return Err(ValueError::BoardPort {
                port,
                board_ports: self.board_ports.clone(),
            });
        }
        match self
            .allowed_origins
            .iter()
            .position(|text| !is_origin(text))
        {
            Some(at) => Err(ValueError::Origin(at + 1)),
            None => Ok(()),
        }
    }
}

/// Whether the text is what a browser sends for a page: scheme, host, and the port unless it is the
/// scheme's own (RFC 6454, section 6.2).
fn is_origin(text: &str) -> bool {
    let Some((scheme, authority)) = text.split_once("://") else {
        return false;
    };
    let Ok(authority) = authority.parse::<Authority>() else {
        return false;
    };
    let letters = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(letters)
        && !authority.host().is_empty()
        && !authority.as_str().contains('@')
        && (authority.as_str() == authority.host() || authority.port_u16().is_some())
}

#[cfg(test)]
mod tests {
    use super::super::tests::load;

    #[test]
    fn origins_are_as_browsers_send_them() {
        let load = |origin: &str| {
            load(&format!(
                "[http]\nallowed_origins = [\"http://a\", \"{origin}\"]"
            ))
        };
        for right in [
            "https://code.circuitpython.org",
            "http://localhost:3000",
            "http://[::1]:3000",
            "HTTPS://Example.org",
            "vscode-webview://abc",
        ] {
            assert!(load(right).is_ok(), "{right}");
        }
        for wrong in [
            "code.circuitpython.org",
            "https://code.circuitpython.org/",
            "https://code.circuitpython.org/path",
            "https://",
            "://example.org",
            "https://example.org:",
            "https://example.org:99999",
            "https://topsecret@example.org",
            "https://exa mple.org",
            "null",
            "*",
            "",
        ] {
            let error = load(wrong).unwrap_err();
            assert!(
                error.starts_with("http.allowed_origins: number 2 "),
                "{wrong}: {error}"
            );
            assert!(!error.contains("topsecret"), "{error}");
        }
    }
}
