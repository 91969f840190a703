//! A range of ports, as the configuration writes it.

use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A range of TCP ports, written `"8001-8064"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PortRange(RangeInclusive<u16>);

/// The text is not two ports in rising order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a range of ports is written \"8001-8064\", not {0:?}")]
pub struct PortRangeError(String);

impl PortRange {
    /// The ports from `first` to `last`, both among them.
    pub(super) fn new(first: u16, last: u16) -> Self {
        Self(first..=last)
    }

    /// Every port of the range, in rising order.
    pub fn ports(&self) -> RangeInclusive<u16> {
        self.0.clone()
    }
}

impl FromStr for PortRange {
    type Err = PortRangeError;

    fn from_str(text: &str) -> Result<Self, PortRangeError> {
        let parsed = text.split_once('-').and_then(|(first, last)| {
            let first: u16 = first.trim().parse().ok()?;
            let last: u16 = last.trim().parse().ok()?;
            (0 < first && first <= last).then_some(Self(first..=last))
        });
        parsed.ok_or_else(|| PortRangeError(text.to_owned()))
    }
}

impl TryFrom<String> for PortRange {
    type Error = PortRangeError;

    fn try_from(text: String) -> Result<Self, PortRangeError> {
        text.parse()
    }
}

impl From<PortRange> for String {
    fn from(range: PortRange) -> Self {
        format!("{}-{}", range.0.start(), range.0.end())
    }
}
