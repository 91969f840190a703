//! Whether the web server answers where it is to, and who is in its place if it does not.

use std::net::SocketAddr;

use super::finding::{Examination, Finding, Kind};
use super::machine::Machine;
use super::processes::Process;
use super::units::Unit;
use super::{daemons, listeners, processes};
use crate::daemons::{Answer, Silence, here};

/// What gives http-gateway its port back. Its socket is not bound again by itself: the service wants it, and is down
/// while it is bound; restarting the socket too would be refused, for its service runs.
const RESTART: &str = "sudo systemctl restart cpy-http-gateway";

/// The unit for which systemd has the port.
const SOCKET: &str = "cpy-http-gateway.socket";

/// Whether http-gateway answers on the first of these addresses, and what it says of itself there.
pub(super) fn examine(
    machine: &Machine,
    listen: &[SocketAddr],
    answer: &Answer<()>,
    problems: &[String],
) -> Examination {
    let address = here(listen);
    let mut examination = Examination::new("Web", format!("http-gateway answers on {address}."));
    let findings = &mut examination.findings;
    match answer {
        Ok(()) => findings.extend(problems.iter().map(own)),
        Err(silence) => {
            let socket = Unit::look(machine, SOCKET);
            findings.push(unreached(machine, address.port(), silence, socket.as_ref()));
        }
    }
    examination
}

/// What http-gateway says of itself.
fn own(problem: &String) -> Finding {
    Finding::new(Kind::GatewayProblem, problem)
        .advise("When that is mended, let it try again: sudo systemctl reload cpy-http-gateway")
}

/// Why http-gateway does not answer on its port. Of its socket nothing is known where systemd does not run.
fn unreached(machine: &Machine, port: u16, silence: &Silence, socket: Option<&Unit>) -> Finding {
    let holders = listeners::on_port(machine, port);
    let is_ours = socket.is_none_or(|socket| socket.has_port(port));
    if !is_ours && holders.iter().any(Process::is_init) {
        return taken_by_socket(port);
    }
    let is_strange = |process: &&Process| !process.is("cpy-http-gateway") && !process.is_init();
    let strangers: Vec<&Process> = holders.iter().filter(is_strange).collect();
    let mut mains = strangers.iter().filter(|process| process.is_main());
    let stranger = mains.next().or(strangers.first());
    let runs = || processes::runs(machine, "cpy-http-gateway");
    match (silence, stranger) {
        (_, Some(stranger)) => taken(port, stranger),
        (Silence::Stranger(_), None) => taken_by_somebody(machine, port),
        (Silence::Elsewhere(_), None) => missing(port),
        (Silence::NotRunning(..), None) if runs() => missing(port),
        (silence, None) => daemons::silent(machine, "http-gateway", silence),
    }
}

/// http-gateway runs all the same, for the boards' own ports.
fn missing(port: u16) -> Finding {
    let sentence = format!("http-gateway runs without port {port}: another program had it.");
    Finding::new(Kind::PortMissing, sentence).advise(format!("Let it try again: {RESTART}"))
}

/// systemd listens for whatever will serve there.
fn taken_by_socket(port: u16) -> Finding {
    let finding = port_taken(port, "systemd for the socket of another unit").advise(format!(
        "`systemctl list-sockets` shows at port {port} which unit it is; end it: sudo systemctl disable --now UNIT"
    ));
    without(port, finding)
}

fn taken(port: u16, stranger: &Process) -> Finding {
    let finding = port_taken(port, &stranger.to_string());
    without(port, finding.advise(stranger.how_to_end()))
}

fn taken_by_somebody(machine: &Machine, port: u16) -> Finding {
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
    finding
        .advise(format!("Then let http-gateway have it: {RESTART}. Until then boards are reached at their own ports: cpyctl boards"))
        .advise(format!(
            "Or let the boards have another port than {port}, such as 8088: with `sudo systemctl edit {SOCKET}` write the \
             lines [Socket], ListenStream= (with nothing: that takes {port} away) and ListenStream=8088; in the \
             configuration, http.listen = [\"[::]:8088\"]; then {RESTART}"
        ))
}

#[cfg(test)]
mod tests {
    use super::super::machine::fake::Fake;
    use super::*;

    #[test]
    fn whoever_took_the_port_is_named_where_that_can_be_seen() {
        let listen: [SocketAddr; 1] = ["[::]:80".parse().unwrap()];
        let address = here(&listen);
        let mut fake = Fake::new();
        fake.machine.is_seen_by_root = false;
        let stranger = Err(Silence::Stranger(address));
        let unseen = examine(&fake.machine, &listen, &stranger, &[]);
        assert_eq!(unseen.kinds(), [Kind::PortTaken]);
        assert!(unseen.findings[0].advice()[0].contains("sudo cpyctl doctor"));
        // Root would be sent round in a circle.
        fake.machine.is_seen_by_root = true;
        let unseen = examine(&fake.machine, &listen, &stranger, &[]);
        assert!(!unseen.findings[0].advice()[0].contains("cpyctl doctor"));
        let silent = Err(Silence::NotRunning(
            "http-gateway".into(),
            "nothing answers".into(),
        ));
        assert_eq!(
            examine(&fake.machine, &listen, &silent, &[]).kinds(),
            [Kind::DaemonNotRunning]
        );
        let socket = "0: 00000000:0050 00000000:0000 0A 0:0 00:0 0 0 0 4711 1";
        fake.file("/proc/net/tcp", &format!("heading\n {socket}"))
            .file("/proc/5/comm", "worker\n")
            .file("/proc/5/status", "PPid:\t7\n")
            .link("/proc/5/fd/3", "socket:[4711]")
            .file("/proc/7/status", "PPid:\t1\n")
            .file("/proc/7/comm", "python3\n")
            .link("/proc/7/fd/3", "socket:[4711]");
        for silence in [&stranger, &silent] {
            let taken = examine(&fake.machine, &listen, silence, &[]);
            let finding = &taken.findings[0];
            assert_eq!(
                finding.problem(),
                "Port 80 is taken by python3 (process 7), so the web server cannot have it."
            );
            assert_eq!(finding.advice()[0], "End it: sudo kill 7");
        }
        fake.file("/proc/7/comm", "cpy-http-gatewa\n")
            .file("/proc/5/comm", "cpy-http-gatewa\n");
        let missing = examine(&fake.machine, &listen, &silent, &[]);
        assert_eq!(missing.kinds(), [Kind::PortMissing]);
        assert_eq!(examine(&fake.machine, &listen, &Ok(()), &[]).kinds(), []);
        let elsewhere = Err(Silence::Elsewhere(address));
        let missing = examine(&Fake::new().machine, &listen, &elsewhere, &[]);
        assert_eq!(missing.kinds(), [Kind::PortMissing]);
    }

    #[test]
    fn what_http_gateway_says_of_itself_is_repeated() {
        let listen: [SocketAddr; 1] = ["[::]:80".parse().unwrap()];
        let problem = "The gateway cannot listen on 10.0.0.1:8080: another program has it.";
        let said = examine(&Fake::new().machine, &listen, &Ok(()), &[problem.into()]);
        assert_eq!(said.kinds(), [Kind::GatewayProblem]);
        assert_eq!(said.findings[0].problem(), problem);
    }

    #[test]
    fn a_port_that_systemd_has_for_another_unit_is_said_to_be_taken() {
        let fake = Fake::new();
        let socket = "0: 00000000:0050 00000000:0000 0A 0:0 00:0 0 0 0 4711 1";
        fake.file("/proc/net/tcp", &format!("heading\n {socket}"))
            .file("/proc/1/comm", "systemd\n")
            .link("/proc/1/fd/3", "socket:[4711]")
            .file("/proc/9/comm", "cpy-http-gatewa\n");
        let silence = Silence::Elsewhere("127.0.0.1:80".parse().unwrap());
        let failed = Unit::parse("ActiveState=failed\nListen=[::]:80 (Stream)\n");
        let finding = unreached(&fake.machine, 80, &silence, Some(&failed));
        assert_eq!(finding.id(), Kind::PortTaken);
        assert!(finding.problem().contains("taken by systemd for"));
        assert!(finding.advice()[0].contains("systemctl list-sockets"));
        let own = Unit::parse("ActiveState=active\nListen=[::]:80 (Stream)\n");
        for socket in [Some(&own), None] {
            let finding = unreached(&fake.machine, 80, &silence, socket);
            assert_eq!(finding.id(), Kind::PortMissing);
        }
    }

    #[test]
    fn another_port_is_a_recipe_that_is_whole() {
        let finding = taken_by_socket(80);
        let recipe = finding.advice().last().unwrap();
        for part in [
            "systemctl edit cpy-http-gateway.socket",
            "[Socket], ListenStream= (",
            "ListenStream=8088",
            "http.listen = [\"[::]:8088\"]",
            "systemctl restart cpy-http-gateway",
        ] {
            assert!(recipe.contains(part), "{part}: {recipe}");
        }
    }
}
