//! A port that http-gateway is to have and has not: who has it, and what gives it back.

use std::net::SocketAddr;

use super::finding::{Finding, Kind};
use super::machine::Machine;
use super::processes::Process;
use super::units::{RELOAD, Unit};

/// The unit for which systemd has the port.
pub(super) const SOCKET: &str = "cpy-http-gateway.socket";

/// What gives http-gateway a port below 1024. A socket that is active keeps the ports that it has, whatever its unit says
/// now, until it is bound anew; that is refused while its service runs, unless both are restarted together.
const RESTART: &str = "sudo systemctl restart cpy-gateway.target";

/// http-gateway runs all the same, for the boards' own ports.
pub(super) fn missing(address: SocketAddr, socket: Option<&Unit>) -> Finding {
    let sentence = format!("http-gateway runs without port {}.", address.port());
    Finding::new(Kind::PortMissing, sentence).advise(how_to_open(address, socket))
}

/// How http-gateway gets an address that it is to have.
pub(super) fn how_to_open(address: SocketAddr, socket: Option<&Unit>) -> String {
    let port = address.port();
    if !is_systemds(port) || socket.is_none_or(|socket| socket.names_port(port)) {
        return format!(
            "When no other program has it, let http-gateway try again: {}",
            regain(port)
        );
    }
    let stream = if address.ip().is_unspecified() {
        port.to_string()
    } else {
        address.to_string()
    };
    format!(
        "Only systemd opens ports below 1024: with `sudo systemctl edit {SOCKET}` write the lines [Socket] and \
         ListenStream={stream}; then {RESTART}"
    )
}

/// Whether no daemon may open the port itself.
fn is_systemds(port: u16) -> bool {
    port < 1024
}

/// What gives http-gateway its port when that is free: any from 1024 up it opens itself.
fn regain(port: u16) -> &'static str {
    if is_systemds(port) { RESTART } else { RELOAD }
}

/// systemd listens for whatever will serve there.
pub(super) fn taken_by_socket(port: u16) -> Finding {
    let finding = port_taken(port, "systemd for the socket of another unit").advise(format!(
        "`systemctl list-sockets` shows at port {port} which unit it is; end it: sudo systemctl disable --now UNIT"
    ));
    without(port, finding)
}

pub(super) fn taken(port: u16, stranger: &Process) -> Finding {
    let finding = port_taken(port, &stranger.to_string());
    without(port, finding.advise(stranger.how_to_end()))
}

pub(super) fn taken_by_somebody(machine: &Machine, port: u16) -> Finding {
    let advice = if machine.is_seen_by_root {
        format!(
            "It runs out of sight, as in a container; `sudo ss -ltnp sport = {port}` may say more. End it."
        )
    } else {
        "`sudo cpyctl doctor` says which one it is; end it.".into()
    };
    without(port, port_taken(port, "another program").advise(advice))
}

fn port_taken(port: u16, whom: &str) -> Finding {
    Finding::new(
        Kind::PortTaken,
        format!("Port {port} is taken by {whom}, so the web server cannot have it."),
    )
}

/// What to do when the port is free, and what if it is to stay taken.
fn without(port: u16, finding: Finding) -> Finding {
    let configured = "in the configuration, http.listen = [\"[::]:8088\"]";
    let another = if is_systemds(port) {
        format!(
            "with `sudo systemctl edit {SOCKET}` write the lines [Socket], ListenStream= (with nothing: that takes \
             {port} away) and ListenStream=8088; {configured}; then {RESTART}"
        )
    } else {
        format!("{configured}; then {RELOAD}")
    };
    finding
        .advise(format!(
            "Then let http-gateway have it: {}. Until then boards are reached at their own ports: cpyctl boards",
            regain(port)
        ))
        .advise(format!(
            "Or let the boards have another port than {port}, such as 8088: {another}"
        ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_port_is_a_recipe_that_is_whole() {
        let finding = taken_by_socket(80);
        let recipe = finding.advice().last().unwrap();
        for part in [
            "systemctl edit cpy-http-gateway.socket",
            "[Socket], ListenStream= (",
            "ListenStream=8088",
            "http.listen = [\"[::]:8088\"]",
            "systemctl restart cpy-gateway.target",
        ] {
            assert!(recipe.contains(part), "{part}: {recipe}");
        }
    }
}
