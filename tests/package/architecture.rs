//! The packages of both architectures hold the same, and programs that run.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::deb::{VERSION, deb, native, output};

const DAEMONS: [&str; 4] = [
    "cpy-serial-bridge",
    "cpy-file-proxy",
    "cpy-mdns-advertiser",
    "cpy-http-gateway",
];

/// The aims: bytes of the package, and KiB that it takes up installed.
const LARGEST: u64 = 5_000_000;
const LARGEST_INSTALLED: u64 = 15_000;

#[test]
fn programs_for_the_pi_run() {
    programs_run("arm64");
}

#[test]
fn programs_for_the_pc_run() {
    programs_run("amd64");
}

#[test]
fn both_packages_hold_the_same() {
    let [pc, pi] = ["amd64", "arm64"].map(|architecture| {
        let contents = output(
            Command::new("dpkg-deb")
                .arg("--contents")
                .arg(deb(architecture)),
        );
        let names = contents
            .lines()
            .filter_map(|line| line.split_whitespace().last());
        names.map(ToOwned::to_owned).collect::<BTreeSet<_>>()
    });
    assert_eq!(pc, pi);
}

#[test]
fn packages_are_small() {
    for architecture in ["amd64", "arm64"] {
        let deb = deb(architecture);
        let size = deb.metadata().expect("it is there").len();
        let installed = output(
            Command::new("dpkg-deb")
                .arg("--field")
                .arg(&deb)
                .arg("Installed-Size"),
        );
        let installed: u64 = installed.trim().parse().expect("a number");
        assert!(size <= LARGEST, "{architecture}: {size} bytes");
        assert!(
            installed <= LARGEST_INSTALLED,
            "{architecture}: {installed} KiB installed"
        );
    }
}

/// Each program of a package says its version, and each daemon that the configuration beside it is right. Where the
/// package is for another architecture, an emulator runs them.
fn programs_run(architecture: &str) {
    let root = tempfile::tempdir().expect("a temporary directory");
    output(
        Command::new("dpkg-deb")
            .arg("--extract")
            .arg(deb(architecture))
            .arg(root.path()),
    );
    let run = |program: &Path, argument: &str| {
        let mut command = emulator(architecture);
        command.arg(program).arg("--config");
        output(
            command
                .arg(root.path().join("etc/cpy-gateway/gateway.toml"))
                .arg(argument),
        )
    };
    let version = run(&root.path().join("usr/bin/cpyctl"), "--version");
    assert_eq!(version, format!("cpyctl {VERSION}\n"));
    for daemon in DAEMONS {
        run(
            &root.path().join("usr/libexec/cpy-gateway").join(daemon),
            "--check",
        );
    }
}

/// What a program of an architecture is put behind. `env` runs those of this machine's own.
fn emulator(architecture: &str) -> Command {
    if architecture == native() {
        return Command::new("env");
    }
    assert_eq!(architecture, "arm64", "there is no emulator for it");
    let mut emulator = Command::new("qemu-aarch64-static");
    emulator.args(["-L", "/usr/aarch64-linux-gnu"]);
    emulator
}
