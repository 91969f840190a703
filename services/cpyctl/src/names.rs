//! How the boards' names do on the network, in lines for a person.

use cpy_board::status::{AvahiState, NameState, NameStatus, NetworkStatus};
use cpy_board::{Hostname, Serial};

/// What to say of the names of these boards.
pub(crate) fn lines<'a>(
    network: &NetworkStatus,
    boards: impl IntoIterator<Item = (&'a Serial, &'a Hostname)>,
) -> Vec<String> {
    let all = |what: &str| vec![format!("Names on the network: {what}.")];
    match network.avahi {
        AvahiState::Disabled => return all("not announced, as the configuration says"),
        AvahiState::Absent => return all("none, because Avahi is not running"),
        AvahiState::Running => {}
    }
    let lagging: Vec<String> = boards
        .into_iter()
        .filter_map(|(serial, hostname)| {
            let what = lag(network.boards.get(serial))?;
            Some(format!("{hostname}.local is {what}."))
        })
        .collect();
    if lagging.is_empty() {
        all("published")
    } else {
        lagging
    }
}

/// What a name lacks that is not published in whole. One that nobody spoke of yet is a board's that just came.
pub(crate) fn lag(name: Option<&NameStatus>) -> Option<String> {
    let asked = "not published yet: the network is being asked for it".to_owned();
    let Some(name) = name else {
        return Some(asked);
    };
    let reason = match name.reason.trim_end_matches('.') {
        "" => String::new(),
        reason => format!(" ({reason})"),
    };
    Some(match name.state {
        NameState::Published if reason.is_empty() => return None,
        NameState::Published => {
            format!("published, but not listed as a device: Avahi refuses that{reason}")
        }
        NameState::Refused => format!("not published: Avahi refuses it{reason}"),
        NameState::Taken => "taken by others on the network, as the names before it were: \
            the board tries its next one in a moment"
            .to_owned(),
        NameState::Waiting => "not published yet: there is no network to publish it on".to_owned(),
        NameState::Claiming => asked,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(avahi: AvahiState, states: &[(NameState, &str)]) -> Vec<String> {
        let boards: Vec<(Serial, Hostname)> = (1..=5)
            .map(|n| format!("A000000{n}").parse().unwrap())
            .map(|serial| (Hostname::plain(&serial), serial))
            .map(|(hostname, serial)| (serial, hostname))
            .collect();
        let names = boards
            .iter()
            .zip(states)
            .map(|((serial, hostname), (state, reason))| {
                let status = NameStatus {
                    hostname: hostname.clone(),
                    state: *state,
                    instance_name: None,
                    reason: (*reason).to_owned(),
                };
                (serial.clone(), status)
            });
        let network = NetworkStatus {
            avahi,
            boards: names.collect(),
        };
        lines(&network, boards.iter().map(|(s, h)| (s, h)))
    }

    #[test]
    fn one_line_says_how_all_names_do_where_all_do_alike() {
        for (avahi, line) in [
            (AvahiState::Running, "Names on the network: published."),
            (
                AvahiState::Absent,
                "Names on the network: none, because Avahi is not running.",
            ),
            (
                AvahiState::Disabled,
                "Names on the network: not announced, as the configuration says.",
            ),
        ] {
            assert_eq!(said(avahi, &[(NameState::Published, ""); 5]), [line]);
        }
    }

    #[test]
    fn each_name_that_lags_behind_has_a_line_with_its_own_cause() {
        let states = [
            (NameState::Waiting, ""),
            (NameState::Refused, "Invalid host name."),
            (NameState::Taken, ""),
            (NameState::Published, "Too many entries"),
        ];
        assert_eq!(
            said(AvahiState::Running, &states),
            [
                "cpy-000001.local is not published yet: there is no network to publish it on.",
                "cpy-000002.local is not published: Avahi refuses it (Invalid host name).",
                "cpy-000003.local is taken by others on the network, as the names before it were: \
                 the board tries its next one in a moment.",
                "cpy-000004.local is published, but not listed as a device: Avahi refuses that (Too many entries).",
                "cpy-000005.local is not published yet: the network is being asked for it.",
            ]
        );
        let refused = [
            &[(NameState::Refused, "")],
            &[(NameState::Published, ""); 4][..],
        ]
        .concat();
        assert_eq!(
            said(AvahiState::Running, &refused),
            ["cpy-000001.local is not published: Avahi refuses it."]
        );
    }
}
