//! What boards are called: the one place that decides it for the gateway.
//!
//! The word of the name authority (mdns-advertiser), which looks at what the network holds, comes first. A board
//! that it does not name keeps the name that the gateway remembers, unless that is another board's by now, and
//! everybody else gets one by the plain rule. Where the authority never spoke, that is all there is.

use std::collections::{BTreeMap, BTreeSet};

use cpy_board::{Hostname, Serial};

/// Names by board.
pub(crate) type Names = BTreeMap<Serial, Hostname>;

/// The names of all boards that are attached, remembered, or `held` by the authority's word: never one for two.
pub(crate) fn names(attached: &BTreeSet<Serial>, remembered: &Names, held: &Names) -> Names {
    let mut names = Names::new();
    let mut taken = BTreeSet::new();
    for (serial, name) in held.iter().chain(remembered) {
        if !names.contains_key(serial) && taken.insert(name) {
            names.insert(serial.clone(), name.clone());
        }
    }
    let known = held.keys().chain(remembered.keys()).chain(attached);
    Hostname::assign_beside(known, &names)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn serial(text: &str) -> Serial {
        text.parse().unwrap()
    }

    fn called(names: &[(&str, &str)]) -> Names {
        let entry = |(board, name): &(&str, &str)| (serial(board), name.parse().unwrap());
        names.iter().map(entry).collect()
    }

    #[test]
    fn the_authority_renames_a_board_and_its_silence_changes_nothing() {
        let attached = BTreeSet::from([serial("A0000001")]);
        let remembered = names(&attached, &Names::new(), &Names::new());
        assert_eq!(remembered, called(&[("A0000001", "cpy-000001")]));
        let held = called(&[("A0000001", "cpy-abcdef")]);
        let renamed = names(&attached, &remembered, &held);
        assert_eq!(renamed, held);
        for attached in [attached, BTreeSet::new()] {
            assert_eq!(names(&attached, &renamed, &Names::new()), held);
        }
    }

    #[test]
    fn who_remembers_a_name_that_the_authority_gave_away_gets_another() {
        let remembered = called(&[("A0000001", "cpy-000001"), ("B0000001", "cpy-00000b")]);
        let held = called(&[("B0000001", "cpy-000001")]);
        let now = names(&BTreeSet::new(), &remembered, &held);
        assert_eq!(now[&serial("B0000001")].as_str(), "cpy-000001");
        let other = Hostname::hashed(&serial("A0000001"), 0);
        assert_eq!(now[&serial("A0000001")], other);
    }

    #[test]
    fn a_board_that_the_authority_does_not_list_is_named_beside_those_that_it_does() {
        let held = called(&[("A0000001", "cpy-000001")]);
        let newcomer = serial("B0000001");
        let now = names(
            &BTreeSet::from([newcomer.clone()]),
            &called(&[("C0000003", "cpy-000003")]),
            &held,
        );
        assert_eq!(now.len(), 3);
        assert_eq!(now[&newcomer], Hostname::hashed(&newcomer, 0));
        assert_eq!(now[&serial("C0000003")].as_str(), "cpy-000003");
    }

    /// Boards of a reel and their names, so that they meet often.
    fn any_names() -> impl Strategy<Value = Names> {
        let board = (0..6_u8).prop_map(|n| serial(&format!("{n:X}A0000001")));
        let name = prop_oneof![
            Just("cpy-000001".parse().unwrap()),
            (0..6_u8, 0..2_u32)
                .prop_map(|(n, round)| Hostname::hashed(&serial(&format!("{n:X}A0000001")), round)),
        ];
        prop::collection::btree_map(board, name, 0..6)
    }

    proptest! {
        #[test]
        fn no_two_boards_have_one_name_and_the_authoritys_word_holds(
            attached in any_names(), remembered in any_names(), held in any_names()
        ) {
            let attached: BTreeSet<Serial> = attached.into_keys().collect();
            let now = names(&attached, &remembered, &held);
            let distinct: BTreeSet<&Hostname> = now.values().collect();
            prop_assert_eq!(distinct.len(), now.len());
            prop_assert!(attached.iter().chain(remembered.keys()).all(|board| now.contains_key(board)));
            for (board, name) in &held {
                // What contradicts itself cannot hold for both.
                let also = held.iter().any(|(other, same)| other < board && same == name);
                prop_assert!(also || now[board] == *name);
            }
            // Nothing moves once it is settled: not when asked again, not when boards or the authority go.
            prop_assert_eq!(&names(&attached, &now, &held), &now);
            prop_assert_eq!(&names(&BTreeSet::new(), &now, &Names::new()), &now);
            // Whose name nobody else was given keeps it.
            for (board, name) in &remembered {
                let unlisted = !held.contains_key(board) && held.values().all(|other| other != name);
                let first = remembered.iter().all(|(other, same)| other >= board || same != name);
                prop_assert!(!(unlisted && first) || now[board] == *name);
            }
        }
    }
}
