//! Reading sysfs: directories of devices that lie where the kernel says, and their attributes.

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

/// An attribute is one page at most (Documentation/filesystems/sysfs.rst).
const PAGE: u64 = 4096;

/// A device's own directory below `/sys/devices`: no link is on the way to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeviceDir(PathBuf);

impl DeviceDir {
    /// The directory at `path`, if it is there, lies below `devices`, and is reached without a link.
    pub(crate) fn new(devices: &Path, path: &Path) -> Option<Self> {
        let real = fs::canonicalize(path).ok()?;
        let is_itself = real == path && real != devices && real.starts_with(devices);
        is_itself.then_some(Self(real))
    }

    /// The directory that the link `path` leads to, if that lies below `devices`.
    pub(crate) fn behind(devices: &Path, path: &Path) -> Option<Self> {
        Self::new(devices, &fs::canonicalize(path).ok()?)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The name of the directory, which is the kernel's name of the device.
    pub(crate) fn name(&self) -> &str {
        let name = self.0.file_name().and_then(|name| name.to_str());
        name.unwrap_or_default()
    }

    /// The device's subsystem, `usb` or `block`: the last component of a link that is read and not followed.
    pub(crate) fn subsystem(&self) -> Option<String> {
        let target = fs::read_link(self.0.join("subsystem")).ok()?;
        Some(target.file_name()?.to_str()?.to_owned())
    }

    /// An attribute without the newline that the kernel adds. It may hold further ones, and any other byte.
    pub(crate) fn attribute(&self, name: &str) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let file = open(&self.0.join(name))?;
        file.take(PAGE).read_to_end(&mut bytes).ok()?;
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
        }
        Some(bytes)
    }

    /// An attribute that is a number.
    pub(crate) fn number(&self, name: &str, radix: u32) -> Option<u64> {
        let bytes = self.attribute(name)?;
        u64::from_str_radix(str::from_utf8(&bytes).ok()?, radix).ok()
    }

    pub(crate) fn has(&self, attribute: &str) -> bool {
        self.0.join(attribute).exists()
    }

    /// The directories of devices right below this one.
    pub(crate) fn children(&self) -> impl Iterator<Item = Self> {
        let entries = fs::read_dir(&self.0).into_iter().flatten().flatten();
        entries
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| Self(entry.path()))
    }

    /// Where the device stands among all that the kernel has shown since it runs: one that came later has a larger
    /// number. kernfs numbers its nodes upwards and, on 64 bits, never anew (fs/kernfs/dir.c, `__kernfs_new_node`).
    pub(crate) fn birth(&self) -> Option<u64> {
        Some(fs::symlink_metadata(&self.0).ok()?.ino())
    }
}

fn open(path: &Path) -> Option<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)
        .ok()
}
