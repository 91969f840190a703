//! Whether the web server answers where it is to, and who is in its place if it does not.

use std::net::SocketAddr;

use super::finding::{Examination, Finding, Kind};
use super::machine::Machine;
use super::processes::Process;
use super::{daemons, listeners, processes};
use crate::daemons::{Answer, Silence, here};

/// What gives http-gateway its port back. Its socket is not bound again by itself: the service wants it, and is down
/// while it is bound; restarting the socket too would be refused, for its service runs.
const RESTART: &str = "sudo systemctl restart cpy-http-gateway";

/// Whether http-gateway answers on the first of these addresses.
pub(super) fn examine(
    machine: &Machine,
    listen: &[SocketAddr],
    answer: &Answer<()>,
) -> Examination {
    let address = here(listen);
    let mut examination = Examination::new("Web", format!("http-gateway answers on {address}."));
    if let Err(silence) = answer {
        let strangers: Vec<Process> = listeners::on_port(machine, address.port())
            .into_iter()
            .filter(|process| !process.is("cpy-http-gateway") && !process.is_init())
            .collect();
        let runs = || processes::runs(machine, "cpy-http-gateway");
        let finding = match silence {
            Silence::Stranger(_) => taken(address.port(), &strangers),
            _ if !strangers.is_empty() => taken(address.port(), &strangers),
            Silence::Elsewhere(_) => missing(address.port()),
            Silence::NotRunning(..) if runs() => missing(address.port()),
            silence => daemons::silent(machine, "http-gateway", silence),
        };
        examination.findings.push(finding);
    }
    examination
}

/// http-gateway runs all the same, for the boards' own ports.
fn missing(port: u16) -> Finding {
    let sentence = format!("http-gateway runs without port {port}: another program had it.");
    Finding::new(Kind::PortMissing, sentence).advise(format!("Let it try again: {RESTART}"))
}

fn taken(port: u16, strangers: &[Process]) -> Finding {
    let finding = match strangers.first() {
        Some(stranger) => Finding::new(
            Kind::PortTaken,
            format!("Port {port} is taken by {stranger}, so the web server cannot have it."),
        )
        .advise(format!("End it: {}", stranger.how_to_end())),
        None => Finding::new(
            Kind::PortTaken,
            format!("Port {port} is taken by another program, so the web server cannot have it."),
        )
        .advise("`sudo cpyctl doctor` says which one it is; end it."),
    };
    finding
        .advise(format!("Then let http-gateway have it: {RESTART}. Until then boards are reached at their own ports: cpyctl boards"))
        .advise(format!("Or let the boards have another port than {port}: http.listen in the configuration, and ListenStream= in `sudo systemctl edit cpy-http-gateway.socket`."))
}

#[cfg(test)]
mod tests {
    use super::super::machine::fake::Fake;
    use super::*;

    #[test]
    fn whoever_took_the_port_is_named_where_that_can_be_seen() {
        let listen: [SocketAddr; 1] = ["[::]:80".parse().unwrap()];
        let address = here(&listen);
        let fake = Fake::new();
        let stranger = Err(Silence::Stranger(address));
        let unseen = examine(&fake.machine, &listen, &stranger);
        assert_eq!(unseen.kinds(), [Kind::PortTaken]);
        assert!(unseen.findings[0].advice()[0].contains("sudo cpyctl doctor"));
        let silent = Err(Silence::NotRunning(
            "http-gateway".into(),
            "nothing answers".into(),
        ));
        assert_eq!(
            examine(&fake.machine, &listen, &silent).kinds(),
            [Kind::DaemonNotRunning]
        );
        let socket = "0: 00000000:0050 00000000:0000 0A 0:0 00:0 0 0 0 4711 1";
        fake.file("/proc/net/tcp", &format!("heading\n {socket}"))
            .file("/proc/7/comm", "python3\n")
            .link("/proc/7/fd/3", "socket:[4711]");
        for silence in [&stranger, &silent] {
            let taken = examine(&fake.machine, &listen, silence);
            let finding = &taken.findings[0];
            assert_eq!(
                finding.problem(),
                "Port 80 is taken by python3 (process 7), so the web server cannot have it."
            );
            assert_eq!(finding.advice()[0], "End it: sudo kill 7");
        }
        fake.file("/proc/7/comm", "cpy-http-gatewa\n");
        let missing = examine(&fake.machine, &listen, &silent);
        assert_eq!(missing.kinds(), [Kind::PortMissing]);
        assert_eq!(examine(&fake.machine, &listen, &Ok(())).kinds(), []);
        let elsewhere = Err(Silence::Elsewhere(address));
        let missing = examine(&Fake::new().machine, &listen, &elsewhere);
        assert_eq!(missing.kinds(), [Kind::PortMissing]);
    }
}
