//! A device in memory that remembers what was written to it and when it was flushed, so that every state in which a
//! cut may leave it can be made.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex};

use cpy_fat::{Journal, SECTOR_SIZE, SectorDevice};

/// Flash that was erased.
const BLANK: [u8; SECTOR_SIZE] = [0xFF; SECTOR_SIZE];

type Sector = Arc<[u8; SECTOR_SIZE]>;

/// A device whose contents are shared with others until they are written to. Clones are the same device.
#[derive(Clone)]
pub(crate) struct Recording(Arc<Mutex<State>>);

struct State {
    medium: Medium,
    log: Vec<Event>,
    /// How many more sectors can be written.
    left: Option<usize>,
}

/// Sectors of which some are not as they were at first.
#[derive(Clone)]
pub(crate) struct Medium {
    base: Arc<Vec<u8>>,
    changed: BTreeMap<u64, Sector>,
    /// Where its volume, and with it the flash, begins.
    first: u64,
}

/// What happened to a device, or to the journal beside it.
#[derive(Clone)]
pub(crate) enum Event {
    Wrote(u64, Sector),
    Flushed,
    Kept(Vec<u8>),
    Discarded,
}

fn sector_of(bytes: &[u8]) -> Sector {
    Arc::new(bytes.try_into().unwrap())
}

impl Medium {
    pub(crate) fn new(bytes: Vec<u8>, first: u64) -> Self {
        Self {
            base: Arc::new(bytes),
            changed: BTreeMap::new(),
            first,
        }
    }

    pub(crate) fn sectors(&self) -> u64 {
        (self.base.len() / SECTOR_SIZE).try_into().unwrap()
    }

    pub(crate) fn get(&self, sector: u64) -> Sector {
        let at = usize::try_from(sector).unwrap() * SECTOR_SIZE;
        match self.changed.get(&sector) {
            Some(content) => Arc::clone(content),
            None => sector_of(&self.base[at..at + SECTOR_SIZE]),
        }
    }

    pub(crate) fn set(&mut self, sector: u64, content: Sector) {
        self.changed.insert(sector, content);
    }

    /// The sectors in which it differs from another one of the same beginnings.
    pub(crate) fn difference(&self, other: &Self) -> Vec<u64> {
        assert!(
            Arc::ptr_eq(&self.base, &other.base),
            "two that can be compared"
        );
        let mut sectors: Vec<u64> = self
            .changed
            .keys()
            .chain(other.changed.keys())
            .copied()
            .collect();
        sectors.sort_unstable();
        sectors.dedup();
        sectors.retain(|&sector| self.get(sector) != other.get(sector));
        sectors
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.base.to_vec();
        for (&sector, content) in &self.changed {
            let at = usize::try_from(sector).unwrap() * SECTOR_SIZE;
            bytes[at..at + SECTOR_SIZE].copy_from_slice(&content[..]);
        }
        bytes
    }
}

impl Recording {
    pub(crate) fn on(medium: Medium) -> Self {
        Self(Arc::new(Mutex::new(State {
            medium,
            log: Vec::new(),
            left: None,
        })))
    }

    /// What is on it.
    pub(crate) fn medium(&self) -> Medium {
        self.0.lock().unwrap().medium.clone()
    }

    /// What happened since the last call.
    pub(crate) fn log(&self) -> Vec<Event> {
        std::mem::take(&mut self.0.lock().unwrap().log)
    }

    /// Lets `sectors` more sector writes through, and nothing after them.
    pub(crate) fn cut_after(&self, sectors: usize) {
        self.0.lock().unwrap().left = Some(sectors);
    }
}

impl SectorDevice for Recording {
    fn sectors(&self) -> u64 {
        self.0.lock().unwrap().medium.sectors()
    }

    fn read(&mut self, first: u64, into: &mut [u8]) -> io::Result<()> {
        let state = self.0.lock().unwrap();
        for (sector, content) in (first..).zip(into.chunks_mut(SECTOR_SIZE)) {
            content.copy_from_slice(&state.medium.get(sector)[..]);
        }
        Ok(())
    }

    fn write(&mut self, first: u64, from: &[u8]) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        for (sector, content) in (first..).zip(from.chunks(SECTOR_SIZE)) {
            if state.left == Some(0) {
                return Err(io::Error::other("the cable was pulled"));
            }
            state.left = state.left.map(|left| left - 1);
            let content = sector_of(content);
            state.log.push(Event::Wrote(sector, Arc::clone(&content)));
            state.medium.set(sector, content);
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        if state.left == Some(0) {
            return Err(io::Error::other("the cable was pulled"));
        }
        state.log.push(Event::Flushed);
        Ok(())
    }
}

/// A journal whose records stand in the log of the device beside it.
pub(crate) struct Beside(pub(crate) Recording);

impl Journal for Beside {
    fn keep(&mut self, write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let mut record = Vec::new();
        write(&mut record)?;
        self.0.0.lock().unwrap().log.push(Event::Kept(record));
        Ok(())
    }

    fn kept(&mut self) -> io::Result<Option<Box<dyn Read + '_>>> {
        // Nothing is taken back here.
        Ok(None)
    }

    fn append(&mut self, _: &[u8]) -> io::Result<()> {
        unimplemented!("nothing is recovered here")
    }

    fn discard(&mut self) -> io::Result<()> {
        self.0.0.lock().unwrap().log.push(Event::Discarded);
        Ok(())
    }
}

/// What was written under one record.
pub(crate) struct Step {
    pub(crate) record: Vec<u8>,
    pub(crate) start: Medium,
    pub(crate) end: Medium,
    log: Vec<Event>,
}

/// The log of an operation, which wrote nothing before its first record and nothing between two, as steps.
pub(crate) fn steps(start: &Medium, log: Vec<Event>) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut is_open = false;
    for event in log {
        match event {
            Event::Kept(record) => {
                let start = steps.last().map_or(start, |step| &step.end).clone();
                is_open = true;
                steps.push(Step {
                    record,
                    end: start.clone(),
                    start,
                    log: Vec::new(),
                });
            }
            Event::Discarded => is_open = false,
            Event::Wrote(..) | Event::Flushed => {
                assert!(is_open, "a write without a record");
                let step = steps.last_mut().unwrap();
                if let Event::Wrote(sector, content) = &event {
                    step.end.set(*sector, Arc::clone(content));
                }
                step.log.push(event);
            }
        }
    }
    steps
}

impl Step {
    /// Every state in which a cut may leave the medium, with words for it.
    pub(crate) fn aftermaths(&self) -> Vec<(String, Medium)> {
        aftermaths(&self.start, &self.log)
    }
}

/// Every state in which a cut of `log` may leave `start`, with words for it. `log` is that of one change.
fn aftermaths(start: &Medium, log: &[Event]) -> Vec<(String, Medium)> {
    let mut states = Vec::new();
    let mut flushed = start.clone();
    let mut unflushed: Vec<(u64, Sector)> = Vec::new();
    let mut done = 0;
    for event in log.iter().map(Some).chain([None]) {
        let now = with(&flushed, &unflushed, 0);
        states.push((format!("after {done} sectors"), now.clone()));
        for (number, lost) in losses(unflushed.len(), done).into_iter().enumerate() {
            let cut = format!("after {done} sectors in another order, {number}");
            states.push((cut, with(&flushed, &unflushed, lost)));
        }
        match event {
            Some(Event::Wrote(sector, content)) => {
                for (how, hit) in hits(&now, *sector, content) {
                    states.push((format!("{how} after {done} sectors"), hit));
                }
                unflushed.push((*sector, Arc::clone(content)));
                done += 1;
            }
            Some(Event::Flushed) => {
                flushed = now;
                unflushed.clear();
            }
            Some(Event::Kept(_) | Event::Discarded) | None => {}
        }
    }
    states
}

/// A medium with some writes done, but for those whose bits are set in `lost`.
fn with(medium: &Medium, writes: &[(u64, Sector)], lost: u64) -> Medium {
    let mut medium = medium.clone();
    for (number, (sector, content)) in writes.iter().enumerate() {
        if lost >> (number % 64) & 1 == 0 {
            medium.set(*sector, Arc::clone(content));
        }
    }
    medium
}

/// Which of `count` unflushed sectors did not arrive: each bit is one.
fn losses(count: usize, seed: usize) -> Vec<u64> {
    if count <= 3 {
        return (1..1 << count).collect();
    }
    let random = super::bytes(seed.try_into().unwrap(), 16 * 8);
    let numbers = random.chunks(8).map(|bytes| bytes.try_into().unwrap());
    numbers.map(u64::from_le_bytes).collect()
}

/// The power goes while this sector is being written: it is torn, or its erase block is lost.
fn hits(now: &Medium, sector: u64, content: &Sector) -> Vec<(&'static str, Medium)> {
    let mut hits = Vec::new();
    let old = now.get(sector);
    for (how, at) in [
        ("torn early", 1),
        ("torn late", SECTOR_SIZE - 1),
        ("torn in the middle", 256),
    ] {
        let torn = [&content[..at], &old[at..]].concat();
        let mut hit = now.clone();
        hit.set(sector, sector_of(&torn));
        hits.push((how, hit));
    }
    let first = sector - (sector - now.first) % 8;
    let block = first..(first + 8).min(now.sectors());
    let (mut erased, mut spoilt) = (now.clone(), now.clone());
    for sector in block.clone() {
        erased.set(sector, sector_of(&BLANK));
        spoilt.set(sector, sector_of(&super::bytes(sector, SECTOR_SIZE)));
    }
    hits.extend([("block erased", erased), ("block spoilt", spoilt)]);
    // It was erased and is being programmed: this sector is the last one that has its new content.
    let mut programmed = now.clone();
    programmed.set(sector, Arc::clone(content));
    for blank in sector + 1..block.end {
        programmed.set(blank, sector_of(&BLANK));
    }
    hits.push(("block programmed in part", programmed));
    hits
}
