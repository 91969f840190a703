//! The device: its control endpoint, and the functions behind the other endpoints.
//!
//! Knows no socket: transfers come in, and replies collect in [`Pipes`].

use std::collections::VecDeque;

use super::cdc::{Cdc, LineEvent};
use super::descriptors::{CONFIGURATION, DEVICE, Descriptors, STRING};
use super::endpoint::Endpoint;
use super::hid;
use super::host_act::{HostAct, Tell};
use super::mass_storage::{MassStorage, StorageEvent};
use super::pipes::Pipes;
use super::setup::{
    Answer, CLEAR_FEATURE, ENDPOINT_HALT, GET_CONFIGURATION, GET_DESCRIPTOR, GET_INTERFACE,
    GET_STATUS, Kind, Recipient, SET_ADDRESS, SET_CONFIGURATION, SET_FEATURE, SET_INTERFACE, Setup,
};
use super::usbip::{Message, Urb, brought, stalled, taken};
use crate::cable::CableEvent;
use crate::console::Console;

/// What closing a port at this speed means to a board.
const BOOTLOADER_BAUD: u32 = 1200;

/// The functions of a board, where it has them.
#[derive(Debug, Default)]
pub(crate) struct Functions {
    pub(crate) console: Option<Cdc>,
    /// The second serial port: for the user's program, which here sends back what it gets.
    pub(crate) data: Option<Cdc>,
    pub(crate) storage: Option<MassStorage>,
    /// The interface of the keyboard.
    pub(crate) hid: Option<u8>,
}

/// A USB device.
pub(crate) struct Device {
    descriptors: Descriptors,
    functions: Functions,
    configuration: u8,
    pipes: Pipes,
    /// What the board should know.
    events: VecDeque<CableEvent>,
    /// What came at the second port and was not sent back yet.
    echo: Vec<u8>,
    controls: u32,
    tell: Tell,
}

impl Device {
    pub(crate) fn new(descriptors: Descriptors, functions: Functions, tell: Tell) -> Self {
        Self {
            descriptors,
            functions,
            configuration: 0,
            pipes: Pipes::default(),
            events: VecDeque::new(),
            echo: Vec::new(),
            controls: 0,
            tell,
        }
    }

    pub(crate) fn pipes(&mut self) -> &mut Pipes {
        &mut self.pipes
    }

    /// How many control transfers were answered.
    pub(crate) fn controls(&self) -> u32 {
        self.controls
    }

    /// Whether the drive's writes have used up the power.
    pub(crate) fn is_cut(&self) -> bool {
        self.functions
            .storage
            .as_ref()
            .is_some_and(MassStorage::is_cut)
    }

    pub(crate) fn next_event(&mut self) -> Option<CableEvent> {
        self.events.pop_front()
    }

    pub(crate) fn tell(&mut self, act: HostAct) {
        (self.tell)(act);
    }

    /// Whether the host waits for what is printed.
    pub(crate) fn wants_output(&self) -> bool {
        let console = self.functions.console.as_ref();
        console.is_some_and(|console| self.pipes.is_wanted(console.place().to_host))
    }

    pub(crate) fn receive(&mut self, message: Message, console: &mut Console) {
        match message {
            Message::Unlink { number, target } => self.pipes.unlink(number, target),
            Message::Submit(urb) if urb.endpoint.is_control() => self.control(&urb, console),
            Message::Submit(urb) => self.pipes.submit(urb),
        }
    }

    /// Moves what can be moved; the console's words only if the board may speak.
    pub(crate) fn serve(&mut self, console: &mut Console, may_speak: bool) {
        if let Some(port) = &self.functions.console {
            let place = port.place();
            while let Some(typed) = self.pipes.take(place.from_host) {
                console.take_in(&typed);
                self.events.push_back(CableEvent::Typed);
            }
            while may_speak && port.dtr() && !console.to_send().is_empty() {
                let words = console.to_send();
                let Some(room) = self.pipes.bring(place.to_host, words) else {
                    break;
                };
                let count = room.min(words.len());
                console.sent(count);
                self.events.push_back(CableEvent::Drained);
            }
        }
        if let Some(port) = &self.functions.data {
            let place = port.place();
            // What is not fetched stops what comes: the host waits, as at a board whose program
            // does not read.
            if self.echo.is_empty()
                && let Some(bytes) = self.pipes.take(place.from_host)
            {
                self.echo = bytes;
            }
            if !self.echo.is_empty()
                && let Some(room) = self.pipes.bring(place.to_host, &self.echo)
            {
                self.echo.drain(..room.min(self.echo.len()));
            }
        }
        if let Some(storage) = &mut self.functions.storage {
            let (events, tell) = (&mut self.events, &mut self.tell);
            storage.serve(&mut self.pipes, |event| match event {
                StorageEvent::Changed => events.push_back(CableEvent::DriveChanged),
                StorageEvent::Ejected => tell(HostAct::Ejected),
            });
        }
    }

    fn control(&mut self, urb: &Urb, console: &mut Console) {
        self.controls += 1;
        let answer = self.answer(&urb.setup, &urb.data, console);
        let replies = self.pipes.replies();
        match answer {
            Answer::Bytes(bytes) if urb.endpoint.is_in() => {
                let length = bytes.len().min(urb.setup.length);
                brought(urb, &bytes[..length], replies);
            }
            Answer::Done if urb.endpoint.is_in() => brought(urb, &[], replies),
            Answer::Done => taken(urb, replies),
            Answer::Bytes(_) | Answer::Stall => stalled(urb, replies),
        }
    }

    fn answer(&mut self, setup: &Setup, data: &[u8], console: &mut Console) -> Answer {
        match (setup.kind, setup.recipient) {
            (Kind::Standard, Recipient::Device) => self.device_request(setup, console),
            (Kind::Standard, Recipient::Endpoint(address)) => self.endpoint_request(setup, address),
            (Kind::Standard | Kind::Class, Recipient::Interface(number))
                if self.functions.hid == Some(number) && setup.request != GET_STATUS =>
            {
                hid::request(setup)
            }
            (Kind::Standard, Recipient::Interface(_)) => match setup.request {
                GET_STATUS => Answer::Bytes(vec![0, 0]),
                GET_INTERFACE => Answer::Bytes(vec![0]),
                SET_INTERFACE if setup.value == 0 => Answer::Done,
                _ => Answer::Stall,
            },
            (Kind::Class, Recipient::Interface(number)) => {
                self.class_request(setup, number, data, console)
            }
            _ => Answer::Stall,
        }
    }

    fn device_request(&mut self, setup: &Setup, console: &mut Console) -> Answer {
        match setup.request {
            GET_STATUS => Answer::Bytes(vec![0, 0]),
            // The only feature of the device is remote wakeup.
            CLEAR_FEATURE | SET_FEATURE | SET_ADDRESS => Answer::Done,
            GET_DESCRIPTOR => {
                let [kind, number] = setup.value.to_be_bytes();
                let found = match kind {
                    DEVICE => Some(&self.descriptors.device[..]),
                    CONFIGURATION if number == 0 => Some(&self.descriptors.configuration[..]),
                    STRING => self.descriptors.strings.get(number),
                    // Among them what only a device for high speed has.
                    _ => None,
                };
                found.map_or(Answer::Stall, |bytes| Answer::Bytes(bytes.to_vec()))
            }
            GET_CONFIGURATION => Answer::Bytes(vec![self.configuration]),
            SET_CONFIGURATION => match u8::try_from(setup.value) {
                Ok(configuration @ 0..=1) => {
                    self.configuration = configuration;
                    self.reset_functions(console);
                    Answer::Done
                }
                _ => Answer::Stall,
            },
            _ => Answer::Stall,
        }
    }

    fn endpoint_request(&mut self, setup: &Setup, address: u8) -> Answer {
        let endpoint = Endpoint::new(address & 0x0f, address & 0x80 != 0);
        let Some(endpoint) = endpoint.filter(|_| address & 0x70 == 0) else {
            return Answer::Stall;
        };
        match (setup.request, setup.value) {
            (GET_STATUS, _) => Answer::Bytes(vec![u8::from(self.pipes.is_halted(endpoint)), 0]),
            (SET_FEATURE, ENDPOINT_HALT) => {
                self.pipes.halt(endpoint);
                Answer::Done
            }
            (CLEAR_FEATURE, ENDPOINT_HALT) => {
                let storage = self.functions.storage.as_ref();
                let stays = storage.is_some_and(|storage| {
                    let place = storage.place();
                    !storage.may_clear_halt()
                        && (endpoint == place.to_host || endpoint == place.from_host)
                });
                if !stays {
                    self.pipes.clear_halt(endpoint);
                }
                Answer::Done
            }
            _ => Answer::Stall,
        }
    }

    fn class_request(
        &mut self,
        setup: &Setup,
        interface: u8,
        data: &[u8],
        console: &mut Console,
    ) -> Answer {
        let functions = &mut self.functions;
        if let Some(port) = &mut functions.console
            && port.place().interface == interface
        {
            let (answer, event) = port.request(setup, data);
            let baud = port.baud();
            self.line_changed(event, baud, console);
            return answer;
        }
        if let Some(port) = &mut functions.data
            && port.place().interface == interface
        {
            return port.request(setup, data).0;
        }
        match &mut functions.storage {
            Some(storage) if storage.place().interface == interface => storage.request(setup),
            _ => Answer::Stall,
        }
    }

    fn reset_functions(&mut self, console: &mut Console) {
        self.pipes.clear_all();
        self.echo.clear();
        if let Some(port) = &mut self.functions.console {
            let (baud, event) = (port.baud(), port.reset());
            self.line_changed(event, baud, console);
        }
        if let Some(port) = &mut self.functions.data {
            port.reset();
        }
        if let Some(storage) = &mut self.functions.storage {
            storage.reset();
        }
    }

    fn line_changed(&mut self, event: Option<LineEvent>, baud: u32, console: &mut Console) {
        match event {
            None => {}
            Some(LineEvent::Baud(baud)) => self.tell(HostAct::Baud(baud)),
            Some(LineEvent::Dtr(true)) => {
                self.tell(HostAct::Dtr(true));
                console.host_came();
                self.events.push_back(CableEvent::Opened);
            }
            Some(LineEvent::Dtr(false)) => {
                self.tell(HostAct::Dtr(false));
                if baud == BOOTLOADER_BAUD {
                    self.tell(HostAct::Bootloader);
                }
                console.host_left();
                self.events.push_back(CableEvent::Closed);
            }
        }
    }
}
