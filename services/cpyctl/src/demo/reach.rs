//! Who reaches a demo: where an Avahi runs other machines as well, by the boards' names on the network.

use std::os::unix::net::UnixStream;
use std::path::Path;

/// Where avahi-daemon answers (`AVAHI_SOCKET` in its source); the D-Bus name is the advertiser's to look for.
const AVAHI: &str = "/run/avahi-daemon/socket";

/// Who reaches a demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// This machine only, as the user wants it.
    Local,
    /// This machine only, as nobody could announce the boards to others.
    Alone,
    /// Every machine that finds this one.
    Network,
}

impl Reach {
    /// That of a demo that starts now.
    pub(super) fn new(local: bool) -> Self {
        Self::with_avahi_at(Path::new(AVAHI), local)
    }

    fn with_avahi_at(socket: &Path, local: bool) -> Self {
        if local {
            Self::Local
        } else if UnixStream::connect(socket).is_ok() {
            Self::Network
        } else {
            Self::Alone
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn others_reach_a_demo_where_an_avahi_runs_and_the_user_does_not_mind() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("socket");
        assert_eq!(Reach::with_avahi_at(&socket, false), Reach::Alone);
        let avahi = UnixListener::bind(&socket).unwrap();
        assert_eq!(Reach::with_avahi_at(&socket, false), Reach::Network);
        assert_eq!(Reach::with_avahi_at(&socket, true), Reach::Local);
        // What a daemon that was killed has left.
        drop(avahi);
        assert_eq!(Reach::with_avahi_at(&socket, false), Reach::Alone);
    }
}
