//! `cpyctl demo` as a new user meets it, and `cpyctl boards` beside it.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use cpy_tests::http::Call;
use cpy_tests::process::program;
use cpy_tests::wait;
use rustix::process::{Pid, Signal, kill_process};

/// A demo that runs in a temporary directory of its own.
struct Demo {
    child: Child,
    directory: tempfile::TempDir,
    port: u16,
    said: String,
    password: String,
}

/// cpyctl with a place for its demo in this directory.
fn cpyctl(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program("cpyctl"));
    command
        .args(arguments)
        .env("TMPDIR", directory)
        .env_remove("XDG_RUNTIME_DIR")
        .stdin(Stdio::null());
    command
}

/// Whether it succeeded, and all that it said.
fn outcome(output: &Output) -> (bool, String) {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

impl Demo {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        // Other machines are none of a test's business, whether an Avahi runs here or not.
        let arguments = ["demo", "--local", "--port", &port.to_string()];
        let mut child = cpyctl(directory.path(), &arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        while !said.contains("Ctrl-C") {
            assert_ne!(
                output.read_line(&mut said).unwrap(),
                0,
                "the demo ended: {said}"
            );
        }
        // What is said is true from then on.
        TcpListener::bind(("127.0.0.1", port)).expect_err("the gateway listens");
        let password = said
            .lines()
            .find_map(|line| line.trim_start().strip_prefix("Password:"))
            .and_then(|rest| rest.split_whitespace().next())
            .expect("a password")
            .to_owned();
        // The rest, which is little, must have somewhere to go.
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        Self {
            child,
            directory,
            port,
            said,
            password,
        }
    }

    fn cpyctl(&self, arguments: &[&str]) -> (bool, String) {
        outcome(&cpyctl(self.directory.path(), arguments).output().unwrap())
    }

    fn get(&self, host: &str, target: &str) -> Call {
        let host = format!("{host}.localhost:{}", self.port);
        Call::new(([127, 0, 0, 1], self.port).into(), "GET", target).host(&host)
    }

    async fn status_becomes(&self, host: &str, status: u16) {
        wait::until(&format!("{host} gives {status}"), async || {
            let reply = self
                .get(host, "/fs/code.py")
                .password(&self.password)
                .try_send()
                .await
                .ok()?;
            (reply.status == status).then_some(())
        })
        .await;
    }

    /// Ctrl-C.
    fn interrupt(&mut self) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, Signal::INT).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn the_demo_serves_two_boards_and_leaves_nothing_behind() {
    let mut demo = Demo::start();
    let names = ["cpy-7e6f35", "cpy-8d8af2"];
    for name in names {
        let address = format!("http://{name}.localhost:{}/", demo.port);
        assert!(demo.said.contains(&address), "{}", demo.said);
        demo.status_becomes(name, 200).await;
    }
    assert_eq!(demo.password.len(), 8, "{}", demo.said);
    let network = "Names on the network: not announced";
    assert!(demo.said.contains(network), "{}", demo.said);
    assert!(demo.cpyctl(&["boards"]).1.contains(network));
    let (ok, said) = demo.cpyctl(&["check"]);
    let place = demo.directory.path().to_str().unwrap();
    assert!(ok && said.contains(place), "{said}");
    let table = wait::until("the boards are listed as running", async || {
        let (ok, table) = demo.cpyctl(&["boards"]);
        (ok && table.matches("Raspberry Pi Pico").count() == 2
            && table.matches("free").count() == 2)
            .then_some(table)
    })
    .await;
    assert!(table.starts_with("NAME"), "{table}");
    let (ok, json) = demo.cpyctl(&["boards", "--json"]);
    let boards: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(
        ok && boards[0]["hostname"] == names[0] && boards[0]["drive"]["writable"] == true,
        "{json}"
    );
    let port = boards[0]["port"].as_u64().expect("a port of its own");
    assert!(table.contains(&format!("  {port}  ")), "{table}");
    let own = ([127, 0, 0, 1], u16::try_from(port).unwrap()).into();
    let version = Call::new(own, "GET", "/cp/version.json")
        .host("localhost")
        .expect(200)
        .await;
    assert_eq!(version.json()["hostname"], names[0]);

    let (ok, said) = demo.cpyctl(&["demo", "unplug", names[0]]);
    assert!(ok, "{said}");
    demo.status_becomes(names[0], 503).await;
    assert!(!demo.cpyctl(&["boards"]).1.contains(names[0]));
    let (ok, said) = demo.cpyctl(&["demo", "unplug", names[0]]);
    assert!(!ok && said.contains("not plugged in"), "{said}");
    let (ok, said) = demo.cpyctl(&["demo", "plug", names[0]]);
    assert!(ok, "{said}");
    demo.status_becomes(names[0], 200).await;
    let (ok, said) = demo.cpyctl(&["demo", "unplug", "../../etc"]);
    assert!(!ok && said.contains("called by its name"), "{said}");
    let (ok, said) = demo.cpyctl(&["demo"]);
    assert!(!ok && said.contains("running already"), "{said}");

    assert_eq!(std::fs::read_dir(demo.directory.path()).unwrap().count(), 1);
    demo.interrupt();
    let mine = demo.directory.path().to_str().unwrap();
    let left: Vec<String> = processes()
        .into_iter()
        .filter(|line| line.contains(mine))
        .collect();
    assert!(left.is_empty(), "processes are left: {left:#?}");
    assert_eq!(std::fs::read_dir(demo.directory.path()).unwrap().count(), 0);
}

#[test]
fn a_port_that_is_taken_is_named_and_no_address_is_promised() {
    let directory = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = cpyctl(directory.path(), &["demo", "--port", &port]).output();
    let (ok, said) = outcome(&output.unwrap());
    assert!(
        !ok && said.contains(&format!("port {port} is taken")),
        "{said}"
    );
    assert!(!said.contains("http://"), "{said}");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn what_a_demo_cannot_do_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    for (arguments, reason) in [
        (vec!["demo", "--port", "0"], "--port"),
        (vec!["demo", "--port", "8064"], "8001-8064"),
        (vec!["demo", "--password", ""], "empty"),
        (
            vec!["demo", "--config", "/etc/cpy-gateway/gateway.toml"],
            "--config",
        ),
        (
            vec!["--config", "x", "demo", "unplug", "cpy-7e6f35"],
            "--config",
        ),
    ] {
        let output = cpyctl(directory.path(), &arguments).output().unwrap();
        let (ok, said) = outcome(&output);
        assert!(!ok && said.contains(reason), "{arguments:?}: {said}");
        assert!(!said.contains("http://"), "{said}");
    }
}

#[test]
fn a_wrong_configuration_is_placed_and_never_quoted() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("gateway.toml");
    let path = file.to_str().unwrap();
    for (text, place) in [
        ("[http]\npassword = \"topsecret\" x", "line 2, column 24"),
        (
            "[http]\npasword = \"topsecret\"",
            "line 2, column 1: unknown field `pasword`",
        ),
        (
            "[http]\npassword = \"topsecret\"\nlisten = []",
            "http.listen",
        ),
    ] {
        std::fs::write(&file, text).unwrap();
        let check = cpyctl(directory.path(), &["check", "--config", path]).output();
        let daemon = Command::new(program("cpy-http-gateway"))
            .args(["--config", path])
            .output();
        for output in [check.unwrap(), daemon.unwrap()] {
            let (ok, said) = outcome(&output);
            assert!(!ok && said.contains(place), "{text}: {said}");
            assert!(!said.contains("topsecret"), "{said}");
        }
    }
}

/// The command line of every process.
fn processes() -> Vec<String> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .collect()
}
