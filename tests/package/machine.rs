//! What a person does with a machine: installs the package, plugs boards in, opens pages.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Suite;
use crate::container::Container;
use crate::deb::{VERSION, deb, native, output, script};

/// What runs on a machine with the package.
pub(crate) const UNITS: [&str; 6] = [
    "cpy-serial-bridge.service",
    "cpy-file-proxy.service",
    "cpy-mdns-advertiser.service",
    "cpy-http-gateway.service",
    "cpy-http-gateway.socket",
    "cpy-gateway.target",
];

/// A Debian machine.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) container: Container,
}

/// A virtual board that is plugged in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Board {
    serial: &'static str,
    pub(crate) host: &'static str,
}

/// The answer to a request.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: String,
    pub(crate) body: String,
}

/// A board, called as the last six digits of its serial number say.
pub(crate) const BOARD: Board = Board {
    serial: "E6614C311B7E6F35",
    host: "cpy-7e6f35.local",
};

impl Machine {
    /// A machine without the package, which lies in root's directory.
    pub(crate) fn boot(suite: Suite) -> Self {
        let container = Container::boot(suite);
        container.put(&deb(&native()), "/root/cpy-gateway.deb");
        Self { container }
    }

    /// A machine with the package, whose password is returned too.
    pub(crate) fn with_package(suite: Suite) -> (Self, String) {
        let machine = Self::boot(suite);
        machine.install();
        machine.is_up();
        let password = machine.run("cpyctl password").trim().to_owned();
        (machine, password)
    }

    /// Installs the package, and returns what is printed.
    pub(crate) fn install(&self) -> String {
        self.install_file("/root/cpy-gateway.deb")
    }

    /// Installs or upgrades from a file in the machine.
    pub(crate) fn install_file(&self, file: &str) -> String {
        self.apt(&format!("install {file}"))
    }

    /// Runs apt, as a person does.
    pub(crate) fn apt(&self, arguments: &str) -> String {
        self.run(&format!(
            "DEBIAN_FRONTEND=noninteractive apt-get --yes {arguments}"
        ))
    }

    /// Puts another file into root's directory.
    pub(crate) fn put(&self, file: &Path, name: &str) -> String {
        let at = format!("/root/{name}");
        self.container.put(file, &at);
        at
    }

    /// What a shell's command prints, which must succeed.
    pub(crate) fn run(&self, shell: &str) -> String {
        self.container.run(shell)
    }

    /// Waits until all of it runs.
    pub(crate) fn is_up(&self) {
        for unit in UNITS {
            self.container
                .until(&format!("{unit} is active"), || self.is_active(unit));
        }
    }

    pub(crate) fn is_active(&self, unit: &str) -> bool {
        self.container
            .succeeds(&format!("systemctl --quiet is-active {unit}"))
    }

    /// Plugs a board in: udev does nothing in a container, so its directory and the owners of its devices are made
    /// by hand. The drive is an image below /dev, where a daemon may write that sees the system read-only.
    pub(crate) fn plug(&self, board: Board) {
        let serial = board.serial;
        self.run(&format!(
            "systemd-run --quiet --unit=board-{serial} --working-directory=/root \
             /usr/libexec/cpy-gateway/cpy-virtual-board --boards-dir=/root/boards --serial={serial} \
             --image=/dev/{serial}.img"
        ));
        let made =
            format!("test -L /root/boards/{serial}/console -a -L /root/boards/{serial}/drive");
        self.container
            .until("the board is there", || self.container.succeeds(&made));
        self.run(&format!(
            "cd /root/boards/{serial} && chown _cpy-serial-bridge $(readlink -f console) && \
             chown _cpy-file-proxy $(readlink -f drive) && mkdir -p /dev/cpy-gateway && \
             cp -a . /dev/cpy-gateway/{serial}"
        ));
    }

    /// Unplugs it.
    pub(crate) fn unplug(&self, board: Board) {
        let serial = board.serial;
        self.run(&format!(
            "rm -r /dev/cpy-gateway/{serial}; systemctl stop board-{serial}"
        ));
    }

    /// Asks for a page at a port, by a name.
    pub(crate) fn page(&self, host: &str, port: u16, path: &str, password: &str) -> Page {
        let mut curl = self.container.visitor("curl");
        curl.args([
            "--silent",
            "--max-time",
            "30",
            "--user",
            &format!(":{password}"),
        ]);
        curl.args([
            "--header",
            &format!("Host: {host}"),
            "--write-out",
            "\n%{http_code}",
        ]);
        curl.arg(format!("http://127.0.0.1:{port}{path}"));
        let said = curl.output().expect("curl is installed");
        let said = String::from_utf8_lossy(&said.stdout);
        let (body, status) = said.rsplit_once('\n').expect("curl writes the status");
        Page {
            status: status.to_owned(),
            body: body.to_owned(),
        }
    }

    /// Waits until the board's files are served at port 80, with this password.
    pub(crate) fn serves(&self, board: Board, password: &str) {
        let mut last = None;
        self.container.until(&format!("{board} is served"), || {
            let page = self.page(board.host, 80, "/fs/code.py", password);
            let is_served = page.status == "200" && page.body.contains("print(");
            if last.as_ref() != Some(&page.status) {
                eprintln!("{board}: {}", page.status);
                last = Some(page.status);
            }
            is_served
        });
    }

    /// The process of each daemon.
    pub(crate) fn processes(&self) -> Vec<String> {
        let services = UNITS.iter().filter(|unit| unit.ends_with(".service"));
        services
            .map(|unit| self.run(&format!("systemctl show --property MainPID --value {unit}")))
            .collect()
    }

    /// What a package could leave there.
    pub(crate) fn inventory(&self) -> BTreeSet<String> {
        let inventory = self.put(&script("inventory"), "inventory");
        self.run(&inventory)
            .lines()
            .map(ToOwned::to_owned)
            .collect()
    }
}

impl fmt::Display for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.host)
    }
}

/// A package with another version and the same contents.
pub(crate) fn newer_deb(directory: &Path) -> PathBuf {
    let newer = directory.join("newer.deb");
    let mut repack = Command::new(script("repack"));
    output(
        repack
            .arg(deb(&native()))
            .arg(format!("{VERSION}.1"))
            .arg(&newer),
    );
    newer
}
