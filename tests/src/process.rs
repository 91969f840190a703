//! A program run by a test and ended with it.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};

use crate::network::Entrance;

/// A running program. It is killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

/// Where `cargo build` has put a program.
///
/// # Panics
/// When it is not there: the tests are not to pass without it.
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test itself has a path");
    let path = test
        .ancestors()
        .nth(2)
        .expect("tests run in target/<profile>/deps")
        .join(name);
    assert!(
        path.exists(),
        "{} is missing: run `cargo build --workspace` first",
        path.display()
    );
    path
}

impl Process {
    /// Starts a program of this project, with its output going to `<logs>/<name>.log`.
    pub fn start<A: AsRef<OsStr>>(
        name: &str,
        logs: &Path,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        Self::start_on(&Entrance::outside(), name, logs, arguments)
    }

    /// Starts a program of this project on a machine of a network.
    pub fn start_on<A: AsRef<OsStr>>(
        entrance: &Entrance,
        name: &str,
        logs: &Path,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        let mut command = entrance.command(program(name));
        command.arg("--exit-with-parent").args(arguments);
        Self::run(name, command, logs)
    }

    /// Runs any program; the caller sees to it that it ends with the test.
    pub(crate) fn run(name: &str, mut command: Command, logs: &Path) -> Self {
        let log = logs.join(format!("{name}.log"));
        let output = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .expect("a log can be made");
        let child = command
            .env(
                "RUST_LOG",
                std::env::var("RUST_LOG").unwrap_or_else(|_| "debug,hyper=info".into()),
            )
            // What a program that is killed leaves behind goes with the test's own directory.
            .env("TMPDIR", logs)
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a log can be shared"))
            .stderr(output)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        Self {
            name: name.to_owned(),
            child,
            log,
        }
    }

    /// SIGKILL: no time for anything.
    pub fn kill(mut self) {
        self.child.kill().expect("it is still ours");
        self.child.wait().expect("it has ended");
    }

    /// SIGTERM, and waits until it has ended.
    pub fn terminate(self) {
        self.ask_to_end();
        self.ended();
    }

    /// SIGTERM.
    pub(crate) fn ask_to_end(&self) {
        self.signal(Signal::TERM);
    }

    /// Waits until it has ended, as it should.
    pub(crate) fn ended(mut self) {
        let status = self.child.wait().expect("it ends");
        assert!(
            status.success(),
            "{} ended with {status}\n{}",
            self.name,
            self.output()
        );
    }

    /// SIGHUP: it reads its configuration anew.
    pub fn reload(&self) {
        self.signal(Signal::HUP);
    }

    /// SIGSTOP: it is there, and does nothing.
    pub(crate) fn suspend(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT: it goes on.
    pub(crate) fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// What it has printed so far.
    pub fn output(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How much memory it has in use, in bytes.
    pub fn resident(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()));
        let status = status.expect("it runs");
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<usize>().ok());
        kib.expect("the kernel counts it") * 1024
    }

    /// How many descriptors it has open.
    pub fn descriptors(&self) -> usize {
        self.open_descriptors().len()
    }

    /// Lets it open so many descriptors more, from now on.
    pub fn leave_descriptors(&self, more: usize) {
        let open = self.open_descriptors();
        let mut unused = (0..).filter(|number| !open.contains(number));
        // The system counts in numbers of descriptors: those below it can be had.
        let below = unused.nth(more).expect("numbers do not end");
        let new = Rlimit {
            current: Some(below),
            ..getrlimit(Resource::Nofile)
        };
        prlimit(Some(self.pid()), Resource::Nofile, new).expect("it is still ours");
    }

    fn open_descriptors(&self) -> BTreeSet<u64> {
        let open = std::fs::read_dir(format!("/proc/{}/fd", self.id())).expect("it runs");
        let number = |entry: std::io::Result<std::fs::DirEntry>| {
            entry.ok()?.file_name().to_str()?.parse().ok()
        };
        open.filter_map(number).collect()
    }

    fn pid(&self) -> Pid {
        let id = i32::try_from(self.child.id()).ok();
        id.and_then(Pid::from_raw).expect("a process id")
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("it is still ours");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("---- {} ----\n{}", self.name, self.output());
        }
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
