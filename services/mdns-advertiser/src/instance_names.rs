//! What the boards here are called, each differently: boards of one kind would all have the kind's name.

use std::collections::BTreeMap;

use cpy_board::Serial;

use crate::announcement::InstanceName;

/// The instance names of the boards that are here. A board keeps its own while it is here and its owner leaves it:
/// a service that somebody has found must not become another board's.
#[derive(Debug, Default)]
pub(crate) struct InstanceNames {
    chosen: BTreeMap<Serial, InstanceName>,
}

impl InstanceNames {
    /// Gives every board that says what it is called a name of its own. `wanted` is in the order in which boards
    /// that came together take theirs: the first of a kind has the plain name. The others are forgotten.
    pub(crate) fn choose(
        &mut self,
        wanted: impl IntoIterator<Item = (Serial, InstanceName)>,
    ) -> &BTreeMap<Serial, InstanceName> {
        let wanted: Vec<(Serial, InstanceName)> = wanted.into_iter().collect();
        self.chosen.retain(|serial, chosen| {
            let mut same = wanted.iter().filter(|(other, _)| other == serial);
            same.any(|(_, name)| chosen.is_made_of(name))
        });
        for (serial, name) in wanted {
            if self.chosen.contains_key(&serial) {
                continue;
            }
            let is_taken = self.chosen.values().any(|chosen| *chosen == name);
            let name = if is_taken { name.qualified() } else { name };
            self.chosen.insert(serial, name);
        }
        &self.chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(boards: &[(&str, &str)]) -> Vec<(Serial, InstanceName)> {
        let board = |(serial, name): &(&str, &str)| {
            (serial.parse().unwrap(), InstanceName::new(name).unwrap())
        };
        boards.iter().map(board).collect()
    }

    fn chosen(names: &mut InstanceNames, boards: &[(&str, &str)]) -> Vec<String> {
        let hostname = "cpy-000001".parse().unwrap();
        let chosen = names.choose(wanted(boards)).values();
        chosen.map(|name| name.alternative(&hostname, 0)).collect()
    }

    #[test]
    fn the_first_of_a_kind_has_the_plain_name_as_long_as_it_is_here() {
        let mut names = InstanceNames::default();
        let both = [("B2", "Pico"), ("A1", "Pico")];
        assert_eq!(chosen(&mut names, &both), ["Pico (cpy-000001)", "Pico"]);
        let turned = [("A1", "Pico"), ("B2", "Pico"), ("C3", "Feather")];
        assert_eq!(
            chosen(&mut names, &turned),
            ["Pico (cpy-000001)", "Pico", "Feather"]
        );
        assert_eq!(chosen(&mut names, &[("A1", "Pico")]), ["Pico (cpy-000001)"]);
        let again = [("A1", "Pico"), ("B2", "Pico")];
        assert_eq!(chosen(&mut names, &again), ["Pico (cpy-000001)", "Pico"]);
    }

    #[test]
    fn an_owner_who_gives_another_name_gets_it() {
        let mut names = InstanceNames::default();
        chosen(&mut names, &[("A1", "Pico"), ("B2", "Pico")]);
        let renamed = [("A1", "Kitchen"), ("B2", "Pico")];
        assert_eq!(
            chosen(&mut names, &renamed),
            ["Kitchen", "Pico (cpy-000001)"]
        );
    }
}
