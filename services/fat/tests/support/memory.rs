//! Devices in memory: one that counts what is asked of it, and one whose cable is pulled.

use std::io;
use std::sync::{Arc, Mutex};

use cpy_fat::{SECTOR_SIZE, SectorDevice};

/// What happens at a cut to sectors that were written since the last flush.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unflushed {
    /// All of them are on the medium.
    Kept,
    /// Some are, as this number says, in whatever order they came.
    Some(u64),
}

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    /// What was written since the last flush: the sector and what it held before.
    unflushed: Vec<(usize, Vec<u8>)>,
    /// How many more sectors can be written.
    left: Option<usize>,
    is_cut: bool,
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

    /// Lets `sectors` more sector writes through, and nothing after them.
    pub(crate) fn cut_after(&self, sectors: usize) {
        self.0.lock().unwrap().left = Some(sectors);
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.0.lock().unwrap().is_cut
    }

    /// How many sectors were written.
    pub(crate) fn written(&self) -> usize {
        self.0.lock().unwrap().written
    }

    /// The transfers since the last call.
    pub(crate) fn commands(&self) -> Vec<Command> {
        std::mem::take(&mut self.0.lock().unwrap().commands)
    }

    /// What is on the medium after the cut.
    pub(crate) fn bytes(&self, unflushed: Unflushed) -> Vec<u8> {
        let state = self.0.lock().unwrap();
        let mut bytes = state.bytes.clone();
        if let Unflushed::Some(seed) = unflushed {
            let choices = super::bytes(seed, state.unflushed.len());
            let lost = state
                .unflushed
                .iter()
                .zip(choices)
                .rev()
                .filter(|(_, choice)| choice % 2 == 0);
            for ((at, old), _) in lost {
                bytes[*at..at + SECTOR_SIZE].copy_from_slice(old);
            }
        }
        bytes
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
                state.is_cut = true;
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
        if state.is_cut {
            return Err(io::Error::other("the cable was pulled"));
        }
        state.commands.push(Command::Flush);
        state.unflushed.clear();
        Ok(())
    }
}
