//! Whether boards that set no password of their own have one.

use std::os::unix::fs::MetadataExt;

use cpy_board::config::Http;
use cpy_board::daemon::with_causes;

use super::finding::{Examination, Finding, Kind};
use super::machine::Machine;
use crate::password::{GROUP, PasswordFile, group_id, is_forbidden};

const ABOUT: &str = "Password";

/// Whether the gateway has a password, and its daemons can read it.
pub(super) fn examine(machine: &Machine, http: &Http) -> Examination {
    let file = PasswordFile::new(&http.password_file);
    let mut examination = Examination::new(ABOUT, format!("in {file}."));
    if http.password.is_some() {
        return Examination::new(ABOUT, "in the configuration (http.password).");
    }
    let group = group_id(&machine.text("/etc/group").unwrap_or_default());
    let metadata = std::fs::metadata(&http.password_file);
    if let (Some(group), Ok(metadata)) = (group, metadata)
        && !Access::of(&metadata).lets_in(group)
    {
        examination.findings.push(not_readable(&file));
    }
    match file.read() {
        Ok(Some(_)) => {}
        Ok(None) => examination.findings.push(
            Finding::new(
                Kind::NoPassword,
                "The gateway has no password, so boards that set none of their own let nobody change anything.",
            )
            .advise("Make one: sudo cpyctl password --new"),
        ),
        Err(error) if is_forbidden(&error) => {
            examination.fine = None;
            examination.unknown.push(format!("whether there is a password: only root and the gateway's users may read {file}; use sudo."));
        }
        Err(error) => examination.findings.push(
            Finding::new(Kind::PasswordWrong, format!("The gateway's password cannot be used: {}.", with_causes(&error.source)))
                .advise("Set another: sudo cpyctl password --set"),
        ),
    }
    examination
}

/// Whose a file is, and who may read it.
struct Access {
    owner: u32,
    group: u32,
    mode: u32,
}

impl Access {
    fn of(metadata: &impl MetadataExt) -> Self {
        Self {
            owner: metadata.uid(),
            group: metadata.gid(),
            mode: metadata.mode(),
        }
    }

    /// Whether those of this group, none of whom is root, can read it. Of a file that is not root's, nobody knows whose
    /// daemons it is for: a demo's are its user's.
    fn lets_in(&self, group: u32) -> bool {
        let (of_group, of_all) = (0o040, 0o004);
        let asked = if self.group == group {
            of_group
        } else {
            of_all
        };
        self.owner != 0 || self.mode & asked != 0
    }
}

fn not_readable(file: &PasswordFile) -> Finding {
    let sentence = format!(
        "The gateway's daemons cannot read {file}, so boards that set no password of their own let nobody change \
         anything."
    );
    Finding::new(Kind::PasswordNotReadable, sentence)
        .advise(format!("Let them: sudo chgrp {GROUP} {file} && sudo chmod 640 {file} && sudo systemctl reload-or-restart cpy-http-gateway"))
        .advise("Or make another: sudo cpyctl password --new")
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::super::machine::fake::Fake;
    use super::*;

    #[test]
    fn a_password_is_for_the_daemons_to_read() {
        const GROUP: u32 = 997;
        for (owner, group, mode, lets_in) in [
            (0, GROUP, 0o100_640, true),
            (0, 0, 0o100_600, false),
            (0, 0, 0o100_640, false),
            (0, GROUP, 0o100_600, false),
            (0, GROUP, 0o100_604, false),
            (0, 0, 0o100_644, true),
            (1000, 1000, 0o100_600, true),
        ] {
            let access = Access { owner, group, mode };
            assert_eq!(access.lets_in(GROUP), lets_in, "{owner} {group} {mode:o}");
        }
    }

    #[test]
    fn no_password_and_one_that_is_none_are_wrong() {
        let dir = tempfile::tempdir().unwrap();
        let fake = Fake::new();
        let examine = |http: &Http| super::examine(&fake.machine, http);
        let mut http = Http {
            password_file: dir.path().join("password"),
            ..Http::default()
        };
        assert_eq!(examine(&http).kinds(), [Kind::NoPassword]);
        std::fs::write(&http.password_file, "top\nsecret\n").unwrap();
        let wrong = examine(&http);
        assert_eq!(wrong.kinds(), [Kind::PasswordWrong]);
        assert!(!wrong.findings[0].problem().contains("secret"), "{wrong:?}");
        std::fs::write(&http.password_file, "topsecret\n").unwrap();
        assert_eq!(examine(&http).kinds(), []);
        if rustix::process::geteuid().is_root() {
            fake.file("/etc/group", "_cpy-gateway:x:99797:\n");
            std::fs::set_permissions(&http.password_file, Permissions::from_mode(0o600)).unwrap();
            assert_eq!(examine(&http).kinds(), [Kind::PasswordNotReadable]);
        }
        http.password_file = "/nonexistent".into();
        http.password = Some("topsecret".to_owned().try_into().unwrap());
        assert_eq!(examine(&http).kinds(), []);
    }
}
