//! The words that every part of cpy-gateway shares.
//!
//! What a board is: [`Serial`], [`Hostname`], what is [`attached`] and how that changes ([`Watcher`]),
//! what its own files say of it ([`Record`]), what the daemons say of it ([`status`], and what they have [`Published`]), and in which state its drive is
//! ([`Fingerprint`]). How a daemon is made: [`Config`] and the [`Configuration`] that follows its
//! file, [`RuntimeDir`], [`UnixSocket`], [`daemon`], [`ServiceManager`], [`Shutdown`], [`telemetry`]. And [`http`], which the
//! daemons speak with each other.

pub mod atomic_file;
pub mod attached;
pub mod config;
mod configuration;
pub mod daemon;
mod deadline;
mod dir_watch;
mod fingerprint;
mod hostname;
pub mod http;
mod password;
pub mod password_file;
mod published;
pub mod record;
mod runtime_dir;
pub mod serial;
mod service_manager;
mod shutdown;
mod state_file;
pub mod status;
pub mod telemetry;
mod toml_error;
mod trouble;
mod unix_socket;
mod watcher;
mod web_ports;

pub use attached::{Attached, Endpoint};
pub use config::Config;
pub use configuration::Configuration;
pub use deadline::wait_until;
pub use dir_watch::{DirWatch, WatchError};
pub use fingerprint::Fingerprint;
pub use hostname::{Hostname, HostnameError};
pub use password::{EmptyPassword, Password};
pub use published::{Follower, Published, Publisher};
pub use record::{Record, Records};
pub use runtime_dir::{Daemon, RuntimeDir};
pub use serial::Serial;
pub use service_manager::ServiceManager;
pub use shutdown::Shutdown;
pub use state_file::StateFile;
pub use toml_error::TomlError;
pub use unix_socket::UnixSocket;
pub use watcher::{Change, Watcher};
pub use web_ports::WebPorts;
