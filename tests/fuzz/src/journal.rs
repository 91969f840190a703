//! A journal in memory: it neither fails nor outlives its drive.

use std::io::{self, Read, Write};

use cpy_fat::Journal;

/// What a journal holds.
#[derive(Debug, Default)]
pub struct MemoryJournal(Option<Vec<u8>>);

impl MemoryJournal {
    /// A journal that holds this already, whatever it is.
    pub fn with(record: Vec<u8>) -> Self {
        Self(Some(record))
    }
}

impl Journal for MemoryJournal {
    fn keep(&mut self, write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let mut record = Vec::new();
        write(&mut record)?;
        self.0 = Some(record);
        Ok(())
    }

    fn kept(&mut self) -> io::Result<Option<Box<dyn Read + '_>>> {
        Ok(self
            .0
            .as_deref()
            .map(|record| Box::new(record) as Box<dyn Read>))
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.get_or_insert_default().extend_from_slice(bytes);
        Ok(())
    }

    fn discard(&mut self) -> io::Result<()> {
        self.0 = None;
        Ok(())
    }
}
