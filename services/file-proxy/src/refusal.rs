//! Why a request is refused, and how HTTP says so: one status and one sentence for each reason.

use std::io;

use cpy_board::http::{Body, sentence};
use hyper::header::{ALLOW, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};

use crate::drive_path::DrivePathError;

/// A request that changed nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// No board of this serial has a drive here, or it was unplugged before the answer.
    #[error("The board is not plugged in, or has no drive.")]
    NotPluggedIn,
    /// The device cannot be opened or does not answer. That may pass.
    #[error("The board's drive cannot be used now: {0}.")]
    Unusable(String),
    /// There is nothing on the device that this gateway could read.
    #[error("The board's drive cannot be read: {0}.")]
    NoVolume(String),
    /// The drive belongs to the board.
    #[error(
        "The drive is write-protected: the board keeps it for itself. \
         Look for storage.remount() in its boot.py."
    )]
    WriteProtected,
    /// The request's path.
    #[error("This path cannot be used: {0}.")]
    Path(#[from] DrivePathError),
    /// The X-Destination of a move.
    #[error("X-Destination must be the new path, beginning with /fs/.")]
    Destination,
    /// A file and a directory are confused.
    #[error("There is no directory of this name; for a file leave out the slash at the end.")]
    NotADirectory,
    /// See [`Refusal::NotADirectory`].
    #[error("There is no file of this name; for a directory add a slash at the end.")]
    NotAFile,
    /// A body that would not fit, by its declared or its real length.
    #[error(
        "The file is too large: the drive has room for {free} bytes of it. Nothing was changed."
    )]
    TooLarge {
        /// Free bytes.
        free: u64,
        /// Whether the client asked before it sent the body.
        expects_continue: bool,
    },
    /// A body that nobody may send, whatever room there is.
    #[error(
        "The file is too large: this gateway takes {limit} bytes at most (limits.upload_bytes). The old content is \
         untouched."
    )]
    OverLimit {
        /// The most bytes.
        limit: u64,
        /// Whether the client asked before it sent the body.
        expects_continue: bool,
    },
    /// Other uploads to the board have all that it may have.
    #[error(
        "Other uploads to this board are under way, and together they would be more than this gateway takes. Try again \
         when they are done."
    )]
    OthersUpload,
    /// The body ended before its end.
    #[error("The upload broke off. The old content is untouched.")]
    CutShort(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The upload could not be kept until it was complete.
    #[error("The gateway has no room to receive the upload.")]
    Spool(#[source] io::Error),
    /// The file is not as the request expects it.
    #[error(
        "There is not what the request expects: somebody has changed it, or it is there already. Nothing was written."
    )]
    Precondition,
    /// A repaired image without a word on what it was made from.
    #[error("If-Match must say what the drive held before it was repaired.")]
    Unconditional,
    /// A repaired image of something else.
    #[error("The drive has {expected} bytes, and the image has {got}. Nothing was written.")]
    ImageLength {
        /// Bytes of the volume.
        expected: u64,
        /// Bytes that came.
        got: u64,
    },
    /// A condition that says nothing.
    #[error("The header {0} cannot be understood.")]
    Condition(String),
    /// A version comes from the history, and from nowhere else.
    #[error("A version is restored without a body.")]
    BodyUnwanted,
    /// The history does not have it.
    #[error(
        "There is no such version of this file: it may have gone when there was no room for it any more."
    )]
    NoSuchVersion,
    /// Not all that was lost could be given back.
    #[error(
        "{files} of the files could not be given back and are still kept, the first of them for this: {first}"
    )]
    StillLost {
        /// How many.
        files: usize,
        /// Why the first was not.
        first: Box<Self>,
    },
    /// The history cannot be read.
    #[error("What files held before cannot be read: {0}.")]
    History(#[source] io::Error),
    /// A method that /fs/ does not know.
    #[error("This method is not known here. GET, PUT, DELETE, MOVE and OPTIONS are.")]
    Method,
    /// A method that what is kept of files does not know.
    #[error("This method is not known here. {0} are.")]
    KeptMethod(&'static str),
    /// A path that this daemon does not serve.
    #[error("There is nothing at this path.")]
    NoSuchResource,
    /// The file system's own reasons.
    #[error("{}.", sentence_of(.0))]
    Fat(#[from] cpy_fat::Error),
    /// A fault of this program.
    #[error("The gateway made a mistake; its log says more.")]
    Internal,
}

impl Refusal {
    /// The status of the reply.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::NotPluggedIn | Self::Unusable(_) | Self::NoVolume(_) | Self::OthersUpload => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::WriteProtected => StatusCode::CONFLICT,
            Self::Precondition => StatusCode::PRECONDITION_FAILED,
            Self::Path(_)
            | Self::Destination
            | Self::CutShort(_)
            | Self::Condition(_)
            | Self::ImageLength { .. }
            | Self::BodyUnwanted => StatusCode::BAD_REQUEST,
            Self::Unconditional => StatusCode::PRECONDITION_REQUIRED,
            Self::NotADirectory | Self::NotAFile | Self::NoSuchResource | Self::NoSuchVersion => {
                StatusCode::NOT_FOUND
            }
            Self::TooLarge {
                expects_continue: true,
                ..
            }
            | Self::OverLimit {
                expects_continue: true,
                ..
            } => StatusCode::EXPECTATION_FAILED,
            Self::TooLarge { .. } | Self::OverLimit { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Spool(_) => StatusCode::INSUFFICIENT_STORAGE,
            Self::Method | Self::KeptMethod(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Fat(error) => status_of(error),
            Self::StillLost { first, .. } => first.status(),
            Self::Internal | Self::History(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The reply.
    pub(crate) fn reply(&self) -> Response<Body> {
        let mut reply = sentence(self.status(), self.to_string());
        let mut say = |name, value| {
            let value = HeaderValue::from_static(value);
            reply.headers_mut().insert(name, value);
        };
        match self {
            Self::OthersUpload => say(RETRY_AFTER, "5"),
            Self::KeptMethod(methods) => say(ALLOW, methods),
            _ => {}
        }
        reply
    }
}

/// The status of a file system's error where the operation gives it no meaning of its own.
fn status_of(error: &cpy_fat::Error) -> StatusCode {
    use cpy_fat::Error as E;
    match error {
        E::NotFound { .. } | E::NotADirectory { .. } => StatusCode::NOT_FOUND,
        E::Exists { .. } => StatusCode::PRECONDITION_FAILED,
        E::IsADirectory { .. } | E::ReadOnly | E::Protected { .. } => StatusCode::CONFLICT,
        E::NoSpace { .. } | E::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        E::DirectoryFull { .. } | E::NoJournal { .. } => StatusCode::INSUFFICIENT_STORAGE,
        E::InvalidName(_) | E::IntoItself { .. } | E::Root | E::OtherVolume => {
            StatusCode::BAD_REQUEST
        }
        E::Changed { .. } | E::Device(_) | E::NotFat(_) | E::Unsettled(_) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        E::Damaged { .. }
        | E::Unsound { .. }
        | E::Content { .. }
        | E::Unverified { .. }
        | E::Unrestored { .. } => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The error's own words as the beginning of a sentence.
fn sentence_of(error: &cpy_fat::Error) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
