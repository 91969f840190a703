//! A device whose flash is worn: what is written to one of its sectors does not hold.

use std::io;
use std::sync::{Arc, Mutex};

use cpy_fat::{SECTOR_SIZE, SectorDevice};

use super::memory::MemoryDevice;

/// Clones are the same device.
#[derive(Clone)]
pub(crate) struct Worn {
    device: MemoryDevice,
    flaw: Arc<Mutex<Flaw>>,
}

#[derive(Default)]
struct Flaw {
    /// How many sectors are written before the one that is worn.
    good: usize,
    sector: Option<u64>,
    /// How many writes to it do not hold.
    left: usize,
}

impl Worn {
    /// The sector that is written after `good` others is worn: `times` writes to it do not hold.
    pub(crate) fn new(device: MemoryDevice, good: usize, times: usize) -> Self {
        let flaw = Flaw {
            good,
            sector: None,
            left: times,
        };
        Self {
            device,
            flaw: Arc::new(Mutex::new(flaw)),
        }
    }

    /// Lets every write hold from now on.
    pub(crate) fn mend(&self) {
        self.flaw.lock().unwrap().left = 0;
    }

    /// Whether as many sectors were written as it takes to come to the worn one.
    pub(crate) fn was_met(&self) -> bool {
        self.flaw.lock().unwrap().sector.is_some()
    }
}

impl SectorDevice for Worn {
    fn sectors(&self) -> u64 {
        self.device.sectors()
    }

    fn read(&mut self, first: u64, into: &mut [u8]) -> io::Result<()> {
        self.device.read(first, into)
    }

    fn write(&mut self, first: u64, from: &[u8]) -> io::Result<()> {
        let mut bytes = from.to_vec();
        let mut flaw = self.flaw.lock().unwrap();
        for (sector, content) in (first..).zip(bytes.chunks_mut(SECTOR_SIZE)) {
            if flaw.sector.is_none() && flaw.good == 0 {
                flaw.sector = Some(sector);
            }
            flaw.good = flaw.good.saturating_sub(1);
            if flaw.sector == Some(sector) && flaw.left > 0 {
                flaw.left -= 1;
                content[100] ^= 0x10;
            }
        }
        self.device.write(first, &bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.device.flush()
    }
}
