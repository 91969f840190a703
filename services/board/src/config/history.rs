//! The `[history]` table: how much is kept of what files held before they were changed.

use serde::{Deserialize, Serialize};

/// Bounds for each board; where one is reached, the oldest version goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct History {
    /// How many versions are kept, of all files together. With 0 none is.
    pub versions: usize,
    /// How many bytes they take on the disk in all.
    pub bytes: u64,
    /// How many bytes on the disk the copies take of what the drive holds, from which it is given back when it was
    /// wiped. With 0 there are none.
    pub copies: u64,
}

impl Default for History {
    fn default() -> Self {
        Self {
            versions: 50,
            bytes: 20 * 1024 * 1024,
            copies: 20 * 1024 * 1024,
        }
    }
}
