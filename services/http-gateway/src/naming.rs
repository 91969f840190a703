//! What boards are called: the one place that decides it for the gateway.

use std::collections::{BTreeMap, BTreeSet};

use cpy_board::{Hostname, Serial};

/// The names of the attached boards, beside those that boards have or had.
pub(crate) fn names(
    attached: &BTreeSet<Serial>,
    held: &BTreeMap<Serial, Hostname>,
) -> BTreeMap<Serial, Hostname> {
    Hostname::assign_beside(attached, held)
}
