//! Whether the daemons run and answer.

use super::finding::{Examination, Finding, Kind};
use super::machine::Machine;
use super::units::{self, Unit};
use crate::daemons::Silence;
use crate::survey::Survey;

/// Whether the three daemons behind the web server answer, and mdns-advertiser only where names are announced.
pub(super) fn examine(machine: &Machine, survey: &Survey) -> Examination {
    let mut examination = Examination::new("Daemons", "all answer.");
    let silences = [
        ("serial-bridge", survey.consoles.as_ref().err()),
        ("file-proxy", survey.drives.as_ref().err()),
        ("mdns-advertiser", survey.network.as_ref().err()),
    ];
    for (name, silence) in silences {
        match silence {
            None => {}
            Some(Silence::Forbidden(_)) => examination.unknown.push(format!(
                "how {name} does: only root and the gateway's users may ask; use sudo."
            )),
            Some(silence) => examination.findings.push(silent(machine, name, silence)),
        }
    }
    if !examination.unknown.is_empty() {
        examination.fine = None;
    }
    examination
}

/// A daemon that says nothing of use.
pub(super) fn silent(machine: &Machine, name: &str, silence: &Silence) -> Finding {
    let unit = Unit::look(machine, &service(name));
    silent_with(machine, name, silence, unit.as_ref())
}

fn service(name: &str) -> String {
    format!("cpy-{name}.service")
}

/// Of its unit nothing is known where systemd does not run.
fn silent_with(machine: &Machine, name: &str, silence: &Silence, unit: Option<&Unit>) -> Finding {
    let service = service(name);
    let restart = || match unit {
        Some(unit) => unit.how_to_start(&service),
        None => format!(
            "Start cpy-{name} again. If it is a demo's: end that with Ctrl-C, and start it again."
        ),
    };
    // What systemd holds open for a service takes the question also while the service is down.
    let is_down = unit.is_some_and(|unit| unit.words().is_some() && !unit.is_active());
    match silence {
        Silence::Hangs(_) if !is_down => {
            Finding::new(Kind::DaemonHangs, format!("{silence}.")).advise(restart())
        }
        Silence::OtherVersion(_) => {
            Finding::new(Kind::DaemonOfAnotherVersion, format!("{silence}.")).advise(format!(
                "It was not started again after an upgrade. {}",
                restart()
            ))
        }
        Silence::Hangs(_)
        | Silence::Forbidden(_)
        | Silence::NotRunning(..)
        | Silence::Unreached(_)
        | Silence::Stranger(_)
        | Silence::Elsewhere(_) => {
            let words = unit.and_then(Unit::words);
            let state = words.map(|words| format!(" ({words})")).unwrap_or_default();
            let mut finding = Finding::new(
                Kind::DaemonNotRunning,
                format!("{name} is not running{state}."),
            );
            if let Some(words) = units::last_words(machine, &service) {
                finding = finding.advise(format!("The last that it said: {words}"));
            }
            finding.advise(restart())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::machine::fake::Fake;

    #[test]
    fn a_daemon_that_ends_as_often_as_it_starts_is_not_said_to_hang() {
        let hangs = Silence::Hangs("http-gateway".into());
        let found = |state: &str| {
            let shown = format!("LoadState=loaded\nActiveState={state}\nResult=exit-code\n");
            let unit = Unit::parse(&shown);
            let machine = &Fake::new().machine;
            let finding = silent_with(machine, "http-gateway", &hangs, Some(&unit));
            (finding.id(), finding.advice()[0].clone())
        };
        let (kind, advice) = found("activating");
        assert_eq!(kind, Kind::DaemonNotRunning);
        assert!(advice.contains("systemd starts it again"), "{advice}");
        assert_eq!(found("active").0, Kind::DaemonHangs);
    }

    #[test]
    fn each_kind_of_silence_is_another_finding() {
        let fake = Fake::new();
        let name = || "file-proxy".to_owned();
        for (silence, kind) in [
            (Silence::Hangs(name()), Kind::DaemonHangs),
            (
                Silence::NotRunning(name(), "no socket".into()),
                Kind::DaemonNotRunning,
            ),
            (Silence::OtherVersion(name()), Kind::DaemonOfAnotherVersion),
        ] {
            let finding = silent(&fake.machine, "file-proxy", &silence);
            assert_eq!(finding.id(), kind);
            assert!(finding.problem().starts_with("file-proxy "), "{finding:?}");
            assert!(
                finding.advice()[0].contains("cpy-file-proxy"),
                "{finding:?}"
            );
        }
    }
}
