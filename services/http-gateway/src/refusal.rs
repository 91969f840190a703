//! Why a request is not served: each reason with its status and its sentence, in one place.

use std::time::Duration;

use cpy_board::http::{Body, ClientError, sentence};
use cpy_board::{Daemon, Hostname};
use hyper::header::{ALLOW, CONNECTION, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};

use crate::host::HostError;

/// Why a request is not served. The text is what its sender is told.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("{0}")]
    Host(#[from] HostError),
    #[error("{0} is neither a board nor this gateway.")]
    Elsewhere(String),
    #[error("No board is plugged in.")]
    NoBoard,
    #[error(
        "Several boards are plugged in: ask for one of them by its name. http://{0}/ lists them."
    )]
    SeveralBoards(String),
    #[error(
        "Pages from this origin may not use the board. The gateway's allowed_origins lists those that may."
    )]
    Origin,
    #[error("There is nothing at this path.")]
    Path,
    #[error("{0} is not plugged in.")]
    NotPluggedIn(Hostname),
    #[error(
        "The settings of {0} have not been read yet, so its password is not known. The gateway's file service (file-proxy) reads them."
    )]
    SettingsUnread(Hostname),
    #[error("The password is needed. Leave the user name empty.")]
    PasswordMissing,
    #[error("The password is wrong. Leave the user name empty.")]
    PasswordWrong,
    #[error("Too many wrong passwords came from this address. Try again in {} s.", seconds(*.0))]
    TooManyGuesses(Duration),
    #[error(
        "No password is set. Put CIRCUITPY_WEB_API_PASSWORD = \"...\" into settings.toml on the board's drive, or run \
         `sudo cpyctl password --new` on the gateway, or put password = \"...\" below [http] into its configuration."
    )]
    NoPasswordSet,
    #[error(
        "A password is set, and the gateway cannot use it: `sudo cpyctl doctor` on the gateway says why. Or put \
         CIRCUITPY_WEB_API_PASSWORD = \"...\" into settings.toml on the board's drive."
    )]
    PasswordUnusable,
    #[error("This is not possible here. Possible are: {0}.")]
    Method(&'static str),
    #[error("Files are uploaded to a directory with PUT, or with POST as multipart/form-data.")]
    NotAForm,
    #[error("The form cannot be understood, or was cut short.")]
    BrokenForm,
    #[error("The name of a file in the form is too long.")]
    LongName,
    #[error("The upload broke off. What was on the board is unchanged.")]
    BrokenBody,
    #[error("The form holds no file.")]
    EmptyForm,
    #[error("The gateway's {what} ({}) is not running.", .0.name(), what = service(*.0))]
    NotRunning(Daemon),
    #[error("The gateway's {what} ({}) broke off before it answered.", .0.name(), what = service(*.0))]
    BrokeOff(Daemon),
    #[error("The gateway's {what} ({}) does not answer.", .0.name(), what = service(*.0))]
    Silent(Daemon),
    #[error("The drive cannot be read: {0}")]
    DriveUnreadable(String),
    #[error("{0}")]
    NotWritable(String),
    #[error("The files are too large: {free} bytes are free on the drive. Nothing was changed.")]
    TooLarge {
        free: u64,
        /// Whether the client asked before it sent them.
        expects_continue: bool,
    },
    #[error(
        "This board has as many requests for its files under way as it can have ({0}). Try again in a moment."
    )]
    Busy(usize),
    #[error("A file is moved to one place: there are several X-Destination headers.")]
    TwoDestinations,
}

/// What a person calls a daemon.
pub(crate) fn service(daemon: Daemon) -> &'static str {
    match daemon {
        Daemon::SerialBridge => "console service",
        Daemon::FileProxy => "file service",
        Daemon::MdnsAdvertiser => "name service",
    }
}

/// Whole seconds, as Retry-After has them.
fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

impl Refusal {
    /// Why a daemon gave no answer; the details are for the log.
    pub(crate) fn unanswered(daemon: Daemon, error: &ClientError) -> Self {
        let details = cpy_board::daemon::with_causes(error);
        match error {
            ClientError::NotRunning { .. } => {
                // The journal says so already, and the pages ask every few seconds.
                tracing::debug!(error = details, "a service is not running");
                Self::NotRunning(daemon)
            }
            ClientError::Broken { .. } => {
                tracing::info!(error = details, "a service gave no answer");
                Self::BrokeOff(daemon)
            }
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Host(_)
            | Self::BrokenForm
            | Self::BrokenBody
            | Self::LongName
            | Self::TwoDestinations
            | Self::EmptyForm => StatusCode::BAD_REQUEST,
            Self::Elsewhere(_) => StatusCode::MISDIRECTED_REQUEST,
            Self::Busy(_)
            | Self::NoBoard
            | Self::NotPluggedIn(_)
            | Self::SettingsUnread(_)
            | Self::NotRunning(_)
            | Self::BrokeOff(_)
            | Self::Silent(_)
            | Self::DriveUnreadable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Origin | Self::NoPasswordSet | Self::PasswordUnusable => StatusCode::FORBIDDEN,
            Self::SeveralBoards(_) | Self::Path => StatusCode::NOT_FOUND,
            Self::PasswordMissing | Self::PasswordWrong => StatusCode::UNAUTHORIZED,
            Self::TooManyGuesses(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotWritable(_) => StatusCode::CONFLICT,
            Self::TooLarge {
                expects_continue: true,
                ..
            } => StatusCode::EXPECTATION_FAILED,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotAForm => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        }
    }

    pub(crate) fn reply(&self) -> Response<Body> {
        let mut reply = sentence(self.status(), self.to_string());
        let header: Option<(HeaderName, HeaderValue)> = match self {
            Self::Host(_) => Some((CONNECTION, HeaderValue::from_static("close"))),
            Self::PasswordMissing | Self::PasswordWrong => {
                let challenge = HeaderValue::from_static("Basic realm=\"CircuitPython\"");
                Some((WWW_AUTHENTICATE, challenge))
            }
            Self::TooManyGuesses(wait) => Some((RETRY_AFTER, seconds(*wait).into())),
            Self::Busy(_) => Some((RETRY_AFTER, HeaderValue::from_static("1"))),
            Self::Method(allow) => Some((ALLOW, HeaderValue::from_static(allow))),
            _ => None,
        };
        if let Some((name, value)) = header {
            reply.headers_mut().insert(name, value);
        }
        reply
    }
}
