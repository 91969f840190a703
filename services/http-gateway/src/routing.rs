//! Which board a request is for: a pure function of the host it names and the port it came in on.

use std::net::IpAddr;
use std::sync::Arc;

use cpy_board::Hostname;

use crate::boards::{Board, Boards};
use crate::host::{HostName, RequestHost};

/// The name that leads to any board, as on a network of Wi-Fi boards (CircuitPython, workflows.md).
const NEUTRAL: &str = "circuitpython.local";

/// Where a request leads.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// To one board.
    Board(Arc<Board>),
    /// To the gateway itself: all boards.
    Overview,
    /// On to the name of some board.
    Neutral,
    /// To a host that is not here.
    Elsewhere,
}

/// What routing looks at, beside the host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// Who asks.
    pub(crate) client: IpAddr,
    /// The port of ours that they connected to.
    pub(crate) port: u16,
    /// Whether the path is one of those that only a board has.
    pub(crate) for_a_board: bool,
}

/// The names of the machine that the gateway runs on.
#[derive(Clone, Debug)]
pub(crate) struct OwnNames(Vec<String>);

impl OwnNames {
    /// From the system's node name, which may carry a domain.
    pub(crate) fn new(node: &str) -> Self {
        let full = node.trim_end_matches('.').to_ascii_lowercase();
        let short = full.split('.').next().unwrap_or_default().to_owned();
        let local = format!("{short}.local");
        Self(vec![full, short, local])
    }

    fn contain(&self, name: &str) -> bool {
        !name.is_empty() && self.0.iter().any(|own| own == name)
    }
}

/// Where a request for `host` leads.
pub(crate) fn route(
    host: &RequestHost,
    arrival: Arrival,
    boards: &Boards,
    own: &OwnNames,
) -> Route {
    let from_here = arrival.client.to_canonical().is_loopback();
    let name = match &host.name {
        HostName::Address(_) | HostName::Unnamed => return by_port(arrival, boards),
        HostName::Domain(name) => name.as_str(),
    };
    if name == NEUTRAL {
        return Route::Neutral;
    }
    if own.contain(name) || (name == "localhost" && from_here) {
        return by_port(arrival, boards);
    }
    let label = match name.strip_suffix(".local") {
        Some(label) => Some(label),
        None => name.strip_suffix(".localhost").filter(|_| from_here),
    };
    label
        .and_then(|label| label.parse::<Hostname>().ok())
        .and_then(|hostname| boards.named(&hostname))
        .map_or(Route::Elsewhere, |board| Route::Board(Arc::clone(board)))
}

/// An address or a name of this machine leads to the port's board, or to all of them.
fn by_port(arrival: Arrival, boards: &Boards) -> Route {
    let owner = boards.on_port(arrival.port);
    let sole = || boards.sole().filter(|_| arrival.for_a_board);
    owner
        .or_else(sole)
        .map_or(Route::Overview, |board| Route::Board(Arc::clone(board)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::boards::tests::board;
    use crate::host::tests::host;

    const NEAR: &str = "127.0.0.1";
    const FAR: &str = "192.168.1.50";

    fn boards() -> Boards {
        Boards::new(
            [
                board("00000a", true, Some(8001)),
                board("00000b", true, Some(8002)),
                board("00000c", false, Some(8003)),
            ],
            &[80],
        )
    }

    /// Where it leads, as a word.
    fn leads(
        boards: &Boards,
        host: &RequestHost,
        client: &str,
        port: u16,
        for_a_board: bool,
    ) -> String {
        let arrival = Arrival {
            client: client.parse().unwrap(),
            port,
            for_a_board,
        };
        match route(host, arrival, boards, &OwnNames::new("RaspberryPi.lan")) {
            Route::Board(board) => board.hostname.to_string(),
            other => format!("{other:?}").to_lowercase(),
        }
    }

    #[test]
    fn the_host_decides() {
        for (name, client, port, expected) in [
            ("cpy-00000a.local", FAR, 80, "cpy-00000a"),
            ("CPY-00000A.LOCAL.:8080", FAR, 8080, "cpy-00000a"),
            ("cpy-00000a.local", FAR, 8002, "cpy-00000a"),
            ("cpy-00000c.local", FAR, 80, "cpy-00000c"),
            ("cpy-00000d.local", FAR, 80, "elsewhere"),
            ("cpy-00000a", FAR, 80, "elsewhere"),
            ("cpy-00000a.local.evil", FAR, 80, "elsewhere"),
            ("x.cpy-00000a.local", FAR, 80, "elsewhere"),
            ("cpy-00000a.localhost:8000", NEAR, 8000, "cpy-00000a"),
            ("cpy-00000a.localhost", "::ffff:127.0.0.1", 80, "cpy-00000a"),
            ("cpy-00000a.localhost", FAR, 80, "elsewhere"),
            ("circuitpython.local", FAR, 80, "neutral"),
            ("CircuitPython.local:80", FAR, 8001, "neutral"),
            ("raspberrypi", FAR, 80, "overview"),
            ("raspberrypi.local", FAR, 80, "overview"),
            ("raspberrypi.lan", FAR, 80, "overview"),
            ("raspberrypi.evil", FAR, 80, "elsewhere"),
            ("RASPBERRYPI.local:8002", FAR, 8002, "cpy-00000b"),
            ("192.168.1.7", FAR, 80, "overview"),
            ("192.168.1.7:8001", FAR, 8001, "cpy-00000a"),
            ("[::1]:8003", NEAR, 8003, "cpy-00000c"),
            ("[fe80::1%25eth0]", FAR, 80, "overview"),
            ("localhost", NEAR, 80, "overview"),
            ("localhost:8001", NEAR, 8001, "cpy-00000a"),
            ("localhost", FAR, 80, "elsewhere"),
            ("example.org", FAR, 80, "elsewhere"),
            ("example.org:8001", FAR, 8001, "elsewhere"),
        ] {
            assert_eq!(
                leads(&boards(), &host(name), client, port, false),
                expected,
                "{name} from {client} on {port}"
            );
        }
    }

    #[test]
    fn a_board_that_is_alone_answers_for_the_machine() {
        let one = Boards::new(
            [board("00000a", true, None), board("00000c", false, None)],
            &[80],
        );
        let none = Boards::default();
        let pi = host("192.168.1.7");
        assert_eq!(leads(&one, &pi, FAR, 80, true), "cpy-00000a");
        assert_eq!(leads(&one, &pi, FAR, 80, false), "overview");
        assert_eq!(leads(&boards(), &pi, FAR, 80, true), "overview");
        assert_eq!(leads(&none, &pi, FAR, 80, true), "overview");
    }

    #[test]
    fn a_client_that_names_no_host_goes_by_the_port() {
        let unnamed = RequestHost {
            text: String::new(),
            name: HostName::Unnamed,
            port: None,
        };
        assert_eq!(leads(&boards(), &unnamed, FAR, 8002, false), "cpy-00000b");
        assert_eq!(leads(&boards(), &unnamed, FAR, 80, false), "overview");
    }

    #[test]
    fn a_machine_without_a_name_is_not_every_name() {
        let arrival = Arrival {
            client: FAR.parse().unwrap(),
            port: 80,
            for_a_board: false,
        };
        let found = route(&host("local"), arrival, &boards(), &OwnNames::new(""));
        assert_eq!(found, Route::Elsewhere);
    }

    proptest! {
        #[test]
        fn a_name_from_far_away_leads_to_a_board_only_if_it_is_the_boards(name in "[a-z0-9.-]{1,30}") {
            let host = host(&format!("x{name}"));
            if let HostName::Domain(_) = host.name {
                prop_assert_eq!(leads(&boards(), &host, FAR, 80, true), "elsewhere");
            }
        }
    }
}
