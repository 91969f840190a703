//! The USB device behind a block device: its vendor and product id, from sysfs.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use cpy_board::record::UsbIds;
use rustix::fs::{major, minor};

/// The ids of the USB device that the block device at `path` is a part of. Images have none.
pub(crate) fn ids_of(path: &Path) -> Option<UsbIds> {
    let device = fs::metadata(path).ok()?.rdev();
    if device == 0 {
        return None;
    }
    let entry = format!("/sys/dev/block/{}:{}", major(device), minor(device));
    ids_above(&fs::canonicalize(entry).ok()?)
}

/// Goes up from a partition or disk to the first directory that is a USB device: it alone has both
/// attributes (Documentation/ABI/stable/sysfs-bus-usb).
fn ids_above(sysfs: &Path) -> Option<UsbIds> {
    sysfs.ancestors().find_map(|directory| {
        Some(UsbIds {
            vendor: hex(&directory.join("idVendor"))?,
            product: hex(&directory.join("idProduct"))?,
        })
    })
}

fn hex(attribute: &Path) -> Option<u16> {
    u16::from_str_radix(fs::read_to_string(attribute).ok()?.trim(), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_usb_device_above_counts() {
        let dir = tempfile::tempdir().unwrap();
        let hub = dir.path().join("usb1");
        let partition = hub.join("1-1/1-1:1.2/host0/target0/block/sda/sda1");
        fs::create_dir_all(&partition).unwrap();
        for (at, vendor, product) in [
            (hub.clone(), "1d6b\n", "0002\n"),
            (hub.join("1-1"), "239a\n", "80f4\n"),
        ] {
            fs::write(at.join("idVendor"), vendor).unwrap();
            fs::write(at.join("idProduct"), product).unwrap();
        }
        assert_eq!(
            ids_above(&partition),
            Some(UsbIds {
                vendor: 0x239a,
                product: 0x80f4
            })
        );
    }

    #[test]
    fn an_image_has_no_ids() {
        let image = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(ids_of(image.path()), None);
    }
}
