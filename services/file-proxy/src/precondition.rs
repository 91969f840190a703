//! What a client expects of a file before it changes it: `If-Match` and `If-None-Match` (RFC 9110, section 13.1), so that
//! of two people who edit one file neither overwrites the other unawares. Who sends neither expects nothing.

use cpy_fat::Version;
use headers::{ETag, Header, HeaderMapExt, IfMatch, IfNoneMatch};
use hyper::HeaderMap;

use crate::refusal::Refusal;

/// The conditions of a request.
#[derive(Debug, Default)]
pub(crate) struct Precondition {
    matches: Option<IfMatch>,
    matches_none: Option<IfNoneMatch>,
}

/// The entity tag of a version: strong, as two contents have two.
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
    headers
        .typed_try_get()
        .map_err(|_| Refusal::Condition(H::name().to_string()))
}
