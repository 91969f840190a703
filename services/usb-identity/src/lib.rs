//! udev's helper: which CircuitPython board a tty or disk belongs to, and under which name it is linked.
//!
//! udev runs it twice for what it links. For each USB device it decides the *name*, which udev stores with the
//! device and which stays as long as that is plugged in ([`name`](mod@name)). For each tty and disk of a board it says the
//! *link*, from the stored name and the strings that the board's firmware gives its interfaces ([`link`]).
//! It reads sysfs and udev's store, writes nothing, and believes nothing that a device says of itself: a name is a
//! [`Serial`](cpy_board::Serial) or made from the port.

mod identity;
mod journal;
mod link;
mod name;
mod sysfs;
mod udev_db;
mod usb_device;

pub use identity::{Identity, Machine};
pub use journal::Journal;
pub use link::{CONSOLE_END, DATA_END, DRIVE_LABEL};
pub use name::Note;
