//! The wrappers around a SCSI command and its status (USB mass storage, bulk-only transport 1.0).

const COMMAND_SIGNATURE: [u8; 4] = *b"USBC";
const STATUS_SIGNATURE: [u8; 4] = *b"USBS";

/// A command as the host sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommandBlock {
    pub(crate) tag: [u8; 4],
    /// How many bytes the host will move.
    pub(crate) length: usize,
    /// Whether it will move them to itself.
    pub(crate) to_host: bool,
    pub(crate) lun: u8,
    pub(crate) command: [u8; 16],
}

impl CommandBlock {
    /// Nothing, where it is no command block at all.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; 31] = bytes.try_into().ok()?;
        let word = |at: usize| [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
        let used = usize::from(bytes[14] & 0x1f);
        if word(0) != COMMAND_SIGNATURE || !(1..=16).contains(&used) {
            return None;
        }
        let mut command = [0; 16];
        command[..used].copy_from_slice(&bytes[15..15 + used]);
        Some(Self {
            tag: word(4),
            length: usize::try_from(u32::from_le_bytes(word(8))).ok()?,
            to_host: bytes[12] & 0x80 != 0,
            lun: bytes[13] & 0x0f,
            command,
        })
    }
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Passed = 0,
    Failed = 1,
    /// Host and device do not agree about what is moved.
    PhaseError = 2,
}

/// What the host is told at a command's end; `residue` bytes of those it wanted were not moved.
pub(crate) fn status_block(tag: [u8; 4], residue: usize, status: Status) -> [u8; 13] {
    let mut bytes = [0; 13];
    bytes[..4].copy_from_slice(&STATUS_SIGNATURE);
    bytes[4..8].copy_from_slice(&tag);
    let residue = u32::try_from(residue).unwrap_or(u32::MAX);
    bytes[8..12].copy_from_slice(&residue.to_le_bytes());
    bytes[12] = status as u8;
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_two_sectors() -> [u8; 31] {
        let mut bytes = [0; 31];
        bytes[..4].copy_from_slice(b"USBC");
        bytes[4..8].copy_from_slice(&[1, 2, 3, 4]);
        bytes[8..12].copy_from_slice(&1024_u32.to_le_bytes());
        (bytes[12], bytes[13], bytes[14]) = (0x80, 1, 10);
        bytes[15..25].copy_from_slice(&[0x28, 0, 0, 0, 0, 7, 0, 0, 2, 0]);
        bytes
    }

    #[test]
    fn a_command_block_is_read() {
        let block = CommandBlock::parse(&read_two_sectors()).unwrap();
        assert_eq!((block.tag, block.length), ([1, 2, 3, 4], 1024));
        assert!(block.to_host);
        assert_eq!(block.lun, 1);
        assert_eq!(block.command[..9], [0x28, 0, 0, 0, 0, 7, 0, 0, 2]);
    }

    #[test]
    fn what_is_no_command_block_is_refused() {
        let good = read_two_sectors();
        assert_eq!(CommandBlock::parse(&good[..30]), None);
        assert_eq!(CommandBlock::parse(&[&good[..], &[0]].concat()), None);
        for (at, value) in [(0, b'X'), (14, 0), (14, 17)] {
            let mut bad = good;
            bad[at] = value;
            assert_eq!(CommandBlock::parse(&bad), None);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 31)) {
            let mut bytes = bytes;
            bytes[..4].copy_from_slice(b"USBC");
            let used = bytes[14] & 0x1f;
            let block = CommandBlock::parse(&bytes);
            prop_assert_eq!(block.is_some(), (1..=16).contains(&used));
        }
    }
}
