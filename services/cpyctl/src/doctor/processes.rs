//! The processes of the machine: what runs, and who has something open. Of other users' processes only root sees
//! what they have open.

use std::fmt;
use std::path::Path;

use super::machine::Machine;

/// It looks at every device that comes, and a machine without it knows none.
const UDEV: &str = "systemd-udevd.service";

/// A running program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Process {
    id: u32,
    /// What the kernel calls it: at most 15 bytes of its name.
    name: String,
    /// The systemd service that it belongs to.
    unit: Option<String>,
    /// Whether systemd started it, and so ends it with its service.
    is_main: bool,
}

impl Process {
    fn new(machine: &Machine, id: u32) -> Option<Self> {
        Some(Self {
            id,
            name: machine.text(format!("/proc/{id}/comm"))?,
            unit: unit(
                &machine
                    .text(format!("/proc/{id}/cgroup"))
                    .unwrap_or_default(),
            ),
            is_main: is_child_of_init(
                &machine
                    .text(format!("/proc/{id}/status"))
                    .unwrap_or_default(),
            ),
        })
    }

    /// Whether this is the program of this name.
    pub(super) fn is(&self, name: &str) -> bool {
        name.get(..15).unwrap_or(name) == self.name
    }

    /// Whether this is systemd, which listens for others.
    pub(super) fn is_init(&self) -> bool {
        self.id == 1
    }

    /// Whether it is the process that a service is: others of it do their work for somebody.
    pub(super) fn is_main(&self) -> bool {
        self.is_main
    }

    /// How to get rid of it, in a sentence. Where it is one of many that a service has, as each container has its own,
    /// the service is not what is to end.
    pub(super) fn how_to_end(&self) -> String {
        match &self.unit {
            None => format!("End it: sudo kill {}", self.id),
            Some(unit) if unit == UDEV => {
                "It is udev's, and done in a moment: ask again then.".into()
            }
            Some(unit) if self.is_main => {
                format!("End it: sudo systemctl disable --now {unit}")
            }
            Some(unit) => format!("Stop what uses it: it belongs to {unit}."),
        }
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (process {})", self.name, self.id)
    }
}

/// Every process.
fn all(machine: &Machine) -> impl Iterator<Item = Process> {
    let ids = machine.names("/proc").into_iter();
    ids.filter_map(|name| Process::new(machine, name.parse().ok()?))
}

/// Whether a program of this name runs.
pub(super) fn runs(machine: &Machine, name: &str) -> bool {
    all(machine).any(|process| process.is(name))
}

/// The processes that have a file open whose name in `/proc/PID/fd` is of this kind.
pub(super) fn holding(machine: &Machine, is_it: impl Fn(&Path) -> bool) -> Vec<Process> {
    let holds = |process: &Process| {
        let directory = format!("/proc/{}/fd", process.id);
        machine.names(&directory).iter().any(|number| {
            machine
                .link(format!("{directory}/{number}"))
                .is_some_and(|file| is_it(&file))
        })
    };
    all(machine).filter(holds).collect()
}

/// Whether a process's status (proc(5)) says that systemd is its parent.
fn is_child_of_init(status: &str) -> bool {
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
    parent.is_some_and(|parent| parent.trim() == "1")
}

/// The service in a process's cgroups (cgroups(7)). Those of a user's own manager are none that root could stop.
fn unit(cgroups: &str) -> Option<String> {
    let mut paths = cgroups.lines().filter_map(|line| line.rsplit(':').next());
    let path = paths.find(|path| path.starts_with("/system.slice/"))?;
    let mut parts = path.split('/').rev();
    parts
        .find(|part| part.ends_with(".service"))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::super::machine::fake::Fake;
    use super::*;

    #[test]
    fn processes_are_known_by_name_and_by_what_they_hold() {
        let fake = Fake::new();
        fake.file("/proc/77/comm", "nginx\n")
            .file("/proc/77/cgroup", "0::/system.slice/nginx.service\n")
            .file("/proc/77/status", "Name:\tnginx\nPPid:\t1\n")
            .link("/proc/77/fd/5", "socket:[1234]")
            .file("/proc/78/comm", "cpy-http-gatewa\n")
            .file("/proc/self-made/comm", "no process\n");
        assert!(runs(&fake.machine, "nginx") && runs(&fake.machine, "cpy-http-gateway"));
        assert!(!runs(&fake.machine, "no process") && !runs(&fake.machine, "ngin"));
        let holders = holding(&fake.machine, |file| file == Path::new("socket:[1234]"));
        let [nginx] = &holders[..] else {
            panic!("{holders:?}")
        };
        assert_eq!(nginx.to_string(), "nginx (process 77)");
        assert_eq!(
            nginx.how_to_end(),
            "End it: sudo systemctl disable --now nginx.service"
        );
    }

    #[test]
    fn a_service_is_ended_only_where_the_process_is_the_service() {
        let process = |unit: Option<&str>, parent| Process {
            id: 9,
            name: "x".into(),
            unit: unit.map(str::to_owned),
            is_main: is_child_of_init(&format!("Name:\tx\nPPid:\t{parent}\n")),
        };
        for (unit, parent, advice) in [
            (None, 1, "End it: sudo kill 9"),
            (
                Some("nginx.service"),
                1,
                "End it: sudo systemctl disable --now nginx.service",
            ),
            (
                Some("docker.service"),
                71,
                "Stop what uses it: it belongs to docker.service.",
            ),
            (
                Some("systemd-udevd.service"),
                12,
                "It is udev's, and done in a moment: ask again then.",
            ),
            (
                Some("systemd-udevd.service"),
                1,
                "It is udev's, and done in a moment: ask again then.",
            ),
        ] {
            assert_eq!(process(unit, parent).how_to_end(), advice);
        }
    }

    #[test]
    fn a_service_is_the_systems_or_none() {
        for (cgroups, expected) in [
            ("0::/system.slice/ssh.service", Some("ssh.service")),
            (
                "0::/system.slice/system-x.slice/x@1.service",
                Some("x@1.service"),
            ),
            (
                "12:pids:/\n1:name=systemd:/system.slice/a.service/sub",
                Some("a.service"),
            ),
            (
                "0::/user.slice/user-1000.slice/user@1000.service/app.service",
                None,
            ),
            ("0::/", None),
            ("", None),
        ] {
            assert_eq!(unit(cgroups).as_deref(), expected, "{cgroups}");
        }
    }
}
