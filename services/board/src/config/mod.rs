//! The one configuration file, `/etc/cpy-gateway/gateway.toml`, read by every daemon.
//!
//! Every key is optional, an empty file is the default, and an unknown key is an error that names its
//! line, because a misspelt key that is silently ignored costs somebody an evening.

use std::fs;
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

mod history;
mod http;
mod limits;
mod mdns;
mod port_range;

pub use history::History;
pub use http::Http;
pub use limits::Limits;
pub use mdns::Mdns;
pub use port_range::{PortRange, PortRangeError};

use crate::{TomlError, toml_error};

/// Where the configuration is when nobody says otherwise.
pub const DEFAULT_FILE: &str = "/etc/cpy-gateway/gateway.toml";

/// How much of a console's past may be kept, in bytes: a screenful at least, and no board can make the
/// gateway's memory run out.
const SCROLLBACK: RangeInclusive<usize> = 1024..=16 * 1024 * 1024;

/// All that can be configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The directory of attached boards, made by udev.
    pub boards_dir: PathBuf,
    /// Sockets and records, gone after a reboot.
    pub runtime_dir: PathBuf,
    /// What is remembered over reboots.
    pub state_dir: PathBuf,
    /// The web server.
    pub http: Http,
    /// The consoles.
    pub serial: SerialConsole,
    /// What files held before they were changed.
    pub history: History,
    /// Names on the network.
    pub mdns: Mdns,
    /// How much clients may take.
    pub limits: Limits,
}

/// The `[serial]` table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SerialConsole {
    /// How many bytes of a console's past a new client is shown.
    pub scrollback: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            boards_dir: "/dev/cpy-gateway".into(),
            runtime_dir: "/run/cpy-gateway".into(),
            state_dir: "/var/lib/cpy-gateway".into(),
            http: Http::default(),
            serial: SerialConsole::default(),
            history: History::default(),
            mdns: Mdns::default(),
            limits: Limits::default(),
        }
    }
}

impl Default for SerialConsole {
    fn default() -> Self {
        Self { scrollback: 65_536 }
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The file can be read but not understood.
    #[error("the configuration {path} is wrong")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: TomlError,
    },
    /// The file can be understood, and a daemon could not work as it says.
    #[error("the configuration {path} is wrong")]
    Value {
        /// The file.
        path: PathBuf,
        /// Which key and why.
        #[source]
        source: ValueError,
    },
}

/// A value that no daemon could work with. None of them is repeated: an origin may carry a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Daemons have other working directories than people.
    #[error("{0} must be an absolute path")]
    RelativePath(&'static str),
    /// Nobody could reach a board.
    #[error("http.listen names no address")]
    NoAddress,
    /// All boards cannot be where one of them is.
    #[error("http.listen: port {port} is one of http.board_ports, {}", String::from(board_ports.clone()))]
    BoardPort {
        /// The port to listen on.
        port: u16,
        /// The boards' own.
        board_ports: PortRange,
    },
    /// No browser sends this, so nobody would be let in by it.
    #[error(
        "http.allowed_origins: number {0} is no origin; one is written \"https://example.org\" or \
         \"http://example.org:3000\", without a path"
    )]
    Origin(usize),
    /// No interface can be called this.
    #[error("mdns.interfaces: number {0} cannot be the name of a network interface")]
    Interface(usize),
    /// More or less than a console can keep.
    #[error("serial.scrollback must be from {} to {} bytes", SCROLLBACK.start(), SCROLLBACK.end())]
    Scrollback,
    /// More or less than a daemon can work with.
    #[error("limits.{key} must be from {} to {}", range.start(), range.end())]
    Limit {
        /// The key in its table.
        key: &'static str,
        /// What it can be.
        range: RangeInclusive<u64>,
    },
    /// One board's clients could keep all others' out.
    #[error(
        "limits.connections must be more than limits.requests_per_board and limits.consoles_per_board together: \
         otherwise one board could stop the others"
    )]
    OneBoardsShare,
}

impl Config {
    /// Reads a configuration. Without a file name the default file is read, and where that does not
    /// exist everything has its default.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let path = file.unwrap_or(Path::new(DEFAULT_FILE));
        let text = match fs::read_to_string(path) {
            Err(error) if file.is_none() && error.kind() == io::ErrorKind::NotFound => {
                String::new()
            }
            text => text.map_err(|source| ConfigError::Read {
                path: path.to_owned(),
                source,
            })?,
        };
        let config: Self = toml_error::parse(&text).map_err(|source| ConfigError::Parse {
            path: path.to_owned(),
            source,
        })?;
        match config.validate() {
            Ok(()) => Ok(config),
            Err(source) => Err(ConfigError::Value {
                path: path.to_owned(),
                source,
            }),
        }
    }

    /// Whether a daemon can work with these values.
    ///
    /// Errors: the first one that it cannot work with.
    pub fn validate(&self) -> Result<(), ValueError> {
        for (key, path) in [
            ("boards_dir", &self.boards_dir),
            ("runtime_dir", &self.runtime_dir),
            ("state_dir", &self.state_dir),
            ("http.password_file", &self.http.password_file),
        ] {
            if !path.is_absolute() {
                return Err(ValueError::RelativePath(key));
            }
        }
        if !SCROLLBACK.contains(&self.serial.scrollback) {
            return Err(ValueError::Scrollback);
        }
        self.mdns.validate()?;
        self.limits.validate()?;
        self.http.validate()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn load(text: &str) -> Result<Config, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        Config::load(Some(file.path())).map_err(|error| match error {
            ConfigError::Parse { source, .. } => source.to_string(),
            ConfigError::Value { source, .. } => source.to_string(),
            ConfigError::Read { source, .. } => source.to_string(),
        })
    }

    #[test]
    fn an_empty_file_is_the_default() {
        assert_eq!(load(""), Ok(Config::default()));
    }

    #[test]
    fn what_is_written_is_read_back() {
        let config = Config {
            http: Http {
                password: Some("pä:ss".to_owned().try_into().unwrap()),
                ..Http::default()
            },
            ..Config::default()
        };
        assert_eq!(load(&toml::to_string(&config).unwrap()), Ok(config));
    }

    #[test]
    fn an_unknown_key_names_its_line() {
        let error = load("runtime_dir = \"/x\"\n[http]\nlisten = []\nlistne = []\n").unwrap_err();
        assert!(
            error.contains("line 4") && error.contains("listne"),
            "{error}"
        );
    }

    #[test]
    fn wrong_values_are_errors() {
        for wrong in [
            "[http]\nboard_ports = \"8064-8001\"",
            "[http]\nboard_ports = \"0-1\"",
            "[http]\npassword = \"\"",
            "[http]\nlisten = [\"80\"]",
            "[serial]\nscrollback = -1",
        ] {
            assert!(load(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_value_that_cannot_work_names_its_key() {
        for (key, wrong) in [
            ("boards_dir", "boards_dir = \"boards\""),
            ("runtime_dir", "runtime_dir = \"./run\""),
            ("state_dir", "state_dir = \"\""),
            ("http.password_file", "[http]\npassword_file = \"password\""),
            ("http.listen", "[http]\nlisten = []"),
            (
                "http.listen",
                "[http]\nlisten = [\"[::]:80\", \"[::1]:8064\"]",
            ),
            ("serial.scrollback", "[serial]\nscrollback = 99999999999"),
            ("serial.scrollback", "[serial]\nscrollback = 0"),
        ] {
            let error = load(wrong).unwrap_err();
            assert!(error.starts_with(key), "{wrong}: {error}");
        }
        assert!(load("[http]\nlisten = [\"127.0.0.1:0\"]").is_ok());
    }

    #[test]
    fn a_file_that_was_asked_for_must_exist() {
        assert!(matches!(
            Config::load(Some(Path::new("/nonexistent/gateway.toml"))),
            Err(ConfigError::Read { .. })
        ));
    }
}
