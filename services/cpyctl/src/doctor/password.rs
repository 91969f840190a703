//! Whether boards that set no password of their own have one.

use std::io;

use cpy_board::config::Http;

use super::finding::{Examination, Finding, Kind};
use crate::password::PasswordFile;

/// Whether the gateway has a password.
pub(super) fn examine(http: &Http) -> Examination {
    let file = PasswordFile::new(&http.password_file);
    let mut examination = Examination::new("Password", format!("in {file}."));
    if http.password.is_some() {
        "in the configuration (http.password).".clone_into(&mut examination.fine);
        return examination;
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
        Err(error) if is_forbidden(&error) => examination.unknown.push(format!("the password: {error}.")),
        Err(error) => examination.findings.push(
            Finding::new(Kind::PasswordWrong, format!("The gateway's password cannot be used: {error:#}."))
                .advise("Set another: sudo cpyctl password --set"),
        ),
    }
    if !examination.unknown.is_empty() {
        format!("in {file}, as it seems.").clone_into(&mut examination.fine);
    }
    examination
}

fn is_forbidden(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_and_one_that_is_none_are_wrong() {
        let dir = tempfile::tempdir().unwrap();
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
}
