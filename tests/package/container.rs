//! A booted container: systemd as the first process, a network of its own with nothing but loopback, and a root whose
//! changes are forgotten. It ends when it is dropped.

use std::fs::{self, File};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use cpy_tests::wait::DEADLINE;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tempfile::TempDir;

use crate::Suite;
use crate::deb::{output, script, target};

/// Booting takes seconds, and so does all that is waited for; more where all cores are busy.
const PATIENCE: Duration = Duration::from_secs(120);
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// A running container.
#[derive(Debug)]
pub(crate) struct Container {
    /// What holds the namespaces that systemd-nspawn runs in; all of it ends with this.
    holder: Child,
    /// Its first process, as the outside numbers it.
    leader: u32,
    logs: TempDir,
}

impl Container {
    /// Boots a machine with a release of Debian, which is built first where that has not been done.
    pub(crate) fn boot(suite: Suite) -> Self {
        let root = target().join("package/roots").join(suite.name());
        let mut build = Command::new("flock");
        build.arg(lock(&root)).arg(script("build-root"));
        output(build.arg(suite.name()).arg(&root));
        let logs = tempfile::tempdir().expect("a temporary directory");
        let console = File::create(logs.path().join("console")).expect("a log can be made");
        let holder = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "unshare"])
            .args(["--mount", "--propagation", "private"])
            .args(["--pid", "--fork", "--kill-child", "--mount-proc"])
            .arg(script("start"))
            .arg(root.canonicalize().expect("it has just been built"))
            .stdin(Stdio::null())
            .stdout(console.try_clone().expect("a log can be shared"))
            .stderr(console)
            .spawn()
            .expect("setpriv and unshare are installed (package util-linux)");
        let mut container = Self {
            holder,
            leader: 0,
            logs,
        };
        container.leader = container.first_process();
        container.until("it has booted", || {
            let state = container.command("systemctl is-system-running").output();
            state.is_ok_and(|state| {
                ["running\n", "degraded\n"].contains(&&*String::from_utf8_lossy(&state.stdout))
            })
        });
        container
    }

    /// A shell's command that runs inside as root.
    pub(crate) fn command(&self, shell: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args([
            "--target",
            &self.leader.to_string(),
            "--all",
            "--root",
            "--wd",
            "--",
        ]);
        command.args([
            "env",
            "-i",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME=/root",
            "LC_ALL=C.UTF-8",
        ]);
        command
            .args(["timeout", "180", "sh", "-c", shell])
            .stdin(Stdio::null());
        command
    }

    /// What a shell's command prints on standard output and error, together; it must succeed.
    pub(crate) fn run(&self, shell: &str) -> String {
        output(&mut self.command(&format!("exec 2>&1; {shell}")))
    }

    /// Whether a shell's command succeeds.
    pub(crate) fn succeeds(&self, shell: &str) -> bool {
        let output = self.command(shell).output();
        output
            .expect("nsenter is installed (package util-linux)")
            .status
            .success()
    }

    /// A program of the outside, on the container's network.
    pub(crate) fn visitor(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.leader.to_string(), "--net", "--", program]);
        command
    }

    /// A connection to a port of the container's loopback device.
    pub(crate) fn connect(&self, port: u16) -> std::io::Result<TcpStream> {
        let network = File::open(format!("/proc/{}/ns/net", self.leader))?;
        // Only this thread goes there; its connections stay when it ends.
        let visitor = thread::spawn(move || {
            move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))?;
            TcpStream::connect(("127.0.0.1", port))
        });
        visitor.join().expect("it does not panic")
    }

    /// Puts a file of the outside there.
    pub(crate) fn put(&self, file: &Path, at: &str) {
        let inside = format!("/proc/{}/root{at}", self.leader);
        fs::copy(file, &inside).unwrap_or_else(|error| panic!("{inside}: {error}"));
    }

    /// Waits for something to be so.
    pub(crate) fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !is_so() {
            let status = fs::read_to_string(format!("/proc/{}/status", self.holder.id()));
            assert!(
                status.is_ok_and(|status| !status.contains("State:\tZ")),
                "the container has ended before this happened: {what}. If it said nothing, systemd may have found no \
                 inotify instance: see fs.inotify.max_user_instances"
            );
            assert!(
                Instant::now() < end,
                "this did not happen in {PATIENCE:?}: {what}"
            );
            thread::sleep(BETWEEN_LOOKS);
        }
    }

    /// The first process of the container: the child of systemd-nspawn, which is the child of the holder.
    fn first_process(&self) -> u32 {
        let mut found = None;
        self.until("systemd-nspawn starts systemd", || {
            let nspawn = child(self.holder.id());
            found = nspawn.and_then(child);
            found.is_some_and(|id| {
                fs::read_to_string(format!("/proc/{id}/comm")).is_ok_and(|name| name == "systemd\n")
            })
        });
        found.expect("it has been found")
    }
}

/// The first child of a process.
fn child(process: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

impl Drop for Container {
    fn drop(&mut self) {
        if thread::panicking() {
            let console = fs::read_to_string(self.logs.path().join("console"));
            eprintln!("---- console ----\n{}", console.unwrap_or_default());
            let journal = self
                .command("journalctl --boot --no-pager --lines 300")
                .output();
            let journal = journal.map(|journal| journal.stdout).unwrap_or_default();
            eprintln!("---- journal ----\n{}", String::from_utf8_lossy(&journal));
        }
        // All its processes end with the first, and what it has mounted with them.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
        let first = PathBuf::from(format!("/proc/{}", self.leader));
        let end = Instant::now() + DEADLINE;
        while first.exists() && Instant::now() < end {
            thread::sleep(BETWEEN_LOOKS);
        }
        let _ = Command::new(script("sweep")).status();
    }
}

/// Two tests do not build the same root at once.
fn lock(root: &Path) -> PathBuf {
    fs::create_dir_all(root.parent().expect("it is in a directory")).expect("it can be made");
    root.with_extension("lock")
}
