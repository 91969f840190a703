//! How the boards' names do on the network, in lines for a person.

use cpy_board::status::{AvahiState, NameState, NetworkStatus};
use cpy_board::{Hostname, Serial};

/// What to say of the names of these boards.
pub(crate) fn lines<'a>(
    network: &NetworkStatus,
    boards: impl IntoIterator<Item = (&'a Serial, &'a Hostname)>,
) -> Vec<String> {
    let all = |what: &str| vec![format!("Names on the network: {what}.")];
    match network.avahi {
        AvahiState::Disabled => return all("not announced, as mdns.enabled = false says"),
        AvahiState::Absent => return all("none, because Avahi is not running"),
        AvahiState::Running => {}
    }
    let unpublished: Vec<String> = boards
        .into_iter()
        .filter_map(|(serial, hostname)| {
            let name = network.boards.get(serial);
            let why = match name.map(|name| name.state) {
                Some(NameState::Published) => return None,
                Some(NameState::Refused) => "Avahi refuses it",
                Some(NameState::Taken) => "others have it",
                Some(NameState::Waiting) => "there is no network to publish it on",
                Some(NameState::Claiming) | None => "the network is being asked for it",
            };
            Some(format!("{hostname}.local is not published yet: {why}."))
        })
        .collect();
    if unpublished.is_empty() {
        all("published")
    } else {
        unpublished
    }
}

#[cfg(test)]
mod tests {
    use cpy_board::status::NameStatus;

    use super::*;

    #[test]
    fn one_line_says_how_all_names_do_unless_some_lag_behind() {
        let boards: Vec<(Serial, Hostname)> = ["A0000001", "A0000002", "A0000003"]
            .map(|text| text.parse().unwrap())
            .into_iter()
            .map(|serial| (Hostname::plain(&serial), serial))
            .map(|(hostname, serial)| (serial, hostname))
            .collect();
        let said = |avahi, states: &[NameState]| {
            let names = boards
                .iter()
                .zip(states)
                .map(|((serial, hostname), state)| {
                    let status = NameStatus {
                        hostname: hostname.clone(),
                        state: *state,
                        instance_name: None,
                        reason: String::new(),
                    };
                    (serial.clone(), status)
                });
            let network = NetworkStatus {
                avahi,
                boards: names.collect(),
            };
            lines(&network, boards.iter().map(|(s, h)| (s, h)))
        };
        let published = [NameState::Published; 3];
        for (avahi, line) in [
            (AvahiState::Running, "Names on the network: published."),
            (
                AvahiState::Absent,
                "Names on the network: none, because Avahi is not running.",
            ),
            (
                AvahiState::Disabled,
                "Names on the network: not announced, as mdns.enabled = false says.",
            ),
        ] {
            assert_eq!(said(avahi, &published), [line]);
        }
        let some = said(
            AvahiState::Running,
            &[NameState::Waiting, NameState::Published],
        );
        assert_eq!(
            some,
            [
                "cpy-000001.local is not published yet: there is no network to publish it on.",
                "cpy-000003.local is not published yet: the network is being asked for it.",
            ]
        );
    }
}
