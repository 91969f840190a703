//! The listening sockets in the kernel's tables of TCP (`/proc/net/tcp` and `/proc/net/tcp6`, proc(5)).

use std::collections::BTreeSet;
use std::fs;

/// Where the tables are, one for each family. A process sees those of the network that it is in.
pub(crate) const TABLES: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];

/// `TCP_LISTEN` (`linux/tcp_states.h`).
const LISTEN: &str = "0A";

/// A socket that listens.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Listening<'a> {
    pub(crate) port: u16,
    /// Its number, as links in `/proc/PID/fd` have it.
    pub(crate) inode: &'a str,
}

/// Those in the text of a table.
pub(crate) fn listening(table: &str) -> impl Iterator<Item = Listening<'_>> {
    table.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (_, port) = fields.get(1)?.rsplit_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        let inode = fields.get(9)?;
        (*fields.get(3)? == LISTEN).then_some(Listening { port, inode })
    })
}

/// The ports of this machine that somebody listens on; none where it does not tell.
pub(crate) fn open_ports() -> Option<BTreeSet<u16>> {
    let tables = TABLES.map(|table| fs::read_to_string(table).ok());
    let tables: Vec<String> = tables.into_iter().flatten().collect();
    let all = tables.iter().flat_map(|table| listening(table));
    (!tables.is_empty()).then(|| all.map(|socket| socket.port).collect())
}

#[cfg(test)]
pub(crate) mod tests {
    use tokio::net::TcpSocket;

    use super::*;

    /// As the kernel writes it.
    pub(crate) const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0
   1: 0100007F:0050 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 20 4 30 10 -1
   2: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0 100 0 0 10 0";

    #[test]
    fn only_what_listens_counts() {
        let found: Vec<(u16, &str)> = listening(TABLE)
            .map(|socket| (socket.port, socket.inode))
            .collect();
        assert_eq!(found, [(80, "4711"), (8080, "4713")]);
    }

    #[tokio::test]
    async fn a_port_is_open_when_somebody_listens_there() {
        let sockets = [
            (TcpSocket::new_v4(), "127.0.0.1:0"),
            (TcpSocket::new_v6(), "[::1]:0"),
        ];
        for (socket, address) in sockets {
            let socket = socket.unwrap();
            if socket.bind(address.parse().unwrap()).is_err() {
                continue; // no IPv6
            }
            // It is nobody else's from here on.
            let port = socket.local_addr().unwrap().port();
            assert!(!open_ports().unwrap().contains(&port));
            let _listener = socket.listen(1).unwrap();
            assert!(open_ports().unwrap().contains(&port));
        }
    }
}
