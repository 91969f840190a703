//! The drive's way over USB: a command, its bytes, its status, and the recovery from what went
//! wrong between them (bulk-only transport 1.0, with `TinyUSB`'s decisions).

use super::bulk_only::{CommandBlock, Status, status_block};
use super::endpoint::Endpoint;
use super::medium::SECTOR;
use super::pipes::Pipes;
use super::scsi::{Lun, Moves, Sense, UNKNOWN_LUN, bytes_of};
use super::setup::{Answer, Setup};

/// Requests of the class.
const RESET: u8 = 0xff;
const GET_MAX_LUN: u8 = 0xfe;

/// Where the drive is in the device.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StoragePlace {
    pub(crate) interface: u8,
    pub(crate) to_host: Endpoint,
    pub(crate) from_host: Endpoint,
}

/// What the host did to a drive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StorageEvent {
    /// A write that may have changed a file is done, and the host knows it.
    Changed,
    Ejected,
}

/// A command whose bytes are being moved.
#[derive(Debug)]
struct Running {
    block: CommandBlock,
    moved: usize,
}

#[derive(Debug)]
enum Stage {
    Command,
    ToHost {
        running: Running,
        bytes: Vec<u8>,
    },
    FromHost {
        running: Running,
        /// The sector that is written next.
        next: u32,
        /// How many bytes belong to sectors; what the host sends beyond them is dropped.
        wanted: usize,
        /// What came of the next sector.
        part: Vec<u8>,
        failure: Option<Sense>,
        changed: bool,
    },
    Status {
        block: [u8; 13],
        event: Option<StorageEvent>,
    },
    /// What came was no command: nothing goes until the host resets the drive.
    Broken,
}

/// The mass storage function.
#[derive(Debug)]
pub(crate) struct MassStorage {
    place: StoragePlace,
    luns: Vec<Lun>,
    stage: Stage,
    /// How many sectors are still written before the power is lost.
    power: Option<u32>,
}

impl MassStorage {
    pub(crate) fn new(place: StoragePlace, luns: Vec<Lun>) -> Self {
        Self {
            place,
            luns,
            stage: Stage::Command,
            power: None,
        }
    }

    /// The power is lost when so many sectors have been written.
    pub(crate) fn cut_after(mut self, sectors: Option<u32>) -> Self {
        self.power = sectors;
        self
    }

    /// Whether the power is lost: nothing goes on, and nothing is answered.
    pub(crate) fn is_cut(&self) -> bool {
        self.power == Some(0)
    }

    pub(crate) fn place(&self) -> StoragePlace {
        self.place
    }

    /// The host configured the device anew.
    pub(crate) fn reset(&mut self) {
        self.stage = Stage::Command;
        self.luns.iter_mut().for_each(Lun::reset);
    }

    pub(crate) fn request(&mut self, setup: &Setup) -> Answer {
        match setup.request {
            RESET => {
                self.stage = Stage::Command;
                Answer::Done
            }
            GET_MAX_LUN => {
                let last = u8::try_from(self.luns.len() - 1).expect("a board has few drives");
                Answer::Bytes(vec![last])
            }
            _ => Answer::Stall,
        }
    }

    /// Whether the host may clear a stalled endpoint: after a broken command only with a reset.
    pub(crate) fn may_clear_halt(&self) -> bool {
        !matches!(self.stage, Stage::Broken)
    }

    /// Goes on as far as the host's transfers allow.
    pub(crate) fn serve(&mut self, pipes: &mut Pipes, mut tell: impl FnMut(StorageEvent)) {
        while !self.is_cut() {
            let stage = std::mem::replace(&mut self.stage, Stage::Broken);
            let (stage, goes_on) = match stage {
                Stage::Command => self.next_command(pipes),
                Stage::ToHost { running, bytes } => self.move_to_host(pipes, running, bytes),
                stage @ Stage::FromHost { .. } => self.move_from_host(pipes, stage),
                Stage::Status { block, event } => {
                    if pipes.bring(self.place.to_host, &block).is_some() {
                        event.into_iter().for_each(&mut tell);
                        (Stage::Command, true)
                    } else {
                        (Stage::Status { block, event }, false)
                    }
                }
                Stage::Broken => (Stage::Broken, false),
            };
            self.stage = stage;
            if !goes_on {
                return;
            }
        }
    }

    fn next_command(&mut self, pipes: &mut Pipes) -> (Stage, bool) {
        let Some(bytes) = pipes.take(self.place.from_host) else {
            return (Stage::Command, false);
        };
        let Some(block) = CommandBlock::parse(&bytes) else {
            pipes.halt(self.place.to_host);
            pipes.halt(self.place.from_host);
            return (Stage::Broken, false);
        };
        (self.begin(pipes, block), true)
    }

    fn begin(&mut self, pipes: &mut Pipes, block: CommandBlock) -> Stage {
        let Some(lun) = self.luns.get_mut(usize::from(block.lun)) else {
            // Asked why, the first drive answers.
            self.luns[0].failed(UNKNOWN_LUN);
            return self.end(pipes, &Running { block, moved: 0 }, Status::Failed, None);
        };
        let was_ejected = lun.is_ejected();
        let moves = lun.command(&block.command);
        let ejected = (lun.is_ejected() && !was_ejected).then_some(StorageEvent::Ejected);
        let running = Running { block, moved: 0 };
        let agreed = |needed: usize, to_host: bool| {
            needed <= running.block.length && (needed == 0 || running.block.to_host == to_host)
        };
        match moves {
            Ok(Moves::Nothing) => self.end(pipes, &running, Status::Passed, ejected),
            // An answer is cut to what the host wants; sectors are not.
            Ok(Moves::ToHost(mut bytes)) if bytes.len() < SECTOR => {
                bytes.truncate(running.block.length);
                if agreed(bytes.len(), true) {
                    Stage::ToHost { running, bytes }
                } else {
                    self.end(pipes, &running, Status::PhaseError, None)
                }
            }
            Ok(Moves::ToHost(bytes)) if agreed(bytes.len(), true) => {
                Stage::ToHost { running, bytes }
            }
            Ok(Moves::FromHost { first, count }) if agreed(bytes_of(count), false) => {
                Stage::FromHost {
                    running,
                    next: first,
                    wanted: bytes_of(count),
                    part: Vec::with_capacity(SECTOR),
                    failure: None,
                    changed: false,
                }
            }
            Ok(_) => self.end(pipes, &running, Status::PhaseError, None),
            Err(sense) => {
                lun.failed(sense);
                self.end(pipes, &running, Status::Failed, None)
            }
        }
    }

    fn move_to_host(
        &self,
        pipes: &mut Pipes,
        mut running: Running,
        bytes: Vec<u8>,
    ) -> (Stage, bool) {
        let rest = &bytes[running.moved..];
        if rest.is_empty() {
            return (self.end(pipes, &running, Status::Passed, None), true);
        }
        let Some(asked) = pipes.bring(self.place.to_host, rest) else {
            return (Stage::ToHost { running, bytes }, false);
        };
        running.moved += asked.min(rest.len());
        if asked > rest.len() {
            // The host's transfer ended early, which says as much as a stall.
            let residue = running.block.length - running.moved;
            let block = status_block(running.block.tag, residue, Status::Passed);
            return (Stage::Status { block, event: None }, true);
        }
        (Stage::ToHost { running, bytes }, true)
    }

    fn move_from_host(&mut self, pipes: &mut Pipes, mut stage: Stage) -> (Stage, bool) {
        let Stage::FromHost {
            running,
            next,
            wanted,
            part,
            failure,
            changed,
        } = &mut stage
        else {
            return (stage, false);
        };
        if running.moved < running.block.length {
            let Some(sent) = pipes.take(self.place.from_host) else {
                return (stage, false);
            };
            let useful = wanted.saturating_sub(running.moved).min(sent.len());
            running.moved += sent.len();
            let lun = &self.luns[usize::from(running.block.lun)];
            part.extend_from_slice(&sent[..useful]);
            let whole = part.len() / SECTOR * SECTOR;
            for sector in part[..whole].chunks_exact(SECTOR) {
                if self.is_cut() {
                    return (stage, false);
                }
                if failure.is_none() {
                    self.power = self.power.map(|sectors| sectors - 1);
                    *failure = lun.write(*next, sector).err();
                    *changed |= failure.is_none() && lun.is_content(*next);
                }
                *next += 1;
            }
            part.drain(..whole);
            return (stage, true);
        }
        let moved = *wanted;
        let event = changed.then_some(StorageEvent::Changed);
        let status = match failure {
            Some(sense) => {
                self.luns[usize::from(running.block.lun)].failed(*sense);
                Status::Failed
            }
            None => Status::Passed,
        };
        let residue = running.block.length.saturating_sub(moved);
        let block = status_block(running.block.tag, residue, status);
        (Stage::Status { block, event }, true)
    }

    /// Ends a command that moves nothing more. Where the host waits to move bytes, a stall tells
    /// it not to.
    fn end(
        &self,
        pipes: &mut Pipes,
        running: &Running,
        status: Status,
        event: Option<StorageEvent>,
    ) -> Stage {
        let residue = running.block.length - running.moved;
        if residue > 0 {
            pipes.halt(if running.block.to_host {
                self.place.to_host
            } else {
                self.place.from_host
            });
        }
        let block = status_block(running.block.tag, residue, status);
        Stage::Status { block, event }
    }
}
