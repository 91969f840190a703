//! `cpyctl doctor` on gateways that are well, and on gateways that are not.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use cpy_tests::gateway::PASSWORD;
use cpy_tests::process::program;
use cpy_tests::{Gateway, Network, wait};
use serde_json::Value;

const SERIAL: &str = "E6614C311B7E6F35";
const UNANNOUNCED: &str = "[mdns]\nenabled = false";

/// A gateway that runs without names on the network.
async fn unannounced() -> Gateway {
    let mut gateway = Gateway::stopped(UNANNOUNCED);
    for daemon in cpy_tests::gateway::DAEMONS {
        gateway.start_daemon(daemon);
    }
    gateway.answers().await;
    gateway
}

/// What the doctor says of a gateway on the machine with this tree; whether its exit code means the same.
fn doctor(mut cpyctl: Command, gateway: &Gateway, root: &Path) -> Value {
    cpyctl
        .arg("--config")
        .arg(gateway.config_file())
        .args(["doctor", "--json", "--root"])
        .arg(root);
    let output = cpyctl.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let report: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{output:?}"));
    assert_eq!(
        output.status.success(),
        report["well"] == true,
        "{report:#}"
    );
    report
}

/// A machine that has nothing: what is wrong with the one that runs the test is not the test's business.
fn bare() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn look(gateway: &Gateway) -> Value {
    doctor(Command::new(program("cpyctl")), gateway, bare().path())
}

/// The findings' names.
fn ids(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .map(|finding| finding["id"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_gateway_that_is_well_is_said_to_be() {
    let gateway = unannounced().await;
    let board = gateway.plug(SERIAL, &[]).await;
    let report = look(&gateway);
    assert!(ids(&report).is_empty(), "{report:#}");
    let mut words = Command::new(program("cpyctl"));
    let root = bare();
    words.arg("--config").arg(gateway.config_file());
    let output = words
        .args(["doctor", "--root"])
        .arg(root.path())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.ends_with("\nAll is well.\n"), "{text}");
    assert!(text.contains(board.hostname().as_str()), "{text}");
    // A disk that cannot be written ends daemons: it is read of first.
    let place = |about: &str| text.find(&format!("\n{about} ")).unwrap();
    assert!(place("Storage") < place("Daemons"), "{text}");
    drop(board);
    let gone = wait::until("the board is gone", async || {
        let report = look(&gateway);
        (!ids(&report).is_empty()).then_some(report)
    });
    assert_eq!(ids(&gone.await), ["no-board"]);
}

#[tokio::test]
async fn each_daemon_that_was_killed_is_named() {
    let mut gateway = unannounced().await;
    let _board = gateway.plug(SERIAL, &[]).await;
    for (number, daemon) in cpy_tests::gateway::DAEMONS.into_iter().enumerate() {
        gateway.kill(daemon);
        let report = look(&gateway);
        assert_eq!(
            ids(&report),
            vec!["daemon-not-running"; number + 1],
            "{report:#}"
        );
        let name = daemon.trim_start_matches("cpy-");
        let text = report.to_string();
        assert!(text.contains(&format!("{name} is not running")), "{text}");
    }
}

#[tokio::test]
async fn a_write_protected_drive_is_found_with_its_board() {
    let gateway = unannounced().await;
    let _board = gateway.plug(SERIAL, &["--read-only"]).await;
    let report = look(&gateway);
    assert_eq!(ids(&report), ["drive-write-protected"], "{report:#}");
    assert_eq!(report["findings"][0]["board"], SERIAL);
}

#[tokio::test]
async fn a_board_without_a_console_is_found() {
    let gateway = unannounced().await;
    let _board = gateway.plug_unready(SERIAL, &["--no-console"]);
    let report = wait::until("its drive is read", async || {
        let report = look(&gateway);
        let found = ids(&report);
        (!found.contains(&"no-board") && !found.contains(&"drive-silent")).then_some(report)
    })
    .await;
    assert_eq!(ids(&report), ["no-console"], "{report:#}");
}

#[tokio::test]
async fn who_took_the_port_is_named() {
    let mut gateway = Gateway::stopped(UNANNOUNCED);
    for daemon in ["cpy-serial-bridge", "cpy-file-proxy"] {
        gateway.start_daemon(daemon);
    }
    let _board = gateway.plug_unready(SERIAL, &[]);
    let _taken = TcpListener::bind(gateway.address()).unwrap();
    let report = doctor(Command::new(program("cpyctl")), &gateway, Path::new("/"));
    assert!(ids(&report).contains(&"port-taken"), "{report:#}");
    let text = report.to_string();
    assert!(
        text.contains(&format!("(process {})", std::process::id())),
        "{text}"
    );
}

#[tokio::test]
async fn who_has_no_port_of_the_gateways_is_sent_to_the_boards_own() {
    let mut gateway = Gateway::stopped(UNANNOUNCED);
    let taken = TcpListener::bind(gateway.address()).unwrap();
    std::thread::spawn(move || taken.incoming().for_each(drop));
    for daemon in cpy_tests::gateway::DAEMONS {
        gateway.start_daemon(daemon);
    }
    let _board = gateway.plug_unready(SERIAL, &[]);
    let said = wait::until("the board has a port", async || {
        let mut cpyctl = Command::new(program("cpyctl"));
        cpyctl.arg("--config").arg(gateway.config_file());
        let output = cpyctl.args(["boards", "--json"]).output().unwrap();
        let boards: Value = serde_json::from_slice(&output.stdout).unwrap();
        boards[0]["port"].as_u64()?;
        Some(String::from_utf8(output.stderr).unwrap())
    })
    .await;
    let reached = format!("not reached at {}", gateway.address());
    assert!(said.contains(&reached), "{said}");
    assert!(!said.contains("not running"), "{said}");
    let report = doctor(Command::new(program("cpyctl")), &gateway, Path::new("/"));
    assert!(ids(&report).contains(&"port-taken"), "{report:#}");
    assert!(!ids(&report).contains(&"daemon-not-running"), "{report:#}");
}

#[tokio::test]
async fn avahi_is_missed_until_it_runs() {
    let network = Network::new();
    let mut pi = network.host_without_avahi("pi");
    let gateway = Gateway::start_on(&pi).await;
    let _board = gateway.plug(SERIAL, &[]).await;
    let root = bare();
    let cpyctl = program("cpyctl");
    let cpyctl = cpyctl.to_str().unwrap();
    let report = doctor(pi.command(cpyctl), &gateway, root.path());
    assert_eq!(ids(&report), ["avahi-not-installed"], "{report:#}");
    std::fs::create_dir_all(root.path().join("usr/sbin")).unwrap();
    std::fs::write(root.path().join("usr/sbin/avahi-daemon"), "").unwrap();
    let report = doctor(pi.command(cpyctl), &gateway, root.path());
    assert_eq!(ids(&report), ["avahi-not-running"], "{report:#}");
    pi.start_avahi();
    wait::until("all is well", async || {
        let report = doctor(pi.command(cpyctl), &gateway, root.path());
        ids(&report).is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_password_that_http_gateway_could_not_read_is_its_own_finding() {
    let mut gateway = Gateway::stopped(UNANNOUNCED);
    let file = gateway.directory().join("password");
    let line = format!("password = \"{PASSWORD}\"");
    gateway.reconfigure(&line, &format!("password_file = \"{}\"", file.display()));
    std::fs::write(&file, "two\nlines\n").unwrap();
    for daemon in cpy_tests::gateway::DAEMONS {
        gateway.start_daemon(daemon);
    }
    gateway.answers().await;
    let _board = gateway.plug_unready(SERIAL, &[]);
    std::fs::write(&file, "right\n").unwrap();
    let report = wait::until("its drive is read", async || {
        let report = look(&gateway);
        (!ids(&report).contains(&"no-board") && !ids(&report).contains(&"drive-silent"))
            .then_some(report)
    })
    .await;
    assert_eq!(ids(&report), ["password-not-readable"], "{report:#}");
    let problem = report["findings"][0]["problem"].as_str().unwrap();
    assert!(problem.contains("one line"), "{problem}");
}

#[tokio::test]
async fn a_wrong_configuration_is_the_one_finding() {
    let gateway = Gateway::stopped("no_such_key = 1");
    let report = look(&gateway);
    assert_eq!(ids(&report), ["configuration-wrong"], "{report:#}");
    let problem = report["findings"][0]["problem"].as_str().unwrap();
    assert!(
        problem.contains("line 4") && problem.contains("no_such_key"),
        "{problem}"
    );
}
