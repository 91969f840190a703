//! Addresses as a client can use them: from the host that it asked for and the connection it came by.

use std::net::SocketAddr;

use cpy_board::Hostname;

use crate::boards::{Board, Boards};
use crate::host::{HostName, RequestHost};
use crate::refusal::Refusal;

/// The web's port, which addresses leave out.
const WEB: u16 = 80;

/// A client's view of the gateway.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Links<'a> {
    pub(crate) host: &'a RequestHost,
    /// The address and port of ours that the client connected to.
    pub(crate) local: SocketAddr,
    /// The first port that all boards answer on, if there is one.
    pub(crate) main_port: Option<u16>,
}

impl Links<'_> {
    /// The address of ours that the client connected to.
    pub(crate) fn ip(&self) -> String {
        self.local.ip().to_canonical().to_string()
    }

    /// Where a board is by its name, for a redirect: `cpy-1b2c3d.local`, with the port that the client used.
    pub(crate) fn authority(&self, hostname: &Hostname) -> String {
        with_port(
            &format!("{hostname}.local"),
            self.host.port.unwrap_or(self.local.port()),
        )
    }

    /// A board's address. A client that found the gateway by a `.local` name finds a board by its own; any
    /// other, by the board's port at the address that it used.
    pub(crate) fn board(&self, board: &Board) -> String {
        let here = match &self.host.name {
            HostName::Address(address) if address.is_ipv6() => format!("[{address}]"),
            HostName::Address(address) => address.to_string(),
            HostName::Domain(name) => name.clone(),
            HostName::Unnamed => self.ip(),
        };
        let hostname = &board.hostname;
        // By its name a board answers on every port; at its own also where there is no other.
        let by_name = self.main_port.or(board.port).unwrap_or(WEB);
        let authority = match (here.rsplit_once('.'), board.port) {
            (Some((_, domain @ ("local" | "localhost"))), _) => {
                with_port(&format!("{hostname}.{domain}"), by_name)
            }
            (_, Some(port)) => with_port(&here, port),
            (_, None) => with_port(&format!("{hostname}.local"), by_name),
        };
        format!("http://{authority}/")
    }

    /// The port at which a board is found by its name: the one that it asked for and has, or the first that serves.
    pub(crate) fn port(&self, asked: Option<u16>, board: &Board) -> u16 {
        let own = asked.or(self.main_port).or(board.port);
        own.unwrap_or(self.local.port())
    }

    /// Why the gateway's own address has no answer for a board.
    pub(crate) fn which_board(&self, boards: &Boards) -> Refusal {
        if boards.attached().next().is_none() {
            Refusal::NoBoard
        } else {
            let host = &self.host.text;
            Refusal::SeveralBoards(if host.is_empty() {
                self.ip()
            } else {
                host.clone()
            })
        }
    }
}

fn with_port(name: &str, port: u16) -> String {
    if port == WEB {
        name.to_owned()
    } else {
        format!("{name}:{port}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boards::tests::board;
    use crate::host::tests::host;

    #[test]
    fn a_board_is_where_the_client_can_find_it() {
        for (asked, main_port, url) in [
            ("raspberrypi.local", 80, "http://cpy-00000a.local/"),
            (
                "cpy-00000b.local:8080",
                8080,
                "http://cpy-00000a.local:8080/",
            ),
            ("192.168.1.7", 80, "http://192.168.1.7:8001/"),
            ("[fd00::7]:8002", 80, "http://[fd00::7]:8001/"),
            ("raspberrypi", 80, "http://raspberrypi:8001/"),
            ("localhost:9000", 9000, "http://localhost:8001/"),
            (
                "cpy-00000b.localhost:9000",
                9000,
                "http://cpy-00000a.localhost:9000/",
            ),
        ] {
            let host = host(asked);
            let links = Links {
                host: &host,
                local: ([192, 168, 1, 7], main_port).into(),
                main_port: Some(main_port),
            };
            assert_eq!(
                links.board(&board("00000a", true, Some(8001))),
                url,
                "{asked}"
            );
        }
    }

    #[test]
    fn without_a_main_port_a_board_is_at_its_own() {
        let host = host("raspberrypi.local:8002");
        let links = Links {
            host: &host,
            local: ([192, 168, 1, 7], 8002).into(),
            main_port: None,
        };
        let board = board("00000a", true, Some(8001));
        assert_eq!(links.board(&board), "http://cpy-00000a.local:8001/");
    }

    #[test]
    fn a_redirect_keeps_the_port_that_the_client_used() {
        let hostname = "cpy-00000a".parse().unwrap();
        for (asked, local, authority) in [
            ("circuitpython.local", 80, "cpy-00000a.local"),
            ("circuitpython.local", 8080, "cpy-00000a.local:8080"),
            ("circuitpython.local:80", 8080, "cpy-00000a.local"),
            ("circuitpython.local:8081", 80, "cpy-00000a.local:8081"),
        ] {
            let host = host(asked);
            let links = Links {
                host: &host,
                local: ([127, 0, 0, 1], local).into(),
                main_port: Some(local),
            };
            assert_eq!(links.authority(&hostname), authority, "{asked}");
        }
    }
}
