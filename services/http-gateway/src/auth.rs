//! The password of a request (Basic, RFC 7617), compared with a board's.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use cpy_board::Password;
use hyper::header::{AUTHORIZATION, HeaderMap};
use subtle::ConstantTimeEq;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a request brings to be let in. Never shown: it may hold a password.
#[derive(PartialEq, Eq, Hash)]
pub(crate) enum Credentials {
    /// Nothing.
    None,
    /// Something that cannot be right: another scheme, a user name, no base64.
    Unusable,
    /// A password.
    Password(Vec<u8>),
}

impl Credentials {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let Some(value) = values.next() else {
            return Self::None;
        };
        if values.next().is_some() {
            return Self::Unusable;
        }
        parse(value.as_bytes()).map_or(Self::Unusable, Self::Password)
    }

    /// Whether this opens what `password` locks.
    pub(crate) fn open(&self, password: &Password) -> bool {
        match self {
            Self::Password(given) => given.ct_eq(password.reveal().as_bytes()).into(),
            Self::None | Self::Unusable => false,
        }
    }
}

/// `Basic <base64 of ":password">`: the user name is empty, so all after the first colon is password.
fn parse(value: &[u8]) -> Option<Vec<u8>> {
    let (scheme, rest) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") {
        return None;
    }
    let decoded = BASE64.decode(rest.trim_ascii()).ok()?;
    decoded.strip_prefix(b":").map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn password(text: &str) -> Password {
        text.to_owned().try_into().unwrap()
    }

    fn basic(user_and_password: &str) -> String {
        format!("Basic {}", BASE64.encode(user_and_password))
    }

    fn opens(header: &str, secret: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(header).unwrap());
        Credentials::of(&headers).open(&password(secret))
    }

    #[test]
    fn the_password_alone_lets_in() {
        assert!(opens(&basic(":passw0rd"), "passw0rd"));
        assert!(opens(&basic(":a:b:"), "a:b:"));
        assert!(opens(&basic(":pässwörd 🐍"), "pässwörd 🐍"));
        assert!(opens("bAsIc OnBhc3N3MHJk", "passw0rd"));
        assert!(opens("Basic  OmE", "a"), "padding and spaces do not matter");
        let long = "x".repeat(5000);
        assert!(opens(&basic(&format!(":{long}")), &long));
    }

    #[test]
    fn anything_else_does_not() {
        for header in [
            basic(":passw0rd "),
            basic(":passw0r"),
            basic(":"),
            basic("passw0rd"),
            basic("user:passw0rd"),
            "Basic".to_owned(),
            "Basic !!".to_owned(),
            "Bearer OnBhc3N3MHJk".to_owned(),
            "passw0rd".to_owned(),
        ] {
            assert!(!opens(&header, "passw0rd"), "{header}");
        }
        let mut twice = HeaderMap::new();
        for _ in 0..2 {
            let value = HeaderValue::from_str(&basic(":passw0rd")).unwrap();
            twice.append(AUTHORIZATION, value);
        }
        assert!(Credentials::of(&twice) == Credentials::Unusable);
        assert!(Credentials::of(&HeaderMap::new()) == Credentials::None);
    }

    proptest! {
        #[test]
        fn any_password_opens_its_own_lock_only(secret in ".{1,80}", other in ".{1,80}") {
            let mine = basic(&format!(":{secret}"));
            let others = basic(&format!(":{other}"));
            prop_assert!(opens(&mine, &secret));
            prop_assert_eq!(opens(&others, &secret), other == secret);
        }
    }
}
