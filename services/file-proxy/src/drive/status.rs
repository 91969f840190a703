//! What a drive says of itself.

use cpy_board::status::{DriveHealth, DriveState, DriveStatus};

use super::Drive;
use super::restoring::kept;
use crate::device::Protection;
use crate::opened::{Opened, Volume};
use crate::refusal::Refusal;

impl Drive {
    /// Whether the drive can be used, and how much room it has.
    pub(crate) fn status(&mut self) -> DriveStatus {
        let space = self.read(Volume::space);
        if self.is_the_boards() || self.unrecorded.is_some() {
            // Nobody tells when the board changes its files, so they are looked at with everything else.
            self.write_record();
        }
        let loss = self.loss();
        match (space, &self.opened) {
            (Ok(space), Some(opened)) => {
                let block = u64::from(space.cluster_size);
                DriveStatus {
                    state: DriveState::Ready,
                    writable: opened.protection == Protection::None,
                    health: opened.health,
                    reason: self.reason(opened, loss),
                    free: u64::from(space.free_clusters) * block,
                    total: u64::from(space.total_clusters) * block,
                    block_size: space.cluster_size,
                }
            }
            (space, _) => DriveStatus {
                state: DriveState::Unreadable,
                writable: false,
                health: DriveHealth::default(),
                reason: self.obstacle(&space.err().unwrap_or(Refusal::Internal)),
                free: 0,
                total: 0,
                block_size: 0,
            },
        }
    }

    /// Why a drive cannot be used, and what there is of it nevertheless.
    fn obstacle(&mut self, refusal: &Refusal) -> String {
        let files = match refusal {
            Refusal::NoVolume(_) if !self.serial.is_port() => {
                self.stores.copies.work().map_or(0, |work| work.len())
            }
            _ => 0,
        };
        if files == 0 {
            return refusal.to_string();
        }
        format!(
            "{refusal} {} of what was on it, and will be offered back: `import storage; storage.erase_filesystem()` in the \
             board's console makes the drive anew, and empty.",
            kept(files)
        )
    }

    /// What keeps an opened drive from being all that it could be, the gravest of it; empty where nothing does.
    fn reason(&self, opened: &Opened, loss: Option<String>) -> String {
        if let Some(error) = &self.unrecorded {
            format!(
                "What the board's files say of it cannot be passed on, so nobody knows its password: the gateway's \
                 runtime directory cannot be written ({error})."
            )
        } else if opened.protection == Protection::WriteProtected {
            Refusal::WriteProtected.to_string()
        } else if !opened.notice.is_empty() {
            opened.notice.clone()
        } else if let Some(loss) = loss {
            loss
        } else if let Some(error) = &self.unkept {
            format!("Files are saved, and what they held before cannot be kept: {error}.")
        } else {
            String::new()
        }
    }
}
