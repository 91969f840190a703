//! A journal in memory, whose record outlives the volume.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex};

use cpy_fat::Journal;

/// Clones are the same journal.
#[derive(Clone, Default)]
pub(crate) struct MemoryJournal(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    kept: Option<Vec<u8>>,
    aside: Option<Vec<u8>>,
    /// All records that were kept, the last one last.
    all: Vec<Vec<u8>>,
    /// How many bytes it has room for.
    room: Option<usize>,
    is_read_only: bool,
}

impl MemoryJournal {
    /// One that keeps this record.
    pub(crate) fn with(record: Vec<u8>) -> Self {
        let journal = Self::default();
        journal.0.lock().unwrap().kept = Some(record);
        journal
    }

    /// What was set aside last.
    pub(crate) fn aside(&self) -> Option<Vec<u8>> {
        self.0.lock().unwrap().aside.clone()
    }

    /// Lets records of more bytes fail.
    pub(crate) fn limit(&self, room: usize) {
        self.0.lock().unwrap().room = Some(room);
    }

    /// Lets nothing be written any more, or everything again.
    pub(crate) fn set_read_only(&self, is_read_only: bool) {
        self.0.lock().unwrap().is_read_only = is_read_only;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().unwrap().kept.is_none()
    }

    /// The records that were kept since the last call.
    pub(crate) fn records(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.0.lock().unwrap().all)
    }
}

impl State {
    fn write(&self) -> io::Result<()> {
        if self.is_read_only {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        Ok(())
    }
}

impl Journal for MemoryJournal {
    fn keep(&mut self, write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let mut record = Vec::new();
        write(&mut record)?;
        let mut state = self.0.lock().unwrap();
        state.write()?;
        if state.room.is_some_and(|room| record.len() > room) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.all.push(record.clone());
        state.kept = Some(record);
        Ok(())
    }

    fn kept(&mut self) -> io::Result<Option<Box<dyn Read + '_>>> {
        let record = self.0.lock().unwrap().kept.clone();
        Ok(record.map(|record| Box::new(io::Cursor::new(record)) as Box<dyn Read>))
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.write()?;
        let kept = state.kept.as_mut().unwrap();
        kept.extend_from_slice(bytes);
        Ok(())
    }

    fn discard(&mut self) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.write()?;
        state.kept = None;
        Ok(())
    }

    fn set_aside(&mut self) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.write()?;
        state.aside = state.kept.take();
        Ok(())
    }
}
