//! What systemd says of the gateway's units.

use std::process::{Command, Stdio};

use super::machine::Machine;

/// How what belongs to the package is put back. No repository has it.
pub(super) const REINSTALL: &str = "install the package file again, from where it is: sudo apt install --reinstall ./cpy-gateway_*.deb";

/// What lets http-gateway look again at what it could not have, or read. Nothing is cut off by it where it runs.
pub(super) const RELOAD: &str = "sudo systemctl reload-or-restart cpy-http-gateway";

/// A unit's state (systemd's D-Bus interface, org.freedesktop.systemd1(5)).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Unit {
    load: String,
    active: String,
    result: String,
    file: String,
    /// Of a socket, where it listens: `[::]:80 (Stream)`.
    listen: Vec<String>,
}

impl Unit {
    /// The unit of this name; none where systemd does not run.
    pub(super) fn look(machine: &Machine, name: &str) -> Option<Self> {
        let properties = "--property=LoadState,ActiveState,Result,UnitFileState,Listen";
        let shown = machine
            .has_systemd()
            .then(|| output("systemctl", &["show", properties, name]))??;
        Some(Self::parse(&shown))
    }

    pub(super) fn parse(shown: &str) -> Self {
        let values = |key: &'static str| {
            let pairs = shown.lines().filter_map(|line| line.split_once('='));
            let found = pairs.filter(move |(name, _)| *name == key);
            found.map(|(_, value)| value.to_owned())
        };
        let value = |key| values(key).next().unwrap_or_default();
        Self {
            load: value("LoadState"),
            active: value("ActiveState"),
            result: value("Result"),
            file: value("UnitFileState"),
            listen: values("Listen").collect(),
        }
    }

    /// Its state in a few words; none where there is no such unit, or none that says anything.
    pub(super) fn words(&self) -> Option<String> {
        match (self.load.as_str(), self.active.as_str()) {
            ("not-found" | "", _) | (_, "") => None,
            ("masked", _) => Some("its unit is masked".into()),
            (_, active) if matches!(self.result.as_str(), "" | "success") => {
                Some(format!("its unit is {active}"))
            }
            (_, active) => Some(format!("its unit is {active}: {}", self.result)),
        }
    }

    /// Whether it runs.
    pub(super) fn is_active(&self) -> bool {
        self.active == "active"
    }

    /// Whether it is kept from being started at all.
    pub(super) fn is_masked(&self) -> bool {
        self.load == "masked"
    }

    /// Whether systemd is to listen on this TCP port for it.
    pub(super) fn names_port(&self, port: u16) -> bool {
        let end = format!(":{port} (Stream)");
        self.listen.iter().any(|place| place.ends_with(&end))
    }

    /// Whether systemd listens on this TCP port for it.
    pub(super) fn has_port(&self, port: u16) -> bool {
        self.is_active() && self.names_port(port)
    }

    /// What starts it.
    pub(super) fn how_to_start(&self, name: &str) -> String {
        match (self.load.as_str(), self.file.as_str()) {
            ("not-found", _) => format!("Its unit is missing: {REINSTALL}"),
            ("masked", _) => format!(
                "Let it run again: sudo systemctl unmask {name} && sudo systemctl start {name}"
            ),
            // It hangs, or is an old one.
            _ if self.is_active() => {
                format!("Start it anew: sudo systemctl restart {name}")
            }
            // It was killed, or ends as often as it starts.
            _ if self.active == "activating" => format!(
                "systemd starts it again, which takes a second: ask again then. If it stays so, its log says why: \
                 sudo journalctl -u {name} -n 20"
            ),
            (_, "disabled") => {
                format!("Start it, also after each boot: sudo systemctl enable --now {name}")
            }
            _ => format!("Start it: sudo systemctl restart {name}"),
        }
    }
}

/// The last line that a service itself has logged.
pub(super) fn last_words(machine: &Machine, name: &str) -> Option<String> {
    let of_it = format!("_SYSTEMD_UNIT={name}");
    let arguments = ["--quiet", "--no-pager", "--output=cat", "--lines=1", &of_it];
    let words = machine
        .has_systemd()
        .then(|| output("journalctl", &arguments))??;
    let line = words.lines().last()?.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    let output = command.output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_has_its_ports_while_it_is_active() {
        let socket = |active| {
            let listen = "Listen=/run/x (Stream)\nListen=[::]:80 (Stream)";
            Unit::parse(&format!("ActiveState={active}\n{listen}\n"))
        };
        assert!(socket("active").has_port(80) && !socket("active").has_port(8080));
        let failed = socket("failed");
        assert!(!failed.has_port(80) && failed.names_port(80) && !failed.names_port(8080));
    }

    #[test]
    fn a_units_state_is_said_with_what_mends_it() {
        let unit = |load, active, result, file| {
            Unit::parse(&format!(
                "LoadState={load}\nActiveState={active}\nResult={result}\nUnitFileState={file}\n"
            ))
        };
        for (unit, words, mend) in [
            (
                unit("loaded", "failed", "exit-code", "enabled"),
                Some("its unit is failed: exit-code"),
                "systemctl restart x",
            ),
            (
                unit("loaded", "inactive", "success", "disabled"),
                Some("its unit is inactive"),
                "enable --now x",
            ),
            (
                unit("masked", "inactive", "success", "masked"),
                Some("its unit is masked"),
                "unmask x",
            ),
            (
                unit("not-found", "inactive", "success", ""),
                None,
                "--reinstall ./cpy-gateway_*.deb",
            ),
            (
                unit("loaded", "activating", "signal", "enabled"),
                Some("its unit is activating: signal"),
                "systemd starts it again",
            ),
            (
                unit("loaded", "active", "success", "disabled"),
                Some("its unit is active"),
                "Start it anew: sudo systemctl restart x",
            ),
            (Unit::parse(""), None, "Start it: sudo systemctl restart"),
        ] {
            assert_eq!(unit.words().as_deref(), words);
            assert!(unit.how_to_start("x").contains(mend), "{unit:?}");
        }
    }
}
