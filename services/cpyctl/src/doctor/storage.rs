//! The directories in which the daemons write: whether there is room, and whether they may.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use cpy_board::Config;
use rustix::fs::{StatVfs, StatVfsMountFlags, statvfs};

use super::access::{DAEMONS, user_id, user_name};
use super::finding::{Examination, Finding, Kind};
use super::machine::Machine;
use crate::password::GROUP;

/// Less than this, and a save of a usual drive's largest file fails.
const LOW: u64 = 2 * 1024 * 1024;

/// Whether the daemons can write what they have to.
pub(super) fn examine(machine: &Machine, config: &Config) -> Examination {
    let mut examination = Examination::new("Storage", "has room, and can be written.");
    let users = machine.text("/etc/passwd").unwrap_or_default();
    for root in [&config.state_dir, &config.runtime_dir] {
        let findings = &mut examination.findings;
        if let Some(existing) = root.ancestors().find(|path| path.is_dir())
            && let Ok(volume) = statvfs(existing)
        {
            findings.extend(judge(root, &volume));
        }
        findings.extend(
            DAEMONS
                .iter()
                .filter_map(|name| foreign(&root.join(name), name, &users)),
        );
    }
    examination
}

/// What is wrong with the file system that the directory is in.
fn judge(directory: &Path, volume: &StatVfs) -> Option<Finding> {
    let directory = directory.display();
    let free = volume.f_bavail.saturating_mul(volume.f_frsize);
    let no_files = volume.f_files > 0 && volume.f_favail == 0;
    if volume.f_flag.contains(StatVfsMountFlags::RDONLY) {
        let sentence = format!(
            "{directory} is on a file system that is read-only, so nothing can be saved or remembered."
        );
        return Some(
            Finding::new(Kind::DiskReadOnly, sentence)
                .advise("If that is not on purpose, the SD card or disk has a fault: look at `sudo dmesg | tail`, save what is on it, and start the machine again.")
                .advise(format!("If it is on purpose, mount a file system that can be written at {directory}, for which /etc/fstab is the place; then: sudo systemctl restart cpy-gateway.target")),
        );
    }
    (free < LOW || no_files).then(|| {
        let sentence = format!("The file system of {directory} is full.");
        Finding::new(Kind::DiskFull, sentence)
            .advise("Make room: sudo apt clean; sudo journalctl --vacuum-size=50M; and see `sudo du -xh / | sort -h | tail`.")
    })
}

/// A daemon's directory that is not its user's, where there is such a user.
fn foreign(directory: &Path, daemon: &str, users: &str) -> Option<Finding> {
    let owner = std::fs::metadata(directory).ok()?.uid();
    let id = user_id(users, daemon)?;
    // Where the daemons run as somebody else, as a demo's do, nothing is root's or the package's.
    (owner != id && owner == 0).then(|| {
        let (user, directory) = (user_name(daemon), directory.display());
        Finding::new(
            Kind::DirectoryNotWritable,
            format!("{directory} belongs to root, so {daemon} cannot write in it."),
        )
        .advise(format!(
            "Give it back: sudo chown -R {user}:{GROUP} {directory}"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_or_read_only_file_system_is_told() {
        let found = |change: fn(&mut StatVfs)| {
            let mut volume = statvfs("/").unwrap();
            volume.f_flag = StatVfsMountFlags::empty();
            (volume.f_bavail, volume.f_frsize) = (1 << 20, 4096);
            (volume.f_files, volume.f_favail) = (1000, 10);
            change(&mut volume);
            judge(Path::new("/var/lib/cpy-gateway"), &volume)
        };
        let judged = |change| found(change).map(|finding| finding.id());
        assert_eq!(judged(|_| {}), None);
        assert_eq!(judged(|volume| volume.f_bavail = 100), Some(Kind::DiskFull));
        assert_eq!(judged(|volume| volume.f_favail = 0), Some(Kind::DiskFull));
        // Some file systems count no files.
        assert_eq!(
            judged(|volume| (volume.f_files, volume.f_favail) = (0, 0)),
            None
        );
        let read_only = found(|volume| volume.f_flag = StatVfsMountFlags::RDONLY).unwrap();
        assert_eq!(read_only.id(), Kind::DiskReadOnly);
        // The daemons may write nowhere else, whatever the configuration says.
        let advice = read_only.advice().join(" ");
        assert!(advice.contains("at /var/lib/cpy-gateway"), "{advice}");
        assert!(!advice.contains("state_dir"), "{advice}");
    }
}
