//! A virtual machine with the package installed and USB sockets of its kernel's own, into which boards in software
//! are plugged; and a visitor on its network.
//!
//! One machine serves all tests of a program, one after the other. It is built by `make test-vm`, boots when the
//! first test asks for it, and ends with the program, however that ends.

mod board;
mod gadget;
mod lab;
mod machine;
mod visitor;

pub use board::{Board, Fetched, fresh_image};
pub use gadget::Gadget;
pub use lab::{Lab, UNITS, lab};
pub use machine::Machine;
pub use visitor::{Page, Visitor};

use std::time::Duration;

use crate::wait;

/// Everything in the machine is emulated: it takes ten times as long as elsewhere, and longer where others compute too.
pub const DEADLINE: Duration = Duration::from_secs(240);

/// Asks again and again until there is an answer.
///
/// # Panics
/// When the deadline passes; `what` says what did not happen.
pub async fn until<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    wait::within(DEADLINE, look)
        .await
        .unwrap_or_else(|| panic!("this did not happen in {DEADLINE:?}: {what}"))
}
