//! The board: what it does and in which order, from its plugging in to its unplugging.
//!
//! The states are those of CircuitPython's main.c: code.py runs; it is done and the board waits
//! for a key or a change of the drive; a REPL has the console.

use std::future::{Future, pending};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use crate::cable::{Cable, CableEvent, due};
use crate::console::Console;
use crate::drive::Drive;
use crate::error::{chain, trouble};
use crate::executor::{Executor, Program};
use crate::foreground::Foreground;
use crate::line_editor::CTRL_D;
use crate::linked_files::LinkedFiles;
use crate::messages::{
    AUTO_RELOAD_ON, CLEAR_LINE, CODE_DONE, PRESS_ANY_KEY, SOFT_REBOOT, STOPPED_BY_RELOAD,
    TWO_EXTENSIONS, Title,
};
use crate::repl::{Repl, Request};
use crate::usb::{Tell, UsbPort, vhci};
use crate::vm::{Job, Outcome, VmEvent};
use crate::{BoardError, Identity, Options};

/// From the last change of the drive to the reload.
const RELOAD_DELAY: Duration = Duration::from_millis(750);

enum State {
    /// The program has the console.
    Running {
        program: Foreground,
        twice_extended: bool,
    },
    /// The program is done, or stopped for a reload.
    Waiting {
        /// Whether the host was told to press a key.
        announced: bool,
    },
    /// A REPL has the console. Its interpreter is started with its first line: most REPLs that
    /// are opened are only looked at.
    Repl {
        repl: Repl,
        interpreter: Option<Foreground>,
    },
}

enum Event {
    Cable(CableEvent),
    Vm(VmEvent),
    ReloadDue,
}

/// A board that is plugged in.
pub struct Board {
    identity: Identity,
    executor: Executor,
    console: Console,
    state: State,
    /// When the board reloads, if nothing more is written.
    reload_at: Option<Instant>,
    /// Whether the host was there when the program started, and so knows of auto-reload.
    status_told: bool,
    // Last: the links go when everything behind them is gone.
    cable: Cable,
}

impl Board {
    /// Makes the drive, and plugs the board in: into the kernel's USB where the options say so,
    /// else as links in a directory. Needs a tokio runtime around it.
    pub fn plug_in(options: &Options, tell: Tell) -> Result<Self, BoardError> {
        let image = options.prepare_image()?;
        let cable = if options.usb.enabled {
            let (socket, port) = vhci::attach()?;
            Cable::Usb(Box::new(UsbPort::new(
                options,
                image.as_deref(),
                socket,
                port,
                tell,
            )?))
        } else {
            Cable::Links(LinkedFiles::new(options, image.as_deref())?)
        };
        Self::on(cable, options, image)
    }

    /// Plugs the board into a USB/IP connection, at whose other end is whatever plays the kernel.
    pub fn plug_into(
        socket: UnixStream,
        options: &Options,
        tell: Tell,
    ) -> Result<Self, BoardError> {
        let image = options.prepare_image()?;
        let port = UsbPort::new(options, image.as_deref(), socket, 0, tell)?;
        Self::on(Cable::Usb(Box::new(port)), options, image)
    }

    fn on(cable: Cable, options: &Options, image: Option<PathBuf>) -> Result<Self, BoardError> {
        // A stick runs nothing.
        let drive = image.filter(|_| !options.usb.stick).map(Drive::new);
        Ok(Self {
            identity: Identity::from(options),
            executor: Executor::new(options, drive).map_err(BoardError::Script)?,
            console: Console::default(),
            state: State::Waiting { announced: false },
            reload_at: None,
            status_told: false,
            cable,
        })
    }

    /// Where the board was plugged in.
    pub fn place(&self) -> String {
        self.cable.place()
    }

    /// Behaves like a board until it is unplugged, here or by the host.
    pub async fn run(mut self, unplugged: impl Future<Output = ()>) -> Result<(), BoardError> {
        let mut unplugged = std::pin::pin!(unplugged);
        self.start_program();
        loop {
            let event = tokio::select! {
                () = &mut unplugged => return Ok(()),
                event = self.next_event() => event?,
            };
            match event {
                Event::Cable(CableEvent::Unplugged) => return Ok(()),
                Event::Cable(CableEvent::Closed) => self.host_left(),
                Event::Cable(CableEvent::DriveChanged) => self.drive_changed(),
                Event::Cable(_) => {}
                Event::Vm(event) => self.vm_event(event),
                Event::ReloadDue => {
                    self.reload_at = None;
                    self.cable.reloading();
                    self.soft_reboot();
                }
            }
            self.take_typed();
            self.announce();
        }
    }

    async fn next_event(&mut self) -> Result<Event, BoardError> {
        let waiting = matches!(self.state, State::Waiting { .. });
        let reload_at = self.reload_at.filter(|_| waiting);
        let has_room = self.console.has_room();
        let host_present = self.console.host_present();
        // A job that may not print is not heard, and so stops at its full pipe.
        let job = job_of(&mut self.state)
            .filter(|job| has_room && (host_present || !job.vm.needs_a_listener()));
        tokio::select! {
            event = self.cable.event(&mut self.console) => event.map(Event::Cable),
            event = next_of(job) => Ok(Event::Vm(event)),
            () = due(reload_at) => Ok(Event::ReloadDue),
        }
    }

    fn start_program(&mut self) {
        self.state = State::Waiting { announced: false };
        self.status_told = self.console.host_present();
        self.console.print("\r\n");
        self.print_status();
        // More was written meanwhile: main.c waits for the end of it first.
        if self.reload_at.is_some() {
            return;
        }
        match self.executor.start_program() {
            Ok(Some(Program {
                file,
                twice_extended,
                vm,
            })) => {
                self.console
                    .print(format!("{CLEAR_LINE}{file} output:\r\n"));
                self.print_title(&Title::Executing(&file));
                self.state = State::Running {
                    program: Foreground::new(vm),
                    twice_extended,
                };
            }
            Ok(None) => self.console.print(CODE_DONE),
            Err(error) => {
                tracing::error!(error = %chain(&error), "cannot run the board's code");
                self.console.print_lines(trouble(&error).as_bytes());
                self.console.print(CODE_DONE);
            }
        }
    }

    fn program_done(&mut self, outcome: &Outcome) {
        let State::Running { twice_extended, .. } = self.state else {
            return;
        };
        self.console.print_lines(outcome.traceback().as_bytes());
        self.print_title(&Title::Ended(outcome));
        if twice_extended {
            self.console.print(TWO_EXTENSIONS);
        }
        self.console.print(CODE_DONE);
        self.state = State::Waiting { announced: false };
    }

    fn soft_reboot(&mut self) {
        self.console.print(SOFT_REBOOT);
        self.start_program();
    }

    fn enter_repl(&mut self, raw: bool) {
        let mut out = Vec::new();
        let banner = self.identity.banner();
        let repl = if raw {
            Repl::raw(banner, &mut out)
        } else {
            self.print_title(&Title::Repl);
            Repl::friendly(banner, &mut out)
        };
        self.console.print(out);
        self.state = State::Repl {
            repl,
            interpreter: None,
        };
    }

    fn host_left(&mut self) {
        if let State::Waiting { announced } = &mut self.state {
            *announced = false;
            self.status_told = false;
        }
    }

    /// Tells a host that waits with the board what it can do.
    fn announce(&mut self) {
        let idle = matches!(self.state, State::Waiting { announced: false });
        if idle && self.reload_at.is_none() && self.console.host_present() {
            if !self.status_told {
                self.print_status();
            }
            self.console.print(PRESS_ANY_KEY);
            self.state = State::Waiting { announced: true };
        }
    }

    fn drive_changed(&mut self) {
        self.reload_at = Some(Instant::now() + RELOAD_DELAY);
        // A REPL is left alone; the reload comes when it is left.
        if matches!(self.state, State::Running { .. }) {
            self.print_title(&Title::Ended(&Outcome::default()));
            self.console.print(STOPPED_BY_RELOAD);
            self.state = State::Waiting { announced: false };
        }
    }

    fn vm_event(&mut self, event: VmEvent) {
        match event {
            VmEvent::Output(text) => self.console.print_lines(&text),
            VmEvent::WantsLine => {
                if let Some(job) = job_of(&mut self.state) {
                    job.ask_line();
                }
            }
            VmEvent::WantsBytes(count) => {
                if let Some(job) = job_of(&mut self.state) {
                    job.ask_bytes(count);
                }
            }
            VmEvent::Done(outcome) => self.job_done(&outcome),
            VmEvent::Gone => {
                if let State::Repl { interpreter, .. } = &mut self.state {
                    *interpreter = None;
                }
                let words = "virtual-board: Python ended by itself\n".to_owned();
                self.job_done(&Outcome::raised(None, words));
            }
        }
    }

    fn job_done(&mut self, outcome: &Outcome) {
        if let State::Repl { repl, .. } = &mut self.state {
            let mut out = Vec::new();
            repl.finish(outcome, &mut out);
            self.console.print(out);
        } else {
            self.program_done(outcome);
        }
    }

    /// Gives what was typed to whoever has the console.
    fn take_typed(&mut self) {
        while !self.console.typed().is_empty() {
            let mut out = Vec::new();
            if let Some(job) = job_of(&mut self.state) {
                job.take(self.console.typed(), &mut out);
                self.console.print(out);
                return;
            }
            match &mut self.state {
                State::Repl { repl, .. } => {
                    if !repl.swallows() && !self.console.has_room() {
                        return;
                    }
                    let Some(byte) = self.console.typed().pop_front() else {
                        return;
                    };
                    let request = repl.feed(byte, &mut out);
                    self.console.print(out);
                    if let Some(request) = request {
                        self.serve(request);
                    }
                }
                // While a reload is due keys have to wait.
                State::Waiting { .. } if self.reload_at.is_some() => return,
                State::Waiting { .. } => {
                    if self.console.typed().pop_front() == Some(CTRL_D) {
                        self.soft_reboot();
                    } else {
                        self.enter_repl(false);
                    }
                }
                State::Running { .. } => return,
            }
        }
    }

    fn serve(&mut self, request: Request) {
        match request {
            Request::Evaluate(job) => self.evaluate(job),
            Request::SoftReboot => {
                let raw = matches!(&self.state, State::Repl { repl, .. } if repl.is_raw());
                if raw {
                    // In raw mode nothing but a new interpreter comes of it.
                    self.console.print(SOFT_REBOOT);
                    self.enter_repl(true);
                } else {
                    self.print_title(&Title::Ended(&Outcome::default()));
                    self.soft_reboot();
                }
            }
            Request::EnterRaw => {
                self.print_title(&Title::Ended(&Outcome::default()));
                self.enter_repl(true);
            }
            Request::EnterFriendly => self.enter_repl(false),
        }
    }

    fn evaluate(&mut self, job: Job) {
        let State::Repl { interpreter, .. } = &mut self.state else {
            return;
        };
        if interpreter.is_none() {
            match self.executor.start_repl() {
                Ok(vm) => *interpreter = Some(Foreground::new(vm)),
                Err(error) => {
                    tracing::error!(error = %chain(&error), "cannot evaluate");
                    return self.job_done(&Outcome::raised(None, trouble(&error)));
                }
            }
        }
        if let Some(interpreter) = interpreter {
            interpreter.begin(job);
        }
    }

    fn print_status(&mut self) {
        self.console.print(CLEAR_LINE);
        self.console.print(AUTO_RELOAD_ON);
    }

    fn print_title(&mut self, title: &Title<'_>) {
        self.console.print(title.sequence());
    }
}

/// The job that has the console, if one runs.
fn job_of(state: &mut State) -> Option<&mut Foreground> {
    match state {
        State::Running { program, .. } => Some(program),
        State::Repl { repl, interpreter } if repl.is_evaluating() => interpreter.as_mut(),
        State::Repl { .. } | State::Waiting { .. } => None,
    }
}

async fn next_of(job: Option<&mut Foreground>) -> VmEvent {
    match job {
        Some(job) => job.vm.event().await,
        None => pending().await,
    }
}
