//! Whether the daemons, each of which is a user of its own, can read a file: what its owner, group and mode say, those
//! of the directories that it is in, and what the daemons' units hide. What other users' daemons can, as a demo's, is
//! not known here.

use std::fmt;
use std::fs::{canonicalize, metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::finding::Finding;
use super::machine::Machine;
use crate::password::{GROUP, group_id};

/// The attribute in which an access control list is kept.
const LIST: &str = "system.posix_acl_access";

/// The daemons, as their users and directories are called.
pub(super) const DAEMONS: [&str; 4] = [
    "serial-bridge",
    "file-proxy",
    "mdns-advertiser",
    "http-gateway",
];

/// What no daemon sees (`ProtectHome=` and `TemporaryFileSystem=` of the units).
const HIDDEN: [&str; 5] = ["/root", "/home", "/run/user", "/tmp", "/var/tmp"];

/// What keeps a daemon from a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Barrier {
    /// The file's own mode.
    Closed,
    /// That of a directory that it is in.
    Directory(PathBuf),
    /// Its place.
    Hidden(&'static str),
}

/// What keeps one of these daemons from this file, as far as that can be seen. Nothing does where the machine has no
/// such users.
pub(super) fn barrier(machine: &Machine, daemons: &[&str], file: &Path) -> Option<Barrier> {
    let users = machine.text("/etc/passwd").unwrap_or_default();
    let group = group_id(&machine.text("/etc/group").unwrap_or_default())?;
    let mut readers = daemons.iter().filter_map(|daemon| {
        let user = user_id(&users, daemon)?;
        Some(Reader { user, group })
    });
    readers.find_map(|reader| reader.barrier(machine, file))
}

/// What a daemon's user is called.
pub(super) fn user_name(daemon: &str) -> String {
    format!("_cpy-{daemon}")
}

/// The id of a daemon's user (passwd(5)).
pub(super) fn user_id(users: &str, daemon: &str) -> Option<u32> {
    let name = user_name(daemon);
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(&*name)).then(|| fields.nth(1)?.parse().ok())?
    })
}

/// A user in the daemons' group.
struct Reader {
    user: u32,
    group: u32,
}

/// Whose a file or directory is, and what they and others may do with it.
struct Access {
    owner: u32,
    group: u32,
    mode: u32,
}

impl Reader {
    fn barrier(&self, machine: &Machine, file: &Path) -> Option<Barrier> {
        // Where a link leads counts too.
        for path in [Some(file.to_owned()), real(machine, file)] {
            let path = path?;
            if let Some(place) = HIDDEN.into_iter().find(|place| path.starts_with(place)) {
                return Some(Barrier::Hidden(place));
            }
            let mut above: Vec<&Path> = path.ancestors().skip(1).collect();
            above.reverse();
            let closed = above
                .into_iter()
                .find(|directory| !self.may(machine, directory, 0o1));
            if let Some(directory) = closed {
                return Some(Barrier::Directory(directory.to_owned()));
            }
            if !self.may(machine, &path, 0o4) {
                return Some(Barrier::Closed);
            }
        }
        None
    }

    /// Whether it may do this, as one of the three digits of a mode says it. So it is believed where nobody knows.
    fn may(&self, machine: &Machine, path: &Path, what: u32) -> bool {
        let path = machine.path(path);
        let Ok(metadata) = metadata(&path) else {
            return true;
        };
        let access = Access {
            owner: metadata.uid(),
            group: metadata.gid(),
            mode: metadata.mode(),
        };
        access.lets(self, what) || has_list(&path)
    }
}

impl Access {
    fn lets(&self, reader: &Reader, what: u32) -> bool {
        let digit = if self.owner == reader.user {
            self.mode >> 6
        } else if self.group == reader.group {
            self.mode >> 3
        } else {
            self.mode
        };
        digit & what != 0
    }
}

/// Where a path of the machine's leads in the end.
fn real(machine: &Machine, path: &Path) -> Option<PathBuf> {
    let root = canonicalize(machine.path("/")).ok()?;
    let real = canonicalize(machine.path(path)).ok()?;
    Some(Path::new("/").join(real.strip_prefix(root).ok()?))
}

/// Whether an access control list (acl(5)) says more than the mode does.
fn has_list(path: &Path) -> bool {
    rustix::fs::getxattr_query(path, LIST).is_ok()
}

impl Barrier {
    /// What mends it for this file, before a daemon is to read it again.
    pub(super) fn advise(&self, finding: Finding, file: &Path) -> Finding {
        let file = file.display();
        match self {
            Self::Closed => finding.advise(format!(
                "Let them: sudo chgrp {GROUP} {file} && sudo chmod 640 {file}"
            )),
            Self::Directory(directory) => {
                let directory = directory.display();
                finding.advise(format!(
                    "Let them in: sudo chgrp {GROUP} {directory} && sudo chmod g+x {directory}"
                ))
            }
            Self::Hidden(_) => finding.advise(format!(
                "Move it to a place that they see, such as /etc/cpy-gateway, for the group {GROUP} with mode 640."
            )),
        }
    }
}

/// What stands behind "they cannot read it": why, where it is not the file itself.
impl fmt::Display for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => Ok(()),
            Self::Directory(directory) => {
                write!(f, ", as {} is closed to them", directory.display())
            }
            Self::Hidden(place) => write!(f, ", as nothing below {place} is to be seen for them"),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;

    use rustix::fs::{XattrFlags, setxattr};

    use super::super::machine::fake::Fake;
    use super::*;

    /// A machine with the daemons' users.
    pub(in super::super) fn installed() -> Fake {
        let fake = Fake::new();
        let user =
            |(daemon, id): (&str, u32)| format!("_cpy-{daemon}:x:{id}:99797::/:/bin/false\n");
        let users: String = DAEMONS.into_iter().zip(99_801..).map(user).collect();
        fake.file("/etc/group", "_cpy-gateway:x:99797:\n")
            .file("/etc/passwd", &users);
        set_permissions(fake.root(), Permissions::from_mode(0o755)).unwrap();
        fake
    }

    /// Changes the mode of a file of the machine's.
    pub(in super::super) fn set_mode(fake: &Fake, path: &str, mode: u32) {
        set_permissions(fake.machine.path(path), Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn users_are_found_by_their_whole_names() {
        let users =
            "root:x:0:0:root:/root:/bin/bash\n_cpy-file-proxy:x:993:990::/:/usr/sbin/nologin\n";
        assert_eq!(user_id(users, "file-proxy"), Some(993));
        assert_eq!(user_id(users, "file"), None);
    }

    #[test]
    fn a_file_is_read_by_its_owner_its_group_or_everybody() {
        let reader = Reader {
            user: 991,
            group: 997,
        };
        for (owner, group, mode, lets) in [
            (0, 997, 0o100_640, true),
            (0, 0, 0o100_600, false),
            (0, 0, 0o100_640, false),
            (0, 997, 0o100_600, false),
            (0, 997, 0o100_604, false),
            (0, 0, 0o100_644, true),
            (65_534, 65_534, 0o100_600, false),
            (991, 0, 0o100_600, true),
        ] {
            let access = Access { owner, group, mode };
            assert_eq!(access.lets(&reader, 0o4), lets, "{owner} {group} {mode:o}");
        }
    }

    #[test]
    fn what_keeps_daemons_from_a_file_is_found_on_the_way_to_it() {
        let fake = installed();
        let found = |path: &str| barrier(&fake.machine, &DAEMONS, Path::new(path));
        let file = "/etc/cpy-gateway/password";
        fake.file(file, "x").file("/root/pw", "x");
        set_mode(&fake, file, 0o644);
        assert_eq!(found(file), None);
        assert_eq!(found("/etc/cpy-gateway/nothing"), None);
        set_mode(&fake, file, 0o600);
        assert_eq!(found(file), Some(Barrier::Closed));
        set_mode(&fake, "/etc/cpy-gateway", 0o700);
        let directory = Barrier::Directory("/etc/cpy-gateway".into());
        assert_eq!(found(file), Some(directory));
        set_mode(&fake, "/root/pw", 0o644);
        assert_eq!(found("/root/pw"), Some(Barrier::Hidden("/root")));
        // An access control list that lets http-gateway read it: version 2, then tag, permission and id of each entry.
        let list = [(1, 6, 0), (2, 4, 99_804), (4, 0, 0), (16, 4, 0), (32, 0, 0)];
        let entry = |(tag, may, id): (u16, u16, u32)| {
            [
                &tag.to_le_bytes()[..],
                &may.to_le_bytes(),
                &id.to_le_bytes(),
            ]
            .concat()
        };
        let list = [vec![2, 0, 0, 0], list.map(entry).concat()].concat();
        set_mode(&fake, "/etc/cpy-gateway", 0o755);
        let at = fake.machine.path(file);
        // Some file systems have none.
        if setxattr(&at, LIST, &list, XattrFlags::empty()).is_ok() {
            assert_eq!(found(file), None);
        }
        fake.link("/srv/pw", fake.machine.path("/root/pw"));
        assert_eq!(found("/srv/pw"), Some(Barrier::Hidden("/root")));
        fake.file("/etc/group", "");
        assert_eq!(found("/root/pw"), None);
    }
}
