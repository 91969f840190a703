//! One drive (LUN) and the SCSI commands that TinyUSB answers for it, with its answers.

use super::medium::{Medium, SECTOR};

const TEST_UNIT_READY: u8 = 0x00;
const REQUEST_SENSE: u8 = 0x03;
const INQUIRY: u8 = 0x12;
const MODE_SENSE_6: u8 = 0x1a;
const START_STOP_UNIT: u8 = 0x1b;
const PREVENT_ALLOW_MEDIUM_REMOVAL: u8 = 0x1e;
const READ_FORMAT_CAPACITIES: u8 = 0x23;
const READ_CAPACITY_10: u8 = 0x25;
const READ_10: u8 = 0x28;
const WRITE_10: u8 = 0x2a;

/// Why a command failed: sense key, additional code, its qualifier.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sense(u8, u8, u8);

pub(crate) const NO_MEDIUM: Sense = Sense(2, 0x3a, 0);
const READ_FAILED: Sense = Sense(3, 0x11, 0);
const WRITE_FAILED: Sense = Sense(3, 0x0c, 0);
const UNKNOWN_COMMAND: Sense = Sense(5, 0x20, 0);
pub(crate) const UNKNOWN_LUN: Sense = Sense(5, 0x25, 0);
const WRITE_PROTECTED: Sense = Sense(7, 0x27, 0);

/// What a command moves.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Moves {
    Nothing,
    ToHost(Vec<u8>),
    /// That many sectors from the host, to be written from this one on.
    FromHost {
        first: u32,
        count: u16,
    },
}

/// The names in the answer to INQUIRY.
#[derive(Debug, Clone)]
pub(crate) struct InquiryWords {
    pub(crate) vendor: String,
    pub(crate) product: String,
    pub(crate) revision: String,
}

/// What the host may do with the medium's removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    /// The board's own flash.
    Fixed,
    /// A card slot. The host is refused a lock, so that it goes on looking for a card.
    Card,
}

/// One drive.
#[derive(Debug)]
pub(crate) struct Lun {
    words: InquiryWords,
    medium: Option<Medium>,
    slot: Slot,
    ejected: bool,
    sense: Sense,
}

impl Lun {
    pub(crate) fn new(words: InquiryWords, medium: Option<Medium>, slot: Slot) -> Self {
        Self {
            words,
            medium,
            slot,
            ejected: false,
            sense: Sense::default(),
        }
    }

    /// The host configured the device anew, which brings an ejected medium back.
    pub(crate) fn reset(&mut self) {
        self.ejected = false;
        self.sense = Sense::default();
    }

    pub(crate) fn is_ejected(&self) -> bool {
        self.ejected
    }

    /// Keeps the reason of a failure for the host to ask.
    pub(crate) fn failed(&mut self, sense: Sense) {
        self.sense = sense;
    }

    /// Whether writing this sector may change a file.
    pub(crate) fn is_content(&self, sector: u32) -> bool {
        self.medium
            .as_ref()
            .is_some_and(|medium| medium.is_content(sector))
    }

    pub(crate) fn command(&mut self, command: &[u8; 16]) -> Result<Moves, Sense> {
        match command[0] {
            TEST_UNIT_READY => self.ready().map(|_| Moves::Nothing),
            REQUEST_SENSE => Ok(to_host(self.take_sense(), command[4])),
            INQUIRY => Ok(to_host(self.inquiry(), command[4])),
            MODE_SENSE_6 => Ok(to_host(self.mode(), command[4])),
            START_STOP_UNIT => self.start_stop(command[4]),
            PREVENT_ALLOW_MEDIUM_REMOVAL if self.slot == Slot::Fixed => Ok(Moves::Nothing),
            READ_FORMAT_CAPACITIES => self.format_capacities(),
            READ_CAPACITY_10 => self.capacity(),
            READ_10 => self.read(command),
            WRITE_10 => self.write_begins(command),
            // Among them SYNCHRONIZE CACHE: no cache is reported.
            _ => Err(UNKNOWN_COMMAND),
        }
    }

    pub(crate) fn write(&self, sector: u32, bytes: &[u8]) -> Result<(), Sense> {
        let medium = self.ready()?;
        medium.write(sector, bytes).map_err(|error| {
            tracing::error!(%error, sector, "cannot write to the image");
            WRITE_FAILED
        })
    }

    fn ready(&self) -> Result<&Medium, Sense> {
        self.medium
            .as_ref()
            .filter(|_| !self.ejected)
            .ok_or(NO_MEDIUM)
    }

    fn take_sense(&mut self) -> Vec<u8> {
        let Sense(key, code, qualifier) = std::mem::take(&mut self.sense);
        let mut bytes = vec![0; 18];
        // Current error, fixed format, valid; so much comes behind byte 7.
        (bytes[0], bytes[2], bytes[7]) = (0xf0, key, 10);
        (bytes[12], bytes[13]) = (code, qualifier);
        bytes
    }

    fn inquiry(&self) -> Vec<u8> {
        // A disk, removable, SCSI-2, and so much comes behind byte 4.
        let mut bytes = vec![0, 0x80, 2, 2, 31, 0, 0, 0];
        let fields = [
            (&self.words.vendor, 8),
            (&self.words.product, 16),
            (&self.words.revision, 4),
        ];
        for (words, width) in fields {
            let padding = std::iter::repeat(b' ');
            bytes.extend(words.bytes().chain(padding).take(width));
        }
        bytes
    }

    fn mode(&self) -> Vec<u8> {
        let writable = self.medium.as_ref().is_some_and(Medium::is_writable);
        vec![3, 0, if writable { 0 } else { 0x80 }, 0]
    }

    fn start_stop(&mut self, how: u8) -> Result<Moves, Sense> {
        let (start, load_or_eject) = (how & 1 != 0, how & 2 != 0);
        if self.medium.is_none() || (start && load_or_eject && self.ejected) {
            return Err(NO_MEDIUM);
        }
        if load_or_eject && !start {
            self.ejected = true;
        }
        Ok(Moves::Nothing)
    }

    fn capacity(&self) -> Result<Moves, Sense> {
        let mut bytes = (self.ready()?.sectors() - 1).to_be_bytes().to_vec();
        bytes.extend([0, 0, 2, 0]);
        Ok(Moves::ToHost(bytes))
    }

    fn format_capacities(&self) -> Result<Moves, Sense> {
        let mut bytes = vec![0, 0, 0, 8];
        bytes.extend(self.ready()?.sectors().to_be_bytes());
        // Formatted, sectors of 512 bytes.
        bytes.extend([2, 0, 2, 0]);
        Ok(Moves::ToHost(bytes))
    }

    fn read(&self, command: &[u8; 16]) -> Result<Moves, Sense> {
        let (first, count) = range(command);
        let medium = self.ready()?;
        if !medium.has(first, count) {
            return Err(NO_MEDIUM);
        }
        let bytes = medium.read(first, count).map_err(|error| {
            tracing::error!(%error, first, count, "cannot read the image");
            READ_FAILED
        })?;
        Ok(Moves::ToHost(bytes))
    }

    fn write_begins(&self, command: &[u8; 16]) -> Result<Moves, Sense> {
        let (first, count) = range(command);
        let medium = self.ready()?;
        if !medium.is_writable() {
            return Err(WRITE_PROTECTED);
        }
        if !medium.has(first, count) {
            return Err(NO_MEDIUM);
        }
        Ok(Moves::FromHost { first, count })
    }
}

/// Cuts an answer to what the command has room for.
fn to_host(mut bytes: Vec<u8>, room: u8) -> Moves {
    bytes.truncate(usize::from(room));
    Moves::ToHost(bytes)
}

/// The first sector and how many, of READ 10 and WRITE 10.
fn range(command: &[u8; 16]) -> (u32, u16) {
    let first = u32::from_be_bytes([command[2], command[3], command[4], command[5]]);
    (first, u16::from_be_bytes([command[7], command[8]]))
}

/// How many bytes so many sectors are.
pub(crate) fn bytes_of(sectors: u16) -> usize {
    usize::from(sectors) * SECTOR
}
