//! Whether boards that set no password of their own have one.

use cpy_board::config::Http;
use cpy_board::daemon::with_causes;

use super::finding::{Examination, Finding, Kind};
use crate::password::{PasswordFile, is_forbidden};

const ABOUT: &str = "Password";

/// Whether the gateway has a password.
pub(super) fn examine(http: &Http) -> Examination {
    let file = PasswordFile::new(&http.password_file);
    let mut examination = Examination::new(ABOUT, format!("in {file}."));
    if http.password.is_some() {
        return Examination::new(ABOUT, "in the configuration (http.password).");
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
