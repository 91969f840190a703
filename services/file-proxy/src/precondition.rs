//! What a client expects of a file before it changes it: `If-Match` and `If-None-Match` (RFC 9110, section 13.1), so that
//! of two people who edit one file neither overwrites the other unawares. Who sends neither expects nothing.

use cpy_fat::Version;
use headers::{ETag, Header, HeaderMapExt, IfMatch, IfNoneMatch};
use hyper::header::{HeaderMap, HeaderName};

use crate::refusal::Refusal;

/// The conditions of a request.
#[derive(Debug, Default)]
pub(crate) struct Precondition {
    matches: Option<IfMatch>,
    matches_none: Option<IfNoneMatch>,
}

/// The entity tag of a version, which is as strong as [`Version`] tells contents apart.
pub(crate) fn etag(version: Version) -> ETag {
    format!("\"{version}\"")
        .parse()
        .expect("a version is a word without quotes")
}

impl Precondition {
    /// The conditions in a request's headers. One that cannot be understood is an error: its sender relies on it.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        Ok(Self {
            matches: condition(headers)?,
            matches_none: condition(headers)?,
        })
    }

    /// Whether a file may be changed that has this content, or none.
    pub(crate) fn check(&self, now: Option<Version>) -> Result<(), Refusal> {
        if self.is_met(now) && !self.is_known(now) {
            Ok(())
        } else {
            Err(Refusal::Precondition)
        }
    }

    /// Whether `If-Match` holds.
    pub(crate) fn is_met(&self, now: Option<Version>) -> bool {
        self.matches.as_ref().is_none_or(|condition| match now {
            Some(version) => condition.precondition_passes(&etag(version)),
            None => false,
        })
    }

    /// Whether `If-None-Match` names this content: whoever reads it has it already.
    pub(crate) fn is_known(&self, now: Option<Version>) -> bool {
        let conditions = self.matches_none.as_ref().zip(now);
        conditions
            .is_some_and(|(condition, version)| !condition.precondition_passes(&etag(version)))
    }
}

fn condition<H: Header>(headers: &HeaderMap) -> Result<Option<H>, Refusal> {
    let refusal = || Refusal::Condition(H::name().to_string());
    if holds_blanks(headers, H::name()) {
        return Err(refusal());
    }
    headers.typed_try_get().map_err(|_| refusal())
}

/// Whether there is a blank within the quotes of an entity tag, where none may be (RFC 9110, section 8.8.3). The parser
/// relies on it that there is none, and puts one between two headers: a tag must end in the header in which it begins.
fn holds_blanks(headers: &HeaderMap, name: &HeaderName) -> bool {
    headers.get_all(name).iter().any(|value| {
        let mut is_quoted = false;
        let has_blank = value.as_bytes().iter().any(|byte| {
            is_quoted ^= *byte == b'"';
            is_quoted && byte.is_ascii_whitespace()
        });
        has_blank || is_quoted
    })
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[&[u8]]) -> Result<Precondition, Refusal> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("if-match", HeaderValue::from_bytes(value).unwrap());
        }
        Precondition::of(&headers)
    }

    #[test]
    fn a_tag_that_holds_a_blank_is_refused() {
        for values in [&[&b"\"a b\""[..]][..], &[b"\"a\tb\""], &[b"\"a", b"b\""]] {
            assert!(
                matches!(of(values), Err(Refusal::Condition(_))),
                "{values:?}"
            );
        }
        assert!(of(&[b" \"a\" ,\t\"b\"", b"W/\"c\""]).is_ok());
    }

    proptest! {
        #[test]
        fn whatever_a_condition_is_nothing_matches_what_is_not_there(
            values in prop::collection::vec("([ -~\t\u{80}-\u{90}]|\"[a-c]?|, ){0,12}", 0..3),
        ) {
            let values: Vec<&[u8]> = values.iter().map(String::as_bytes).collect();
            if let Ok(precondition) = of(&values) {
                prop_assert_eq!(precondition.check(None).is_ok(), values.is_empty());
            }
        }
    }
}
