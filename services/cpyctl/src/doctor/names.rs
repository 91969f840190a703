//! Whether the boards' names are on the network.

use std::os::unix::net::UnixStream;

use cpy_board::Serial;
use cpy_board::status::{AvahiState, NameState, NetworkStatus};

use super::boards::Board;
use super::finding::{Examination, Finding, Kind};
use super::machine::Machine;
use super::units::Unit;
use crate::daemons::Answer;
use crate::names;

/// Where avahi-daemon answers (`AVAHI_SOCKET` in its source).
const AVAHI: &str = "/run/avahi-daemon/socket";

/// Its units: either of them starts it, and without the socket it does not start.
const UNITS: [&str; 2] = ["avahi-daemon.service", "avahi-daemon.socket"];

/// Whether Avahi runs, and has published all names.
pub(super) fn examine(
    machine: &Machine,
    network: &Answer<NetworkStatus>,
    boards: &[Board<'_>],
) -> Examination {
    let fine = if boards.is_empty() {
        "Avahi runs."
    } else {
        "all published."
    };
    let mut examination = Examination::new("Names", fine);
    let runs = UnixStream::connect(machine.path(AVAHI)).is_ok();
    match network {
        Ok(network) if network.avahi == AvahiState::Disabled => {
            examination.fine = Some("not announced, as the configuration says.".into());
        }
        Ok(network) if network.avahi == AvahiState::Running => {
            let lagging = boards.iter().filter_map(|board| lagging(network, board));
            let mut waiting = Vec::new();
            for lagging in lagging {
                match lagging {
                    Lagging::Wrong(finding) => examination.findings.push(finding),
                    Lagging::Waiting(board, name) => waiting.push((board, name)),
                    Lagging::Yet(sentence) => examination.unknown.push(sentence),
                }
            }
            examination.findings.extend(no_network(&waiting));
            if !examination.unknown.is_empty() {
                examination.fine = None;
            }
        }
        Ok(_) if runs => examination.findings.push(
            Finding::new(Kind::AvahiNotReached, "Avahi runs, and mdns-advertiser does not reach it over D-Bus, so no board has a name on the network.")
                .advise("Look for enable-dbus=no in /etc/avahi/avahi-daemon.conf, and take it out.")
                .advise("Then: sudo systemctl restart dbus.socket avahi-daemon"),
        ),
        // Where mdns-advertiser says nothing, that is said elsewhere; Avahi is a matter of its own.
        Err(_) if runs => examination.fine = Some("Avahi runs.".into()),
        Ok(_) | Err(_) => examination.findings.push(no_avahi(machine)),
    }
    examination
}

fn no_avahi(machine: &Machine) -> Finding {
    let addresses = "Until then boards are reached at this machine's address and their own ports: cpyctl boards";
    if machine.has("/usr/sbin/avahi-daemon") {
        let sentence = "Avahi is not running, so no board has a name on the network.";
        Finding::new(Kind::AvahiNotRunning, sentence)
            .advise(how_to_start(&UNITS.map(|unit| Unit::look(machine, unit))))
            .advise(addresses)
    } else {
        let sentence = "Avahi is not installed, so no board has a name on the network.";
        Finding::new(Kind::AvahiNotInstalled, sentence)
            .advise("Install it: sudo apt install avahi-daemon")
            .advise(addresses)
    }
}

/// What starts Avahi, by its units.
fn how_to_start(units: &[Option<Unit>; 2]) -> String {
    let start = "sudo systemctl enable --now avahi-daemon";
    if units.iter().flatten().any(Unit::is_masked) {
        let all = UNITS.join(" ");
        format!("Its unit is masked; let it run again: sudo systemctl unmask {all} && {start}")
    } else {
        format!("Start it: {start}")
    }
}

/// A name that is not published in whole.
enum Lagging {
    Wrong(Finding),
    /// There is no network, which is no board's own trouble.
    Waiting(Serial, String),
    /// The network is being asked, which takes a second.
    Yet(String),
}

fn lagging(network: &NetworkStatus, board: &Board<'_>) -> Option<Lagging> {
    let status = network.boards.get(board.serial());
    let sentence = format!(
        "{}.local is {}.",
        board.listed.hostname,
        names::lag(status)?
    );
    let (kind, advice) = match status.map(|status| status.state) {
        None | Some(NameState::Claiming) => return Some(Lagging::Yet(sentence)),
        Some(NameState::Published | NameState::Refused) => (
            Kind::NameRefused,
            "Look at avahi-daemon's own log, journalctl -u avahi-daemon -n 20, and start it again: sudo systemctl restart avahi-daemon",
        ),
        Some(NameState::Taken) => (
            Kind::NameTaken,
            "Wait a minute; the new name is then in `cpyctl boards`. If it goes on, look for a machine that answers for every name.",
        ),
        Some(NameState::Waiting) => {
            let name = format!("{}.local", board.listed.hostname);
            return Some(Lagging::Waiting(board.serial().clone(), name));
        }
    };
    Some(Lagging::Wrong(
        Finding::new(kind, sentence)
            .of(board.serial())
            .advise(advice),
    ))
}

/// One finding, however many names wait for a network.
fn no_network(waiting: &[(Serial, String)]) -> Option<Finding> {
    let (are, them) = match waiting {
        [] => return None,
        [_] => ("is", "it"),
        _ => ("are", "them"),
    };
    let (boards, names): (Vec<Serial>, Vec<String>) = waiting.iter().cloned().unzip();
    let names = names.join(", ");
    let sentence =
        format!("{names} {are} not published yet: there is no network to publish {them} on.");
    Some(Finding::new(Kind::NameWaiting, sentence).of_all(boards).advise(
        "Connect this machine to a network; if it is, look at mdns.interfaces in the configuration.",
    ))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use cpy_board::status::NameStatus;

    use super::super::boards::sample::{Case, listed};
    use super::*;
    use crate::daemons::Silence;

    fn examined(case: &Case, network: &Answer<NetworkStatus>) -> Examination {
        case.examined(|machine, boards, _, _| examine(machine, network, boards))
    }

    fn network(avahi: AvahiState, state: NameState, reason: &str) -> NetworkStatus {
        let serial = "A0000001".parse().unwrap();
        let name = NameStatus {
            hostname: cpy_board::Hostname::plain(&serial),
            state,
            instance_name: None,
            reason: reason.into(),
        };
        NetworkStatus {
            avahi,
            boards: [(serial, name)].into(),
        }
    }

    #[test]
    fn no_avahi_is_told_by_what_mends_it() {
        let case = Case::new();
        let absent = Ok(network(AvahiState::Absent, NameState::Waiting, ""));
        let silent = Err(Silence::Hangs("mdns-advertiser".into()));
        for answer in [&absent, &silent] {
            assert_eq!(examined(&case, answer).kinds(), [Kind::AvahiNotInstalled]);
        }
        case.fake.file("/usr/sbin/avahi-daemon", "");
        assert_eq!(examined(&case, &absent).kinds(), [Kind::AvahiNotRunning]);
        case.fake.file("/run/avahi-daemon/pid", "7");
        let _avahi = UnixListener::bind(case.fake.root().join("run/avahi-daemon/socket")).unwrap();
        assert_eq!(examined(&case, &absent).kinds(), [Kind::AvahiNotReached]);
        assert_eq!(examined(&case, &silent).kinds(), []);
        let disabled = Ok(network(AvahiState::Disabled, NameState::Waiting, ""));
        assert_eq!(examined(&case, &disabled).kinds(), []);
    }

    #[test]
    fn masked_units_are_unmasked_before_avahi_is_started() {
        let unit = |load| {
            Some(Unit::parse(&format!(
                "LoadState={load}\nActiveState=inactive\n"
            )))
        };
        let start = "sudo systemctl enable --now avahi-daemon";
        assert_eq!(how_to_start(&[None, None]), format!("Start it: {start}"));
        let loaded = how_to_start(&[unit("loaded"), unit("loaded")]);
        assert_eq!(loaded, format!("Start it: {start}"));
        for units in [["masked", "loaded"], ["loaded", "masked"]] {
            let said = how_to_start(&units.map(unit));
            let unmask = "sudo systemctl unmask avahi-daemon.service avahi-daemon.socket && ";
            assert!(said.ends_with(&format!("{unmask}{start}")), "{said}");
        }
    }

    #[test]
    fn names_that_others_have_or_avahi_refuses_are_wrong_and_new_ones_are_not() {
        let case = Case::new();
        for (state, reason, kinds) in [
            (NameState::Published, "", &[][..]),
            (
                NameState::Published,
                "Too many entries",
                &[Kind::NameRefused],
            ),
            (
                NameState::Refused,
                "Invalid host name",
                &[Kind::NameRefused],
            ),
            (NameState::Taken, "", &[Kind::NameTaken]),
            (NameState::Waiting, "", &[Kind::NameWaiting]),
            (NameState::Claiming, "", &[]),
        ] {
            let examination = examined(&case, &Ok(network(AvahiState::Running, state, reason)));
            assert_eq!(examination.kinds(), kinds, "{state:?}");
            assert_eq!(
                examination.unknown.len(),
                usize::from(state == NameState::Claiming)
            );
        }
    }

    #[test]
    fn one_missing_network_is_one_finding_for_all_boards() {
        let mut case = Case::new();
        case.listed.push(listed("A0000002"));
        let mut network = network(AvahiState::Running, NameState::Waiting, "");
        let serial = case.listed[1].serial.clone();
        let mut name = network.boards.values().next().unwrap().clone();
        name.hostname = case.listed[1].hostname.clone();
        network.boards.insert(serial, name);
        let examination = examined(&case, &Ok(network));
        assert_eq!(examination.kinds(), [Kind::NameWaiting]);
        assert_eq!(
            examination.findings[0].problem(),
            "cpy-000001.local, cpy-000002.local are not published yet: there is no network to publish them on."
        );
        let json = serde_json::to_value(&examination.findings[0]).unwrap();
        let serials = serde_json::json!(["A0000001", "A0000002"]);
        assert_eq!(json["boards"], serials);
        let one = ("A0000001".parse().unwrap(), "cpy-000001.local".to_owned());
        assert_eq!(
            no_network(&[one]).unwrap().problem(),
            "cpy-000001.local is not published yet: there is no network to publish it on."
        );
    }
}
