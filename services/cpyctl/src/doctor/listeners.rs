//! Who listens on a TCP port, from `/proc/net/tcp` (proc(5)) and what processes have open.

use std::path::Path;

use super::machine::Machine;
use super::processes::{self, Process};
use crate::tcp_table::{TABLES, listening};

/// The processes that listen on this port, on any address. Empty also where they may not be seen.
pub(super) fn on_port(machine: &Machine, port: u16) -> Vec<Process> {
    let sockets: Vec<String> = TABLES
        .iter()
        .flat_map(|table| sockets(&machine.text(table).unwrap_or_default(), port))
        .collect();
    let is_one = |file: &Path| {
        file.to_str()
            .is_some_and(|file| sockets.iter().any(|s| s == file))
    };
    processes::holding(machine, is_one)
}

/// Whether nobody listens on this port, as far as the machine tells.
pub(super) fn is_free(machine: &Machine, port: u16) -> bool {
    let tables: Vec<String> = TABLES
        .iter()
        .filter_map(|table| machine.text(table))
        .collect();
    !tables.is_empty() && tables.iter().all(|table| sockets(table, port).is_empty())
}

/// The listening sockets on a port, as links in `/proc/PID/fd` call them.
fn sockets(table: &str, port: u16) -> Vec<String> {
    let on_port = listening(table).filter(|socket| socket.port == port);
    on_port
        .map(|socket| format!("socket:[{}]", socket.inode))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::machine::fake::Fake;
    use super::*;
    use crate::tcp_table::tests::TABLE;

    #[test]
    fn only_who_listens_on_the_port_counts() {
        let fake = Fake::new();
        fake.file("/proc/net/tcp", TABLE);
        for (id, name, socket) in [(7, "nginx", 4711), (8, "curl", 4712), (9, "other", 4713)] {
            fake.file(&format!("/proc/{id}/comm"), name)
                .link(&format!("/proc/{id}/fd/3"), format!("socket:[{socket}]"));
        }
        let found = on_port(&fake.machine, 80);
        assert!(found.len() == 1 && found[0].is("nginx"), "{found:?}");
        assert!(on_port(&fake.machine, 81).is_empty());
        assert!(!is_free(&fake.machine, 80) && is_free(&fake.machine, 81));
        assert!(!is_free(&Fake::new().machine, 81), "nobody knows");
    }
}
