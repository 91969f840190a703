//! Devices in memory: one that counts what is asked of it, and one whose cable is pulled.

use std::io;
use std::sync::{Arc, Mutex};

use cpy_fat::{SECTOR_SIZE, SectorDevice};

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    /// What was written since the last flush: the sector and what it held before.
    unflushed: Vec<(usize, Vec<u8>)>,
    /// How many more sectors can be written.
    left: Option<usize>,
    written: usize,
    commands: Vec<Command>,
}

/// One transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    Read { first: u64, sectors: usize },
    Write { first: u64, sectors: usize },
    Flush,
}

/// A device in memory, whose contents outlive the volume on it.
#[derive(Clone, Default)]
pub(crate) struct MemoryDevice(Arc<Mutex<State>>);

impl MemoryDevice {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(State {
            bytes,
            ..State::default()
        })))
    }

    /// Lets `sectors` more sector writes through, and nothing after them, not even a flush.
    pub(crate) fn cut_after(&self, sectors: usize) {
        self.0.lock().unwrap().left = Some(sectors);
    }

    /// Lets all through again.
    pub(crate) fn mend(&self) {
        self.0.lock().unwrap().left = None;
    }

    /// How many sectors were written.
    pub(crate) fn written(&self) -> usize {
        self.0.lock().unwrap().written
    }

    /// The transfers since the last call.
    pub(crate) fn commands(&self) -> Vec<Command> {
        std::mem::take(&mut self.0.lock().unwrap().commands)
    }

    /// What is on the medium.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().bytes.clone()
    }

    /// What may be on the medium after a cut: of the sectors written since the last flush all are there, or some
    /// are, whatever the order in which they came. Every choice of a few sectors, a dozen choices of many.
    pub(crate) fn aftermaths(&self) -> Vec<Vec<u8>> {
        let state = self.0.lock().unwrap();
        let count = state.unflushed.len();
        let choices: Vec<u64> = if count <= 4 {
            (0..1 << count).collect()
        } else {
            let random = super::bytes(1, 12 * 8);
            let random = random
                .chunks(8)
                .map(|bytes| u64::from_le_bytes(bytes.try_into().unwrap()));
            [0].into_iter().chain(random).collect()
        };
        let aftermath = |lost: u64| {
            let mut bytes = state.bytes.clone();
            for (number, (at, old)) in state.unflushed.iter().enumerate().rev() {
                if lost >> (number % 64) & 1 == 1 {
                    bytes[*at..at + SECTOR_SIZE].copy_from_slice(old);
                }
            }
            bytes
        };
        choices.into_iter().map(aftermath).collect()
    }
}

impl SectorDevice for MemoryDevice {
    fn sectors(&self) -> u64 {
        (self.0.lock().unwrap().bytes.len() / SECTOR_SIZE)
            .try_into()
            .unwrap()
    }

    fn read(&mut self, first: u64, into: &mut [u8]) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.commands.push(Command::Read {
            first,
            sectors: into.len() / SECTOR_SIZE,
        });
        let at = usize::try_from(first).unwrap() * SECTOR_SIZE;
        into.copy_from_slice(&state.bytes[at..at + into.len()]);
        Ok(())
    }

    fn write(&mut self, first: u64, from: &[u8]) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.commands.push(Command::Write {
            first,
            sectors: from.len() / SECTOR_SIZE,
        });
        let start = usize::try_from(first).unwrap();
        for (number, sector) in (start..).zip(from.chunks(SECTOR_SIZE)) {
            if state.left == Some(0) {
                return Err(io::Error::other("the cable was pulled"));
            }
            state.left = state.left.map(|left| left - 1);
            state.written += 1;
            let at = number * SECTOR_SIZE;
            let old = state.bytes[at..at + SECTOR_SIZE].to_vec();
            state.unflushed.push((at, old));
            state.bytes[at..at + SECTOR_SIZE].copy_from_slice(sector);
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        if state.left == Some(0) {
            return Err(io::Error::other("the cable was pulled"));
        }
        state.commands.push(Command::Flush);
        state.unflushed.clear();
        Ok(())
    }
}
