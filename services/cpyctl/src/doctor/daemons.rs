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
    let service = format!("cpy-{name}.service");
    let unit = Unit::look(machine, &service);
    let restart = || match &unit {
        Some(unit) => unit.how_to_start(&service),
        None => format!(
            "Start cpy-{name} again. If it is a demo's: end that with Ctrl-C, and start it again."
        ),
    };
    // What systemd holds open for a service takes the question also while the service is down.
    let is_down = unit
        .as_ref()
        .is_some_and(|unit| unit.words().is_some() && !unit.is_active());
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
            let words = unit.as_ref().and_then(Unit::words);
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
