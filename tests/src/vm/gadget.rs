//! A board that the machine's kernel plays, on `dummy_hcd`: its own USB device, its own mass storage. Its interfaces
//! have other names than CircuitPython gives them, so it is a board by its drive alone.

use cpy_board::Hostname;

use super::board::{Fetched, fresh_image, fresh_serial};
use super::machine::Machine;

/// A gadget. Whoever has the machine next finds it unplugged.
#[derive(Debug)]
pub struct Gadget<'a> {
    machine: &'a Machine,
    serial: String,
    image: String,
}

impl<'a> Gadget<'a> {
    /// A gadget with a new image, made with these options of cpy-virtual-board; not plugged in.
    pub async fn new(machine: &'a Machine, options: &[&str]) -> Self {
        Self {
            machine,
            serial: fresh_serial(),
            image: fresh_image(machine, options).await,
        }
    }

    /// Plugs it in.
    pub async fn plug(&self) {
        let Self { serial, image, .. } = self;
        self.machine
            .run(&format!("/opt/vm/gadget plug {serial} {serial} {image}"))
            .await;
    }

    /// Pulls the plug.
    pub async fn unplug(&self) {
        self.machine
            .run(&format!("/opt/vm/gadget unplug {}", self.serial))
            .await;
    }

    /// Takes the drive from the machine while it is in use.
    pub async fn protect(&self) {
        self.machine
            .run(&format!("/opt/vm/gadget protect {}", self.serial))
            .await;
    }

    /// Its serial.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// Its plain host name.
    pub fn name(&self) -> String {
        let serial = self.serial.parse().expect("a valid serial");
        Hostname::plain(&serial).to_string()
    }

    /// A copy of its drive.
    pub async fn fetch_image(&self) -> Fetched {
        Fetched::new(self.machine, &self.image).await
    }
}
