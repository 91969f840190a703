//! Whether the web server answers where it is to, and who is in its place if it does not.

use std::net::SocketAddr;

use super::finding::{Examination, Finding, Kind};
use super::lost_port::{SOCKET, how_to_open, missing, taken, taken_by_socket, taken_by_somebody};
use super::machine::Machine;
use super::processes::Process;
use super::units::Unit;
use super::{daemons, listeners, processes};
use crate::daemons::{Answer, Silence, here};

/// Whether http-gateway answers on the first of these addresses, and what it says of itself, there or elsewhere.
pub(super) fn examine(
    machine: &Machine,
    listen: &[SocketAddr],
    answer: &Answer<()>,
    problems: &[String],
) -> Examination {
    let socket = Unit::look(machine, SOCKET);
    examine_with(machine, listen, answer, problems, socket.as_ref())
}

/// Of its socket nothing is known where systemd does not run.
fn examine_with(
    machine: &Machine,
    listen: &[SocketAddr],
    answer: &Answer<()>,
    problems: &[String],
    socket: Option<&Unit>,
) -> Examination {
    let address = here(listen);
    let mut examination = Examination::new("Web", format!("http-gateway answers on {address}."));
    let findings = &mut examination.findings;
    let missed = answer.as_ref().err().map(|silence| {
        let first = listen.first().copied().unwrap_or(address);
        findings.push(unreached(machine, first, silence, socket));
        first.port()
    });
    for problem in problems {
        let about = listen.iter().find(|address| is_about(problem, **address));
        // That its first port is missing has been said.
        if about.is_none_or(|address| Some(address.port()) != missed) {
            findings.push(own(problem, about, socket));
        }
    }
    examination
}

/// Whether a sentence of http-gateway's is about this address.
fn is_about(problem: &str, address: SocketAddr) -> bool {
    problem.contains(&format!(" {address}: "))
}

/// What http-gateway says of itself; of an address, where it says it of one.
fn own(problem: &str, address: Option<&SocketAddr>, socket: Option<&Unit>) -> Finding {
    let finding = Finding::new(Kind::GatewayProblem, problem);
    match address {
        Some(address) => finding.advise(how_to_open(*address, socket)),
        None => {
            finding.advise("http-gateway tries again by itself, and goes on when that is mended.")
        }
    }
}

/// Why http-gateway does not answer on its port.
fn unreached(
    machine: &Machine,
    address: SocketAddr,
    silence: &Silence,
    socket: Option<&Unit>,
) -> Finding {
    let port = address.port();
    let holders = listeners::on_port(machine, port);
    let has_init = holders.iter().any(Process::is_init);
    let is_ours = socket.is_some_and(|socket| socket.has_port(port));
    if has_init && socket.is_some() && !is_ours {
        return taken_by_socket(port);
    }
    let is_strange = |process: &&Process| !process.is("cpy-http-gateway") && !process.is_init();
    let strangers: Vec<&Process> = holders.iter().filter(is_strange).collect();
    let mut mains = strangers.iter().filter(|process| process.is_main());
    let stranger = mains.next().or(strangers.first());
    // systemd takes connections for a service that it cannot start, and gives the port up when that was too often.
    let is_systemds = has_init || is_ours || listeners::is_free(machine, port);
    let runs = || processes::runs(machine, "cpy-http-gateway");
    match (silence, stranger) {
        (_, Some(stranger)) => taken(port, stranger),
        (Silence::Stranger(_), None) if !is_systemds => taken_by_somebody(machine, port),
        (Silence::Elsewhere(_), None) => missing(address, socket),
        (Silence::Hangs(_), None) => daemons::silent(machine, "http-gateway", silence),
        (_, None) if runs() => missing(address, socket),
        (silence, None) => daemons::silent(machine, "http-gateway", silence),
    }
}

#[cfg(test)]
mod tests {
    use super::super::machine::fake::Fake;
    use super::*;

    fn any(port: u16) -> SocketAddr {
        (std::net::Ipv6Addr::UNSPECIFIED, port).into()
    }

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
    fn what_http_gateway_says_of_itself_is_repeated_with_what_mends_it() {
        let listen = ["[::]:80", "10.0.0.1:8080", "10.0.0.1:81"].map(|text| text.parse().unwrap());
        let fake = Fake::new();
        let socket = Unit::parse("ActiveState=active\nListen=[::]:80 (Stream)\n");
        for (problem, advice) in [
            (
                "The gateway cannot listen on [::]:80: it is not opened.",
                "restart cpy-gateway.target",
            ),
            (
                "The gateway cannot listen on 10.0.0.1:8080: another program has it.",
                "reload-or-restart cpy-http-gateway",
            ),
            (
                "The gateway cannot listen on 10.0.0.1:81: it is not opened.",
                "ListenStream=10.0.0.1:81; then sudo systemctl restart cpy-gateway.target",
            ),
            (
                "What is new cannot be remembered in /x: the disk is full.",
                "by itself",
            ),
        ] {
            let problems = [problem.to_owned()];
            let said = examine_with(&fake.machine, &listen, &Ok(()), &problems, Some(&socket));
            assert_eq!(said.kinds(), [Kind::GatewayProblem]);
            assert_eq!(said.findings[0].problem(), problem);
            let [step] = said.findings[0].advice() else {
                panic!("{said:?}")
            };
            assert!(step.contains(advice), "{step}");
        }
    }

    #[test]
    fn a_missing_port_hides_nothing_else_and_is_said_once() {
        let listen = ["[::]:80", "10.0.0.1:8080"].map(|text| text.parse().unwrap());
        let problems = listen.map(|address| format!("The gateway cannot listen on {address}: no."));
        let elsewhere = Err(Silence::Elsewhere(here(&listen)));
        let said = examine(&Fake::new().machine, &listen, &elsewhere, &problems);
        assert_eq!(said.kinds(), [Kind::PortMissing, Kind::GatewayProblem]);
        assert_eq!(said.findings[1].problem(), problems[1]);
    }

    #[test]
    fn a_service_that_systemd_cannot_start_is_no_other_program() {
        let fake = Fake::new();
        let silence = Silence::Stranger("127.0.0.1:80".parse().unwrap());
        let found = |fake: &Fake, socket: Option<&Unit>| {
            unreached(&fake.machine, any(80), &silence, socket).id()
        };
        let active = Unit::parse("ActiveState=active\nListen=[::]:80 (Stream)\n");
        let given_up = Unit::parse("ActiveState=failed\nListen=[::]:80 (Stream)\n");
        // Who is not root does not see what systemd holds.
        assert_eq!(found(&fake, Some(&active)), Kind::DaemonNotRunning);
        fake.file("/proc/net/tcp", "heading\n");
        assert_eq!(found(&fake, Some(&given_up)), Kind::DaemonNotRunning);
        let socket = "0: 00000000:0050 00000000:0000 0A 0:0 00:0 0 0 0 4711 1";
        fake.file("/proc/net/tcp", &format!("heading\n {socket}"));
        assert_eq!(found(&fake, Some(&given_up)), Kind::PortTaken);
        fake.file("/proc/1/comm", "systemd\n")
            .link("/proc/1/fd/3", "socket:[4711]");
        assert_eq!(found(&fake, Some(&active)), Kind::DaemonNotRunning);
        fake.file("/proc/7/comm", "nginx\n")
            .link("/proc/7/fd/3", "socket:[4711]");
        assert_eq!(found(&fake, Some(&active)), Kind::PortTaken);
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
        let finding = unreached(&fake.machine, any(80), &silence, Some(&failed));
        assert_eq!(finding.id(), Kind::PortTaken);
        assert!(finding.problem().contains("taken by systemd for"));
        assert!(finding.advice()[0].contains("systemctl list-sockets"));
        let own = Unit::parse("ActiveState=active\nListen=[::]:80 (Stream)\n");
        for socket in [Some(&own), None] {
            let finding = unreached(&fake.machine, any(80), &silence, socket);
            assert_eq!(finding.id(), Kind::PortMissing);
        }
    }
}
