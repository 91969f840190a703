//! A host that speaks USB/IP to a board in this process, in place of the kernel.

#![allow(
    dead_code,
    reason = "every test program uses some of it, and none all of it"
)]

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use clap::Parser;
use cpy_virtual_board::{Board, BoardError, HostAct, Options};
use tokio::sync::oneshot;

const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) const STALLED: i32 = -32;
pub(crate) const UNLINKED: i32 = -104;

/// The endpoints of a board with one serial port.
pub(crate) const CONSOLE_IN: u8 = 0x82;
pub(crate) const CONSOLE_OUT: u8 = 0x02;
pub(crate) const DRIVE_IN: u8 = 0x83;
pub(crate) const DRIVE_OUT: u8 = 0x03;
const DRIVE_INTERFACE: u16 = 2;

/// What a transfer or an unlinking ended with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) status: i32,
    pub(crate) length: usize,
    pub(crate) bytes: Vec<u8>,
}

/// How a SCSI command ended: the status byte, the residue, and what came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommandEnd {
    pub(crate) status: u8,
    pub(crate) residue: u32,
    pub(crate) bytes: Vec<u8>,
}

/// What a SCSI command moves.
pub(crate) enum Data<'a> {
    None,
    In(usize),
    Out(&'a [u8]),
}

/// A host with one board plugged in.
pub(crate) struct UsbHost {
    socket: UnixStream,
    next: u32,
    /// Which transfers bring bytes.
    brings: HashMap<u32, bool>,
    ended: HashMap<u32, Ended>,
    acts: Receiver<HostAct>,
    unplug: Option<oneshot::Sender<()>>,
    board: Option<JoinHandle<Result<(), BoardError>>>,
    pub(crate) image: PathBuf,
}

impl UsbHost {
    pub(crate) fn new(bench: &Path, arguments: &[&str]) -> Self {
        let image = bench.join("drive.img");
        let path = image.to_str().expect("a plain path");
        let fixed = ["cpy-virtual-board", "--usb", "--image", path];
        let options = Options::try_parse_from([&fixed[..], arguments].concat()).expect("options");
        let (socket, boards) = UnixStream::pair().expect("sockets");
        socket
            .set_read_timeout(Some(DEADLINE))
            .expect("a socket that can time out");
        let (tell, acts) = channel();
        let (unplug, unplugged) = oneshot::channel();
        let board = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let tell = Box::new(move |act| {
                    // A test that is over asks no more.
                    let _ = tell.send(act);
                });
                let board = Board::plug_into(boards, &options, tell)?;
                let unplugged = async { drop(unplugged.await) };
                board.run(unplugged).await
            })
        });
        Self {
            socket,
            next: 0,
            brings: HashMap::new(),
            ended: HashMap::new(),
            acts,
            unplug: Some(unplug),
            board: Some(board),
            image,
        }
    }

    /// A board that is configured, as a kernel leaves it.
    pub(crate) fn enumerated(bench: &Path, arguments: &[&str]) -> Self {
        let mut host = Self::new(bench, arguments);
        assert_eq!(host.control_out(0x00, 9, 1, 0, &[]), 0, "SET_CONFIGURATION");
        host
    }

    /// Submits a transfer: `size` is what is wanted of an endpoint that brings.
    pub(crate) fn submit(&mut self, endpoint: u8, size: usize, data: &[u8], setup: [u8; 8]) -> u32 {
        self.next += 1;
        let is_in = endpoint & 0x80 != 0;
        let length = if is_in { size } else { data.len() };
        let words = [
            1,
            self.next,
            0x0001_0001,
            u32::from(is_in),
            u32::from(endpoint & 0x0f),
            0,
            u32::try_from(length).expect("a short transfer"),
            0,
            0,
            0,
        ];
        let mut message: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        message.extend(setup);
        message.extend(data);
        self.say(&message);
        self.brings.insert(self.next, is_in);
        self.next
    }

    /// Takes a transfer back.
    pub(crate) fn unlink(&mut self, transfer: u32) -> Ended {
        self.next += 1;
        let mut message = [0; 48];
        for (at, word) in [(0, 2), (4, self.next), (20, transfer)] {
            message[at..at + 4].copy_from_slice(&u32::to_be_bytes(word));
        }
        self.say(&message);
        self.brings.insert(self.next, false);
        self.wait(self.next)
    }

    /// Sends bytes as they are.
    pub(crate) fn say(&mut self, message: &[u8]) {
        self.socket.write_all(message).expect("the board listens");
    }

    /// Waits for a transfer's end.
    pub(crate) fn wait(&mut self, transfer: u32) -> Ended {
        while !self.ended.contains_key(&transfer) {
            self.read_one();
        }
        self.ended.remove(&transfer).expect("it was there")
    }

    pub(crate) fn has_ended(&self, transfer: u32) -> bool {
        self.ended.contains_key(&transfer)
    }

    fn read_one(&mut self) {
        let mut header = [0; 48];
        self.socket.read_exact(&mut header).expect("a reply");
        let word = |at: usize| u32::from_be_bytes(header[at..at + 4].try_into().expect("a word"));
        let (command, number) = (word(0), word(4));
        let (status, length) = (word(20).cast_signed(), word(24) as usize);
        let brings = self.brings.remove(&number).expect("it was asked for");
        let mut bytes = vec![0; if command == 3 && brings { length } else { 0 }];
        self.socket.read_exact(&mut bytes).expect("its bytes");
        let ended = Ended {
            status,
            length,
            bytes,
        };
        self.ended.insert(number, ended);
    }

    pub(crate) fn control_in(
        &mut self,
        kind: u8,
        request: u8,
        value: u16,
        index: u16,
        length: u16,
    ) -> Ended {
        let setup = setup(kind, request, value, index, length);
        let transfer = self.submit(0x80, usize::from(length), &[], setup);
        self.wait(transfer)
    }

    /// Returns the status.
    pub(crate) fn control_out(
        &mut self,
        kind: u8,
        request: u8,
        value: u16,
        index: u16,
        data: &[u8],
    ) -> i32 {
        let length = u16::try_from(data.len()).expect("a short request");
        let setup = setup(kind, request, value, index, length);
        let transfer = self.submit(0x00, 0, data, setup);
        self.wait(transfer).status
    }

    pub(crate) fn bulk_in(&mut self, endpoint: u8, size: usize) -> Ended {
        let transfer = self.submit(endpoint, size, &[], [0; 8]);
        self.wait(transfer)
    }

    pub(crate) fn bulk_out(&mut self, endpoint: u8, data: &[u8]) -> i32 {
        let transfer = self.submit(endpoint, 0, data, [0; 8]);
        self.wait(transfer).status
    }

    pub(crate) fn string(&mut self, number: u8) -> String {
        let bytes = self
            .control_in(0x80, 6, 0x0300 | u16::from(number), 0x0409, 255)
            .bytes;
        assert_eq!(usize::from(bytes[0]), bytes.len());
        let units = bytes[2..]
            .chunks(2)
            .map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
        String::from_utf16(&units.collect::<Vec<_>>()).expect("UTF-16")
    }

    /// The strings of all interfaces that have one.
    pub(crate) fn interface_names(&mut self) -> Vec<String> {
        let configuration = self.control_in(0x80, 6, 0x0200, 0, 1000).bytes;
        let mut rest = &configuration[..];
        let mut numbers = Vec::new();
        while let Some(&length) = rest.first() {
            if rest[1] == 4 && rest[8] != 0 {
                numbers.push(rest[8]);
            }
            rest = &rest[usize::from(length)..];
        }
        numbers.iter().map(|&number| self.string(number)).collect()
    }

    pub(crate) fn clear_halt(&mut self, endpoint: u8) {
        assert_eq!(self.control_out(0x02, 1, 0, u16::from(endpoint), &[]), 0);
    }

    /// The reset of the drive and the clearing of its endpoints.
    pub(crate) fn reset_drive(&mut self) {
        assert_eq!(self.control_out(0x21, 0xff, 0, DRIVE_INTERFACE, &[]), 0);
        self.clear_halt(DRIVE_IN);
        self.clear_halt(DRIVE_OUT);
    }

    /// A SCSI command as usb-storage runs one: a stall in its data is cleared.
    pub(crate) fn scsi(&mut self, lun: u8, command: &[u8], data: Data<'_>) -> CommandEnd {
        let (length, flags) = match data {
            Data::None => (0, 0),
            Data::In(length) => (length, 0x80),
            Data::Out(bytes) => (bytes.len(), 0),
        };
        self.next += 1;
        let tag = self.next.to_le_bytes();
        let mut block = b"USBC".to_vec();
        block.extend(tag);
        block.extend(u32::try_from(length).expect("short").to_le_bytes());
        block.extend([flags, lun, u8::try_from(command.len()).expect("short")]);
        block.extend(command);
        block.resize(31, 0);
        assert_eq!(self.bulk_out(DRIVE_OUT, &block), 0, "the command block");
        let mut bytes = Vec::new();
        match data {
            Data::None => {}
            Data::In(length) => {
                let ended = self.bulk_in(DRIVE_IN, length);
                bytes = ended.bytes;
                if ended.status == STALLED {
                    self.clear_halt(DRIVE_IN);
                }
            }
            Data::Out(sent) => {
                if self.bulk_out(DRIVE_OUT, sent) == STALLED {
                    self.clear_halt(DRIVE_OUT);
                }
            }
        }
        let mut status = self.bulk_in(DRIVE_IN, 13);
        if status.status == STALLED {
            self.clear_halt(DRIVE_IN);
            status = self.bulk_in(DRIVE_IN, 13);
        }
        let status = status.bytes;
        assert_eq!(status[..4], *b"USBS");
        assert_eq!(status[4..8], tag);
        CommandEnd {
            status: status[12],
            residue: u32::from_le_bytes(status[8..12].try_into().expect("a word")),
            bytes,
        }
    }

    /// The reason of the last failure: key, code, qualifier.
    pub(crate) fn sense(&mut self, lun: u8) -> (u8, u8, u8) {
        let end = self.scsi(lun, &[3, 0, 0, 0, 18, 0], Data::In(18));
        assert_eq!((end.status, end.bytes.len()), (0, 18));
        (end.bytes[2], end.bytes[12], end.bytes[13])
    }

    pub(crate) fn read(&mut self, first: u32, count: u16) -> CommandEnd {
        let size = usize::from(count) * 512;
        self.scsi(0, &sectors(0x28, first, count), Data::In(size))
    }

    pub(crate) fn write(&mut self, first: u32, bytes: &[u8]) -> CommandEnd {
        let count = u16::try_from(bytes.len() / 512).expect("few sectors");
        self.scsi(0, &sectors(0x2a, first, count), Data::Out(bytes))
    }

    /// Opens (or closes) the console.
    pub(crate) fn set_dtr(&mut self, dtr: bool) {
        assert_eq!(self.control_out(0x21, 0x22, u16::from(dtr), 0, &[]), 0);
    }

    pub(crate) fn set_baud(&mut self, baud: u32) {
        let mut coding = baud.to_le_bytes().to_vec();
        coding.extend([0, 0, 8]);
        assert_eq!(self.control_out(0x21, 0x20, 0, 0, &coding), 0);
    }

    /// Reads the console up to these words.
    pub(crate) fn wait_for(&mut self, words: &str) -> String {
        let end = Instant::now() + DEADLINE;
        let mut seen = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&seen);
            if text.contains(words) {
                return text.into_owned();
            }
            assert!(Instant::now() < end, "no {words:?} in {text:?}");
            seen.extend(self.bulk_in(CONSOLE_IN, 128).bytes);
        }
    }

    /// What the board tells of the host next.
    pub(crate) fn told(&self) -> HostAct {
        self.acts.recv_timeout(DEADLINE).expect("something is told")
    }

    /// What the board told and nobody asked for yet.
    pub(crate) fn told_so_far(&self) -> Vec<HostAct> {
        self.acts.try_iter().collect()
    }

    pub(crate) fn unplug(mut self) -> Result<(), BoardError> {
        drop(self.unplug.take());
        self.board_end()
    }

    /// Closes the connection, as a kernel does that detaches a device.
    pub(crate) fn hang_up(&self) {
        self.socket
            .shutdown(Shutdown::Both)
            .expect("it was connected");
    }

    /// Waits for a board that ends by itself.
    pub(crate) fn board_end(&mut self) -> Result<(), BoardError> {
        let board = self.board.take().expect("it was plugged in");
        board.join().expect("the board does not panic")
    }
}

pub(crate) fn setup(kind: u8, request: u8, value: u16, index: u16, length: u16) -> [u8; 8] {
    let ([v, v_high], [i, i_high]) = (value.to_le_bytes(), index.to_le_bytes());
    let [l, l_high] = length.to_le_bytes();
    [kind, request, v, v_high, i, i_high, l, l_high]
}

/// READ 10 or WRITE 10.
pub(crate) fn sectors(command: u8, first: u32, count: u16) -> [u8; 10] {
    let [a, b, c, d] = first.to_be_bytes();
    let [high, low] = count.to_be_bytes();
    [command, 0, a, b, c, d, 0, high, low, 0]
}
