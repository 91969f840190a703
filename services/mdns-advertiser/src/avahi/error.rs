//! What can go wrong between this daemon and Avahi.

/// Why Avahi did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AvahiError {
    /// Somebody on this machine holds the name; somebody elsewhere shows in the group's state.
    #[error("the name is taken")]
    Collision,
    /// Avahi works, and does not take this: in its own words, for a person.
    #[error("Avahi refuses: {0}")]
    Refused(String),
    /// Nobody on the network answered.
    #[error("nobody answers")]
    Silence,
    /// Avahi, or the bus, does not answer (any more).
    #[error("lost Avahi: {0}")]
    Lost(zbus::Error),
    /// Avahi went, or another one took its place.
    #[error("Avahi went away")]
    Gone,
    /// A task of this daemon ended in a way that it should not.
    #[error("a board's task failed")]
    Fault,
}

impl AvahiError {
    /// What a group's failure amounts to: Avahi may take the same records another time.
    pub(crate) fn of_failure() -> Self {
        Self::Refused("it gave up a group of records".to_owned())
    }
}

impl From<zbus::Error> for AvahiError {
    /// Avahi's own errors are named below `org.freedesktop.Avahi` (avahi-common/dbus.c).
    fn from(error: zbus::Error) -> Self {
        let zbus::Error::MethodError(name, words, _) = &error else {
            return Self::Lost(error);
        };
        match name.as_str().strip_prefix("org.freedesktop.Avahi.") {
            Some("CollisionError") => Self::Collision,
            Some("TimeoutError") => Self::Silence,
            Some("DisconnectedError" | "NoDaemonError") | None => Self::Lost(error),
            Some(name) => Self::Refused(words.clone().unwrap_or_else(|| name.to_owned())),
        }
    }
}
