//! How the boards' names do on the network: a word for each, and a sentence where something is wrong.

use cpy_board::status::{AvahiState, NameState, NetworkStatus};
use serde::Serialize;

use crate::boards::{Board, Boards};
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
    Waiting,
    /// The configuration says that names are not announced.
    Disabled,
    /// The daemon that knows does not answer.
    Unknown,
}

impl Network {
    pub(crate) fn of(board: &Board, answer: &NetworkAnswer) -> Self {
        let state = word(board, answer);
        let name = format!("the name {}.local", board.hostname);
        let problem = board
            .attached
            .then(|| problem(answer, state == Word::Waiting, &name))
            .flatten();
        Self {
            state,
            problem: problem.unwrap_or_default(),
        }
    }
}

/// What is wrong with the names of all boards.
pub(crate) fn problem_of_all(boards: &Boards, answer: &NetworkAnswer) -> Option<String> {
    let mut attached = boards.attached();
    let one_waits = attached.any(|board| word(board, answer) == Word::Waiting);
    problem(answer, one_waits, "the boards' names")
}

fn word(board: &Board, answer: &NetworkAnswer) -> Word {
    let Ok(status) = answer else {
        return Word::Unknown;
    };
    if status.avahi == AvahiState::Disabled {
        return Word::Disabled;
    }
    let Some(name) = status.boards.get(&board.serial) else {
        // It came, or left, a moment ago.
        return if status.avahi == AvahiState::Running && board.attached {
            Word::Claiming
        } else {
            Word::Waiting
        };
    };
    match name.state {
        NameState::Waiting | NameState::Refused => Word::Waiting,
        // Its new name has not come here yet.
        _ if name.hostname != board.hostname => Word::Claiming,
        NameState::Claiming | NameState::Taken => Word::Claiming,
        NameState::Published => Word::Published,
    }
}

/// Why `names`, a name or several, cannot be found.
fn problem(answer: &NetworkAnswer, waits: bool, names: &str) -> Option<String> {
    let why = match answer {
        Err(refusal) => {
            return Some(format!(
                "{refusal} So {names} may not be found on the network."
            ));
        }
        Ok(status) => match status.avahi {
            AvahiState::Absent => "Avahi is not running on the gateway",
            AvahiState::Running if waits => {
                "The gateway is on no network where it could announce them"
            }
            AvahiState::Running | AvahiState::Disabled => return None,
        },
    };
    Some(format!(
        "{why}, so {names} cannot be found on the network. Each board's own port at the gateway's address works without names."
    ))
}

#[cfg(test)]
mod tests {
    use cpy_board::Daemon;
    use cpy_board::status::NameStatus;

    use super::*;
    use crate::boards::tests::board;

    fn answer(avahi: AvahiState, board: &Board, state: NameState) -> NetworkStatus {
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
            assert_eq!(problem_of_all(&boards, &answer), None);
        }
    }

    #[test]
    fn what_keeps_a_name_from_the_network_is_said_for_one_board_and_once_for_all() {
        let board = board("00000a", true, None);
        let boards = Boards::new([board.clone()], &[]);
        let absent = Ok(answer(AvahiState::Absent, &board, NameState::Waiting));
        let offline = Ok(answer(AvahiState::Running, &board, NameState::Waiting));
        let silent = Err(Refusal::NotRunning(Daemon::MdnsAdvertiser));
        for (answer, word, cause) in [
            (absent, Word::Waiting, "Avahi is not running"),
            (offline, Word::Waiting, "on no network"),
            (
                silent,
                Word::Unknown,
                "name service (mdns-advertiser) is not running",
            ),
        ] {
            let network = Network::of(&board, &answer);
            assert_eq!(network.state, word);
            let problem = network.problem;
            assert!(
                problem.contains(cause) && problem.contains("cpy-00000a.local"),
                "{problem}"
            );
            let all = problem_of_all(&boards, &answer).unwrap();
            assert!(
                all.contains(cause) && all.contains("the boards' names"),
                "{all}"
            );
        }
    }

    #[test]
    fn a_name_that_the_authority_has_not_taken_up_or_just_changed_is_being_claimed() {
        let (board, newcomer) = (board("00000a", true, None), board("00000b", true, None));
        let mut answer = answer(AvahiState::Running, &board, NameState::Published);
        let name = answer.boards.get_mut(&board.serial).unwrap();
        name.hostname = "cpy-abcdef".parse().unwrap();
        for board in [board, newcomer] {
            let network = Network::of(&board, &Ok(answer.clone()));
            assert_eq!(
                (network.state, network.problem),
                (Word::Claiming, String::new())
            );
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
}
