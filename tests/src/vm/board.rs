//! A board in software on the machine's USB: cpy-virtual-board, attached to the kernel's `vhci_hcd`.

use std::sync::atomic::{AtomicU32, Ordering};

use cpy_board::Hostname;
use tempfile::NamedTempFile;

use super::machine::Machine;
use super::until;
use crate::image::Image;

const PROGRAM: &str = "/usr/libexec/cpy-gateway/cpy-virtual-board";

/// A board that can be plugged in. Whoever has the machine next finds it unplugged.
#[derive(Debug)]
pub struct Board<'a> {
    machine: &'a Machine,
    unit: String,
    serial: String,
    image: String,
    options: Vec<String>,
    stays: bool,
}

/// An image as it is on this machine.
#[derive(Debug)]
pub struct Fetched(NamedTempFile);

impl<'a> Board<'a> {
    /// A board with a serial that no other has, and these options of cpy-virtual-board; not plugged in.
    pub fn new(machine: &'a Machine, options: &[&str]) -> Self {
        Self::with_serial(machine, &fresh_serial(), options)
    }

    /// A board with this serial, whatever it is.
    pub fn with_serial(machine: &'a Machine, serial: &str, options: &[&str]) -> Self {
        let number = number();
        Self {
            machine,
            unit: format!("board-{number}"),
            serial: serial.to_owned(),
            image: format!("/run/boards/{number}.img"),
            options: options.iter().map(ToString::to_string).collect(),
            stays: false,
        }
    }

    /// The same board and the same drive, plugged in with other options.
    #[must_use]
    pub fn again(&self, options: &[&str]) -> Self {
        Self::with_serial(self.machine, &self.serial, options).with_image(&self.image)
    }

    /// With a drive that is made already.
    #[must_use]
    pub fn with_image(mut self, path: &str) -> Self {
        path.clone_into(&mut self.image);
        self
    }

    /// Plugged in over restarts of the machine, early in its start.
    #[must_use]
    pub fn staying(mut self) -> Self {
        self.stays = true;
        self.image = format!("/var/lib/{}.img", self.unit);
        self
    }

    /// Plugs it in, and waits until it is powered; not for what the machine makes of it.
    pub async fn plug(&self) {
        let before = self.times_said("ready").await;
        self.try_plug().await;
        self.has_said("ready", before + 1).await;
    }

    /// Plugs it in, and does not wait.
    pub async fn try_plug(&self) {
        if self.stays {
            return self.plug_for_good().await;
        }
        let mut line = format!(
            "systemd-run --quiet --collect --unit {} --property LogRateLimitIntervalSec=0 {PROGRAM} --usb",
            self.unit
        );
        for word in ["--serial", &self.serial, "--image", &self.image] {
            line.push(' ');
            line.push_str(&quoted(word));
        }
        for option in &self.options {
            line.push(' ');
            line.push_str(&quoted(option));
        }
        self.machine.run(&line).await;
    }

    async fn plug_for_good(&self) {
        let Self {
            unit,
            serial,
            image,
            ..
        } = self;
        let text = format!(
            "[Unit]\nDefaultDependencies=no\nAfter=systemd-modules-load.service local-fs.target\n\
             [Service]\nExecStart={PROGRAM} --usb --bare --serial {serial} --image {image}\n\
             [Install]\nWantedBy=sysinit.target\n"
        );
        let path = format!("/etc/systemd/system/{unit}.service");
        self.machine.put(&path, text.as_bytes()).await;
        self.machine
            .run(&format!(
                "systemctl daemon-reload; systemctl enable --quiet --now {unit}"
            ))
            .await;
    }

    /// Pulls the plug.
    pub async fn unplug(&self) {
        self.machine
            .run(&format!("systemctl stop {}", self.unit))
            .await;
    }

    /// Its serial.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// Its plain host name, where its serial makes one.
    pub fn name(&self) -> String {
        let serial = self.serial.parse().expect("a serial that makes a name");
        Hostname::plain(&serial).to_string()
    }

    /// Its process's unit.
    pub fn unit(&self) -> &str {
        &self.unit
    }

    /// The image of its drive, in the machine.
    pub fn image(&self) -> &str {
        &self.image
    }

    /// How often it has said a line that begins so, in all the times that it was plugged in.
    pub async fn times_said(&self, beginning: &str) -> usize {
        let line = format!(
            "journalctl --boot --output cat --unit {} | grep -c '^{beginning}' || true",
            self.unit
        );
        self.machine.run(&line).await.trim().parse().unwrap_or(0)
    }

    /// Waits until it has said a line that begins so.
    pub async fn says(&self, beginning: &str) {
        self.has_said(beginning, 1).await;
    }

    async fn has_said(&self, beginning: &str, times: usize) {
        let what = format!("board {} says {beginning:?}", self.serial);
        until(&what, async || {
            (self.times_said(beginning).await >= times).then_some(())
        })
        .await;
    }

    /// A copy of its drive, to be looked at with other tools.
    pub async fn fetch_image(&self) -> Fetched {
        Fetched::new(self.machine, &self.image).await
    }
}

impl Fetched {
    /// Copies an image out of the machine.
    pub async fn new(machine: &Machine, path: &str) -> Self {
        let file = NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), machine.get(path).await).expect("a temporary file");
        Self(file)
    }

    /// As the tools of this machine see it.
    pub fn image(&self) -> Image {
        Image::new(self.0.path())
    }
}

/// A serial like a Pico's that no other board of this program has, nor its last digits.
pub(super) fn fresh_serial() -> String {
    format!("E66138935F{:06X}", 0x0A_1000 + number())
}

/// Makes a new image of a drive in the machine, and gives its path. Nobody is plugged in for it.
pub async fn fresh_image(machine: &Machine, options: &[&str]) -> String {
    let path = format!("/run/boards/{}.img", number());
    let options: Vec<String> = options.iter().map(|option| quoted(option)).collect();
    machine
        .run(&format!(
            "timeout 60 sh -c '{PROGRAM} --boards-dir /run/boards/dir --image {path} {} & \
             while [ ! -e /run/boards/dir/*/drive ]; do :; done; kill $!; wait' >&2",
            options.join(" ")
        ))
        .await;
    path
}

fn number() -> u32 {
    static LAST: AtomicU32 = AtomicU32::new(0);
    LAST.fetch_add(1, Ordering::Relaxed)
}

/// A word for the shell, behind which systemd looks for variables.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''").replace('$', "$$"))
}
