//! `cpyctl demo` as a new user meets it, and `cpyctl boards` beside it.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

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
}

impl Demo {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let mut child = Command::new(program("cpyctl"))
            .args(["demo", "--port", &port.to_string()])
            .env("TMPDIR", directory.path())
            .stdin(Stdio::null())
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
        // The rest, which is little, must have somewhere to go.
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        Self {
            child,
            directory,
            port,
            said,
        }
    }

    fn cpyctl(&self, arguments: &[&str]) -> (bool, String) {
        let output = Command::new(program("cpyctl"))
            .args(arguments)
            .env("TMPDIR", self.directory.path())
            .output()
            .unwrap();
        let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    }

    fn get(&self, host: &str, target: &str) -> Call {
        let host = format!("{host}.localhost:{}", self.port);
        Call::new(([127, 0, 0, 1], self.port).into(), "GET", target).host(&host)
    }

    async fn status_becomes(&self, host: &str, status: u16) {
        wait::until(&format!("{host} gives {status}"), async || {
            let reply = self
                .get(host, "/fs/code.py")
                .password("passw0rd")
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
    assert!(demo.said.contains("passw0rd"), "{}", demo.said);
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

/// The command line of every process.
fn processes() -> Vec<String> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .collect()
}
