//! Where http-gateway serves boards, for those who announce it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Serial;

/// The ports of the web server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebPorts {
    /// The port on which every board answers by its name, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub main: Option<u16>,
    /// Boards that asked for another port in their settings and have it; where there is no main port, every board's
    /// own.
    #[serde(default)]
    pub boards: BTreeMap<Serial, u16>,
}

impl WebPorts {
    /// The port to announce for a board, if it can be reached at any.
    pub fn of(&self, board: &Serial) -> Option<u16> {
        self.boards.get(board).copied().or(self.main)
    }
}
