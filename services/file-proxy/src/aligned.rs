//! Memory that a block device takes transfers from and to without the kernel's cache between: it must begin at a
//! multiple of the device's sectors.

/// A multiple of every sector size that there is, and what drivers' memory access asks for.
const ALIGNMENT: usize = 4096;

/// A buffer that grows to the largest transfer there was.
#[derive(Debug, Default)]
pub(crate) struct Aligned(Vec<u8>);

impl Aligned {
    /// So many bytes at an aligned place. What they hold is left from earlier transfers.
    pub(crate) fn of(&mut self, length: usize) -> &mut [u8] {
        if self.0.len() < length + ALIGNMENT {
            self.0.resize(length + ALIGNMENT, 0);
        }
        let from = self.0.as_ptr().align_offset(ALIGNMENT);
        &mut self.0[from..from + length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_aligned_whatever_is_asked_for() {
        let mut aligned = Aligned::default();
        for length in [512, 131_072, 1024, 1] {
            let bytes = aligned.of(length);
            assert_eq!(bytes.len(), length);
            assert_eq!(bytes.as_ptr().addr() % ALIGNMENT, 0);
        }
    }
}
