//! How the boards' names do on the network: a word for each, and a sentence where something is wrong.

use cpy_board::Hostname;
use cpy_board::status::{AvahiState, NameState, NameStatus, NetworkStatus};
use serde::Serialize;

use crate::boards::{Board, Boards};
use crate::hindrance::{Hindrance, Names};
use crate::refusal::Refusal;

/// What mdns-advertiser says of names, or why it says nothing.
pub(crate) type NetworkAnswer = Result<NetworkStatus, Refusal>;

/// How a board's name does.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Network {
    state: Word,
    /// Empty when all is well.
    problem: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Published,
    Claiming,
    /// There is no Avahi, or no network.
    Waiting,
    /// Avahi does not publish it.
    Refused,
    /// Others have it.
    Taken,
    /// The configuration says that names are not announced.
    Disabled,
    /// The daemon that knows does not answer.
    Unknown,
}

impl Network {
    pub(crate) fn of(board: &Board, answer: &NetworkAnswer) -> Self {
        let hindrance = hindrance(board, answer).filter(|_| board.attached);
        let names = Names::new(&[&board.hostname], 1);
        Self {
            state: word(board, answer),
            problem: hindrance.map_or_else(String::new, |hindrance| hindrance.sentence(&names)),
        }
    }
}

/// What is wrong with the boards' names, said once where it is wrong with several.
pub(crate) fn problems_of_all(boards: &Boards, answer: &NetworkAnswer) -> Vec<String> {
    // What concerns everybody is said also while nobody is there.
    let mut met: Vec<(Hindrance<'_>, Vec<&Hostname>)> = Vec::new();
    met.extend(hindrance_of_all(answer).map(|hindrance| (hindrance, Vec::new())));
    for board in boards.attached() {
        let Some(hindrance) = hindrance(board, answer) else {
            continue;
        };
        match met.iter_mut().find(|(known, _)| *known == hindrance) {
            Some((_, names)) => names.push(&board.hostname),
            None => met.push((hindrance, vec![&board.hostname])),
        }
    }
    let total = boards.attached().count();
    met.iter()
        .map(|(hindrance, names)| hindrance.sentence(&Names::new(names, total)))
        .collect()
}

/// What a board is called: on the network, where boards of one kind are told apart, or else by itself.
pub(crate) fn instance_name<'a>(board: &'a Board, answer: &'a NetworkAnswer) -> &'a str {
    let known = answer.as_ref().ok();
    let name = known.and_then(|status| status.boards.get(&board.serial));
    name.and_then(|name| name.instance_name.as_deref())
        .unwrap_or_else(|| board.instance_name())
}

fn word(board: &Board, answer: &NetworkAnswer) -> Word {
    let Ok(status) = answer else {
        return Word::Unknown;
    };
    match status.avahi {
        AvahiState::Disabled => return Word::Disabled,
        AvahiState::Absent => return Word::Waiting,
        AvahiState::Running => {}
    }
    match current(board, status).map(|name| name.state) {
        Some(NameState::Published) => Word::Published,
        Some(NameState::Claiming) => Word::Claiming,
        Some(NameState::Refused) => Word::Refused,
        Some(NameState::Taken) => Word::Taken,
        // It came, left, or changed its name a moment ago.
        None if board.attached => Word::Claiming,
        Some(NameState::Waiting) | None => Word::Waiting,
    }
}

/// What is said of a board's name. Where it has another one already, which did not come here yet, only that there is
/// no network holds for both.
fn current<'a>(board: &Board, status: &'a NetworkStatus) -> Option<&'a NameStatus> {
    let name = status.boards.get(&board.serial)?;
    (name.hostname == board.hostname || name.state == NameState::Waiting).then_some(name)
}

fn hindrance<'a>(board: &Board, answer: &'a NetworkAnswer) -> Option<Hindrance<'a>> {
    if let Some(hindrance) = hindrance_of_all(answer) {
        return Some(hindrance);
    }
    let status = answer.as_ref().ok()?;
    if status.avahi == AvahiState::Disabled {
        return None;
    }
    let name = current(board, status)?;
    match name.state {
        NameState::Waiting => Some(Hindrance::NoNetwork),
        NameState::Refused => Some(Hindrance::Refused(&name.reason)),
        NameState::Taken => Some(Hindrance::Taken),
        NameState::Published if !name.reason.is_empty() => {
            Some(Hindrance::ServiceRefused(&name.reason))
        }
        NameState::Published | NameState::Claiming => None,
    }
}

/// What keeps every name from the network, whoever has one.
fn hindrance_of_all(answer: &NetworkAnswer) -> Option<Hindrance<'_>> {
    match answer {
        Err(refusal) => Some(Hindrance::Silence(refusal)),
        Ok(status) => (status.avahi == AvahiState::Absent).then_some(Hindrance::NoAvahi),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use cpy_board::Daemon;

    use super::*;
    use crate::boards::tests::board;

    /// An answer that speaks of one board.
    pub(crate) fn answer(avahi: AvahiState, board: &Board, state: NameState) -> NetworkStatus {
        let name = NameStatus {
            hostname: board.hostname.clone(),
            state,
            instance_name: None,
            reason: String::new(),
        };
        NetworkStatus {
            avahi,
            boards: [(board.serial.clone(), name)].into(),
        }
    }

    fn because(reason: &str, mut answer: NetworkStatus) -> NetworkStatus {
        for name in answer.boards.values_mut() {
            reason.clone_into(&mut name.reason);
        }
        answer
    }

    #[test]
    fn a_name_that_is_published_or_not_announced_on_purpose_is_no_problem() {
        let board = board("00000a", true, None);
        for (avahi, state, word) in [
            (AvahiState::Running, NameState::Published, Word::Published),
            (AvahiState::Running, NameState::Claiming, Word::Claiming),
            (AvahiState::Disabled, NameState::Waiting, Word::Disabled),
        ] {
            let answer = Ok(answer(avahi, &board, state));
            let network = Network::of(&board, &answer);
            assert_eq!((network.state, network.problem.as_str()), (word, ""));
            let boards = Boards::new([board.clone()], &[]);
            assert!(problems_of_all(&boards, &answer).is_empty());
        }
    }

    #[test]
    fn what_keeps_a_name_from_the_network_is_told_truly_of_the_board_and_of_all() {
        let board = board("00000a", true, None);
        let boards = Boards::new([board.clone()], &[]);
        let running = |state| answer(AvahiState::Running, &board, state);
        let absent = answer(AvahiState::Absent, &board, NameState::Waiting);
        for (answer, word, cause) in [
            (Ok(absent), Word::Waiting, "Avahi is not running"),
            (
                Ok(running(NameState::Waiting)),
                Word::Waiting,
                "on no network",
            ),
            (
                Ok(because("Invalid name", running(NameState::Refused))),
                Word::Refused,
                "(Invalid name)",
            ),
            (
                Ok(running(NameState::Taken)),
                Word::Taken,
                "Others on the network have",
            ),
            (
                Ok(because("Too many", running(NameState::Published))),
                Word::Published,
                "(Too many)",
            ),
            (
                Err(Refusal::NotRunning(Daemon::MdnsAdvertiser)),
                Word::Unknown,
                "name service (mdns-advertiser) is not running",
            ),
        ] {
            let network = Network::of(&board, &answer);
            assert_eq!(network.state, word);
            let problem = network.problem;
            assert!(
                problem.contains(cause) && problem.contains("the name cpy-00000a.local"),
                "{problem}"
            );
            assert_eq!(
                problem.contains("no network"),
                cause == "on no network",
                "{problem}"
            );
            assert_eq!(problems_of_all(&boards, &answer), [problem]);
        }
    }

    #[test]
    fn boards_with_one_hindrance_share_a_sentence_and_others_have_their_own() {
        let three = ["00000a", "00000b", "00000c"].map(|digits| board(digits, true, None));
        let boards = Boards::new(three.clone(), &[]);
        let all = |states: [(NameState, &str); 3]| {
            let mut all = answer(AvahiState::Running, &three[0], NameState::Claiming);
            for (board, (state, reason)) in three.iter().zip(states) {
                all.boards
                    .extend(because(reason, answer(AvahiState::Running, board, state)).boards);
            }
            problems_of_all(&boards, &Ok(all))
        };
        let problems = all([
            (NameState::Refused, "Invalid"),
            (NameState::Taken, ""),
            (NameState::Refused, "Invalid"),
        ]);
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(
            problems[0].contains("the names cpy-00000a.local and cpy-00000c.local"),
            "{problems:?}"
        );
        assert!(
            problems[1].contains("the name cpy-00000b.local"),
            "{problems:?}"
        );
        let problems = all([(NameState::Waiting, ""); 3]);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].contains("the boards' names"), "{problems:?}");
    }

    #[test]
    fn what_concerns_everybody_is_said_also_while_no_board_is_there() {
        let nobody = Ok(NetworkStatus {
            avahi: AvahiState::Absent,
            boards: [].into(),
        });
        let problems = problems_of_all(&Boards::default(), &nobody);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].contains("the boards' names"), "{problems:?}");
    }

    #[test]
    fn a_name_that_the_authority_has_not_taken_up_or_just_changed_is_being_claimed() {
        let (board, newcomer) = (board("00000a", true, None), board("00000b", true, None));
        for state in [NameState::Published, NameState::Refused, NameState::Taken] {
            let mut answer = because("No", answer(AvahiState::Running, &board, state));
            let name = answer.boards.get_mut(&board.serial).unwrap();
            name.hostname = "cpy-abcdef".parse().unwrap();
            for board in [&board, &newcomer] {
                let network = Network::of(board, &Ok(answer.clone()));
                assert_eq!(
                    (network.state, network.problem),
                    (Word::Claiming, String::new())
                );
            }
        }
    }

    #[test]
    fn a_board_that_left_has_nothing_to_complain_of() {
        let gone = board("00000a", false, None);
        let answer = Ok(NetworkStatus {
            avahi: AvahiState::Absent,
            boards: [].into(),
        });
        assert_eq!(Network::of(&gone, &answer).problem, "");
    }

    #[test]
    fn a_board_is_called_what_the_network_calls_it_as_soon_as_that_calls_it_anything() {
        let board = board("00000a", true, None);
        let mut answer = answer(AvahiState::Running, &board, NameState::Published);
        assert_eq!(instance_name(&board, &Ok(answer.clone())), "cpy-00000a");
        let name = answer.boards.get_mut(&board.serial).unwrap();
        name.instance_name = Some("Pico (cpy-00000a)".into());
        assert_eq!(instance_name(&board, &Ok(answer)), "Pico (cpy-00000a)");
        let silent = Err(Refusal::NotRunning(Daemon::MdnsAdvertiser));
        assert_eq!(instance_name(&board, &silent), "cpy-00000a");
    }
}
