//! What a server is ready to hold for its clients.

use std::time::Duration;

use crate::config;

/// What one server is ready to hold for its clients.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time, over all listeners. Where there is one more, an idle one is let go; where none is
    /// idle, the new one is answered with 503.
    pub connections: usize,
    /// The same for one address on the network.
    pub connections_per_address: usize,
    /// The time that a head may take. The server itself knows only the sum of both times; a listener that looks
    /// into what is read can do better.
    pub head_time: Duration,
    /// The time that a connection may be idle before a head.
    pub idle_time: Duration,
    /// The longest that a client on the network may take nothing of what is sent to it. A slow one
    /// may take as long as it likes in all.
    pub write_stall: Duration,
    /// Header fields in a request's head; more are answered with 431.
    pub head_fields: usize,
    /// Bytes in a request's head; more are answered with 431.
    pub head_bytes: usize,
}

impl Limits {
    /// What is not configured: 64 header fields, 32 KiB of them, 2 min for a client that takes nothing; and for
    /// the rest what is configured when nothing is.
    pub const DEFAULT: Self = Self {
        connections: 1024,
        connections_per_address: 256,
        head_time: Duration::from_secs(10),
        idle_time: Duration::from_secs(30),
        write_stall: Duration::from_secs(120),
        head_fields: 64,
        head_bytes: 32 * 1024,
    };

    /// Those of a daemon that other daemons ask. Each of the web server's connections may wait for one answer, and the
    /// shares of boards and addresses are the web server's to watch over; a few more ask from elsewhere.
    #[must_use]
    pub fn between_daemons(limits: &config::Limits) -> Self {
        const OTHERS: usize = 64;
        Self {
            connections: limits.connections + OTHERS,
            ..limits.into()
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl From<&config::Limits> for Limits {
    fn from(limits: &config::Limits) -> Self {
        Self {
            connections: limits.connections,
            connections_per_address: limits.connections_per_address,
            head_time: limits.header_time(),
            idle_time: limits.idle_time(),
            ..Self::DEFAULT
        }
    }
}
