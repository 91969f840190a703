//! Where http-gateway serves boards, for those who announce it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Serial;

/// The ports of the web server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebPorts {
    /// The port on which every board answers by its name.
    pub main: u16,
    /// Boards that asked for another port in their settings and have it.
    #[serde(default)]
    pub boards: BTreeMap<Serial, u16>,
}

impl WebPorts {
    /// The port to announce for a board.
    pub fn of(&self, board: &Serial) -> u16 {
        self.boards.get(board).copied().unwrap_or(self.main)
    }
}
