//! Which state a drive is in as a whole, as file-proxy and whoever repairs an image of it both tell it.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// The SHA-256 of all sectors of a drive's volume, in the making.
#[derive(Clone, Debug, Default)]
pub struct Fingerprint(Sha256);

impl Fingerprint {
    /// Takes in what comes next.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The entity tag (RFC 9110, section 8.8.3) of a drive that holds what was taken in.
    pub fn entity_tag(self) -> String {
        let mut tag = String::from("\"");
        for byte in self.0.finalize() {
            // A string takes everything.
            let _ = write!(tag, "{byte:02x}");
        }
        tag + "\""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_is_the_digest_of_all_that_was_taken_in() {
        let mut fingerprint = Fingerprint::default();
        fingerprint.add(b"a");
        fingerprint.add(b"bc");
        // FIPS 180-2, appendix B.1.
        assert_eq!(
            fingerprint.entity_tag(),
            "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\""
        );
    }
}
