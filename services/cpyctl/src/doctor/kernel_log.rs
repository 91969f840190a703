//! The kernel's log, `/dev/kmsg` (Documentation/ABI/testing/dev-kmsg). Only root may read it on most machines.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::machine::Machine;

/// Larger than any record; a smaller buffer would be refused.
const LONGEST: usize = 8192;

/// One message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// Since the machine started.
    pub(super) at: Duration,
    pub(super) text: String,
}

/// All messages that the kernel still has.
pub(super) fn read(machine: &Machine) -> io::Result<Vec<Message>> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let path = machine.path("/dev/kmsg");
    let mut log = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)?;
    let mut records = Vec::new();
    let mut buffer = [0; LONGEST];
    loop {
        match log.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => records.extend_from_slice(&buffer[..length]),
            Err(error) => match Errno::from_io_error(&error) {
                Some(Errno::AGAIN) => break,
                // The kernel has just dropped the message that was to be read.
                Some(Errno::PIPE | Errno::INTR) => {}
                _ => return Err(error),
            },
        }
    }
    Ok(String::from_utf8_lossy(&records)
        .lines()
        .filter_map(parse)
        .collect())
}

/// `6,339,5140900,-;text`; lines that go on begin with a space.
fn parse(line: &str) -> Option<Message> {
    let (prefix, text) = line.split_once(';')?;
    let microseconds = prefix.split(',').nth(2)?.parse().ok()?;
    Some(Message {
        at: Duration::from_micros(microseconds),
        text: text.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::machine::fake::Fake;
    use super::*;

    #[test]
    fn messages_are_read_without_what_belongs_to_them() {
        let fake = Fake::new();
        let log = "6,339,5140900,-;usb 1-1: new device; really\n SUBSYSTEM=usb\n DEVICE=c189:1\nodd\n4,340,6000000,-;last\n";
        fake.file("/dev/kmsg", log);
        let messages = read(&fake.machine).unwrap();
        let texts: Vec<&str> = messages
            .iter()
            .map(|message| message.text.as_str())
            .collect();
        assert_eq!(texts, ["usb 1-1: new device; really", "last"]);
        assert_eq!(messages[1].at, Duration::from_secs(6));
        assert!(read(&Fake::new().machine).is_err());
    }
}
