//! What boards are called: the one place that decides it for the gateway.

use std::collections::{BTreeMap, BTreeSet};

use cpy_board::{Hostname, Serial};

/// The names of the attached boards, by the plain rule.
pub(crate) fn names(attached: &BTreeSet<Serial>) -> BTreeMap<Serial, Hostname> {
    Hostname::assign(attached)
}
