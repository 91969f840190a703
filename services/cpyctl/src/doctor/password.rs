//! Whether boards that set no password of their own have one.

use std::io::ErrorKind;

use cpy_board::config::Http;
use cpy_board::daemon::with_causes;
use cpy_board::password_file::{PasswordFileError, PasswordFileProblem};

use super::access::{self, Barrier};
use super::finding::{Examination, Finding, Kind};
use super::machine::Machine;
use super::units::RELOAD;
use crate::password::{GROUP, PasswordFile, is_forbidden};

const ABOUT: &str = "Password";

/// Whether the gateway has a password, and http-gateway can read it: as it is seen from here, where the users of the
/// `installed` daemons are known, and as http-gateway itself has `said`.
pub(super) fn examine(
    machine: &Machine,
    http: &Http,
    is_installed: bool,
    said: &[String],
) -> Examination {
    let file = PasswordFile::new(&http.password_file);
    let mut examination = Examination::new(ABOUT, format!("in {file}."));
    if http.password.is_some() {
        examination.fine = Some("in the configuration (http.password).".into());
    } else {
        let barrier = is_installed
            .then(|| access::barrier(machine, &["http-gateway"], &http.password_file))
            .flatten();
        let findings = &mut examination.findings;
        findings.extend(barrier.map(|barrier| not_readable(http, &barrier)));
        match file.read() {
            Ok(Some(_)) => {}
            Ok(None) => findings.push(
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
            Err(error) => findings.push(
                Finding::new(Kind::PasswordWrong, format!("The gateway's password cannot be used: {}.", with_causes(&error.source)))
                    .advise("Set another: sudo cpyctl password --set"),
            ),
        }
    }
    if examination.findings.is_empty() {
        examination.findings.extend(said.iter().map(not_used));
    }
    examination
}

/// Whether a sentence of http-gateway's is about the password file.
pub(super) fn is_about(problem: &str, http: &Http) -> bool {
    let error = PasswordFileError {
        path: http.password_file.clone(),
        source: PasswordFileProblem::Unreadable(ErrorKind::Other.into()),
    };
    problem.contains(&error.to_string())
}

fn not_readable(http: &Http, barrier: &Barrier) -> Finding {
    let file = &http.password_file;
    let sentence = format!(
        "http-gateway cannot read {}{barrier}, so boards that set no password of their own let nobody change anything.",
        file.display()
    );
    let finding = barrier.advise(Finding::new(Kind::PasswordNotReadable, sentence), file);
    match barrier {
        Barrier::Hidden(_) => finding.advise(format!(
            "Name that place in the configuration, as http.password_file; then: {RELOAD}"
        )),
        Barrier::Closed | Barrier::Directory(_) => finding.advise(format!("Then: {RELOAD}")),
    }
}

/// What http-gateway says of a file in which nothing wrong is seen from here.
fn not_used(said: &String) -> Finding {
    Finding::new(Kind::PasswordNotReadable, said)
        .advise(format!("If that is mended, let it read the file again: {RELOAD}"))
        .advise(format!(
            "If it is not: the file holds one line, is for the group {GROUP} with mode 640, and is not below /root, \
             /home or /tmp. `sudo cpyctl password --set` makes such a file where http.password_file says."
        ))
}

#[cfg(test)]
mod tests {
    use super::super::access::tests::{installed, set_mode};
    use super::super::machine::fake::Fake;
    use super::*;

    #[test]
    fn no_password_and_one_that_is_none_are_wrong() {
        let dir = tempfile::tempdir().unwrap();
        let fake = Fake::new();
        let examine = |http: &Http| super::examine(&fake.machine, http, true, &[]);
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
        http.password_file = "/nonexistent".into();
        http.password = Some("topsecret".to_owned().try_into().unwrap());
        assert_eq!(examine(&http).kinds(), []);
    }

    #[test]
    fn a_password_is_for_http_gateway_to_read() {
        let fake = installed();
        let http = Http {
            password_file: "/etc/cpy-gateway/password".into(),
            ..Http::default()
        };
        fake.file("/etc/cpy-gateway/password", "x");
        let found = |is_installed| {
            let examination = super::examine(&fake.machine, &http, is_installed, &[]);
            examination.kinds().contains(&Kind::PasswordNotReadable)
        };
        set_mode(&fake, "/etc/cpy-gateway/password", 0o644);
        assert!(!found(true));
        set_mode(&fake, "/etc/cpy-gateway/password", 0o600);
        assert!(found(true));
        assert!(!found(false), "a demo's daemons are its user's");
    }

    #[test]
    fn what_http_gateway_says_of_the_password_file_is_said_where_all_looks_well() {
        let dir = tempfile::tempdir().unwrap();
        let http = Http {
            password_file: dir.path().join("password"),
            ..Http::default()
        };
        let file = http.password_file.display();
        let said = format!("No: the password file {file} cannot be used: Permission denied.");
        assert!(is_about(&said, &http) && !is_about("No: it is Monday.", &http));
        let fake = Fake::new();
        let said = [said];
        let examine = || super::examine(&fake.machine, &http, true, &said);
        assert_eq!(examine().kinds(), [Kind::NoPassword]);
        std::fs::write(&http.password_file, "topsecret\n").unwrap();
        let examination = examine();
        assert_eq!(examination.kinds(), [Kind::PasswordNotReadable]);
        assert_eq!(examination.findings[0].problem(), said[0]);
    }
}
