//! The journal of a volume that is open: [`Keeper`], which knows whether the record of an earlier change is still in it.
//! While it is, there must be no other change: that would write over the record, or happen behind its back.

use crate::device::SectorDevice;
use crate::journal::Journal;
use crate::recovery::{RecoveryError, settle};

pub(crate) struct Keeper {
    pub(crate) journal: Box<dyn Journal>,
    /// Where the volume of which it keeps changes lies on its device.
    pub(crate) first: u64,
    /// There is, or may be, a record of a change that is not known to be at its end.
    pub(crate) is_owed: bool,
}

impl Keeper {
    pub(crate) fn new(journal: Box<dyn Journal>, first: u64) -> Self {
        let mut keeper = Self {
            journal,
            first,
            is_owed: false,
        };
        keeper.look();
        keeper
    }

    /// Sees whether there is a record.
    pub(crate) fn look(&mut self) {
        self.is_owed = !matches!(self.journal.kept(), Ok(None));
    }

    /// The change is at its end, or was never begun.
    pub(crate) fn discard(&mut self) {
        self.is_owed = self.journal.discard().is_err();
    }

    /// Brings a change that is owed to its end.
    pub(crate) fn settle<D: SectorDevice>(&mut self, volume: &mut D) -> Result<(), RecoveryError> {
        settle(volume, self.journal.as_mut())?;
        self.is_owed = false;
        Ok(())
    }
}
