//! The one machine of a test program, given to one test at a time, as it is after an installation: every daemon
//! runs, and no board is plugged in.

use std::fs::File;
use std::io::Write;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, MutexGuard, OnceCell};

use super::machine::Machine;
use super::visitor::Visitor;

/// The daemons, each of which is a unit of this name.
pub const UNITS: [&str; 4] = [
    "cpy-serial-bridge",
    "cpy-file-proxy",
    "cpy-mdns-advertiser",
    "cpy-http-gateway",
];

/// The machine and its visitor, for one test.
#[derive(Debug)]
pub struct Lab(MutexGuard<'static, Installed>);

/// A machine with the package installed, and who visits it.
#[derive(Debug)]
pub struct Installed {
    /// The machine.
    pub machine: Machine,
    /// Somebody on its network.
    pub visitor: Visitor,
    began: Instant,
}

/// Waits for the machine to be free, and gives it. The first to ask has it booted and the package installed.
pub async fn lab() -> Lab {
    static LAB: OnceCell<Mutex<Installed>> = OnceCell::const_new();
    static TRIED: AtomicBool = AtomicBool::new(false);
    let lab = LAB.get_or_init(async || {
        let tried = TRIED.swap(true, Ordering::Relaxed);
        assert!(
            !tried,
            "the machine does not start, or the package is not installed"
        );
        Mutex::new(Installed::new().await)
    });
    let mut lab = Lab(lab.await.lock().await);
    lab.0.tidy_up().await;
    lab.0.began = Instant::now();
    lab
}

impl Installed {
    /// Boots the machine and installs the package as a person would.
    async fn new() -> Self {
        let begun = Instant::now();
        let machine = Machine::boot().await;
        let _ = std::fs::remove_file(machine.figures());
        figure(&machine, "boot of the machine, to ssh", begun.elapsed());
        let package = std::fs::read(machine.package()).expect("it can be read");
        machine.put("/root/cpy-gateway.deb", &package).await;
        let begun = Instant::now();
        machine
            .run("DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet /root/cpy-gateway.deb")
            .await;
        figure(&machine, "installation of the package", begun.elapsed());
        let installed = machine
            .run("dpkg-query --show --showformat '${Installed-Size}' cpy-gateway")
            .await;
        note(
            &machine,
            &format!(
                "the package: {} KiB, {} KiB installed",
                package.len() / 1024,
                installed.trim()
            ),
        );
        machine.run("mkdir -p /run/boards").await;
        let visitor = Visitor::come(&machine, password(&machine).await).await;
        Self {
            machine,
            visitor,
            began: begun,
        }
    }

    /// Unplugs what is plugged in, and starts what does not run.
    async fn tidy_up(&mut self) {
        let machine = &self.machine;
        machine
            .run(
                "systemctl stop 'board-*.service'
                 for gadget in /sys/kernel/config/usb_gadget/*; do
                     [ ! -d \"$gadget\" ] || /opt/vm/gadget unplug \"${gadget##*/}\"
                 done
                 rm -rf /run/boards/*
                 systemctl reset-failed",
            )
            .await;
        machine
            .until("[ -z \"$(find /dev/cpy-gateway -type l 2>/dev/null)\" ]")
            .await;
        machine.run("systemctl start cpy-gateway.target").await;
        self.everything_runs().await;
    }

    /// Waits until every daemon runs.
    pub async fn everything_runs(&self) {
        let units = UNITS.join(" ");
        self.machine
            .until(&format!(
                "! systemctl is-active {units} cpy-http-gateway.socket | grep -v '^active$'"
            ))
            .await;
    }

    /// Restarts the machine. The visitor comes again.
    pub async fn reboot(&mut self) {
        self.machine.reboot().await;
        self.machine.run("mkdir -p /run/boards").await;
        let password = self.visitor.password().to_owned();
        self.visitor = Visitor::come(&self.machine, password).await;
    }

    /// The password of boards that have none of their own.
    pub fn password(&self) -> &str {
        self.visitor.password()
    }

    /// Writes down how long something took, for the end of `make test-vm`.
    pub fn figure(&self, what: &str, took: Duration) {
        figure(&self.machine, what, took);
    }

    /// Writes down a figure of any kind, for the end of `make test-vm`.
    pub fn note(&self, line: &str) {
        note(&self.machine, line);
    }
}

async fn password(machine: &Machine) -> String {
    machine.run("cpyctl password").await.trim().to_owned()
}

fn figure(machine: &Machine, what: &str, took: Duration) {
    note(machine, &format!("{what}: {:.1} s", took.as_secs_f64()));
}

fn note(machine: &Machine, line: &str) {
    let file = File::options()
        .create(true)
        .append(true)
        .open(machine.figures());
    let written = file.and_then(|mut file| writeln!(file, "{line}"));
    written.expect("figures can be written down");
}

impl Lab {
    /// Restarts the machine. The visitor comes again.
    pub async fn reboot(&mut self) {
        self.0.reboot().await;
    }

    /// Tells the visitor the password that another installation has made.
    pub async fn learn_password(&mut self) {
        let password = password(&self.0.machine).await;
        self.0.visitor.learn(password);
    }
}

impl Deref for Lab {
    type Target = Installed;

    fn deref(&self) -> &Installed {
        &self.0
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.0.machine.evidence(self.0.began.elapsed()));
        }
    }
}
