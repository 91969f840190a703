//! Somebody on the machine's network: a second machine with its own Avahi and resolver, and a browser's requests.

use std::process::Stdio;

use hyper::header::{AUTHORIZATION, HeaderMap, HeaderValue};

use super::machine::Machine;
use super::until;
use crate::console::Console;
use crate::curl;
use crate::http::{Reply, basic};
use crate::network::Entrance;

/// The visitor of a machine's network.
#[derive(Debug)]
pub struct Visitor {
    entrance: Entrance,
    password: String,
}

/// An answer: its status and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The status; 0 where there was no answer.
    pub status: u16,
    /// The body, or why there is none.
    pub text: String,
}

impl Visitor {
    /// Comes to the network of this machine, whose boards have this password.
    pub(super) async fn come(machine: &Machine, password: String) -> Self {
        machine
            .run("systemd-run --quiet --unit visitor --collect /opt/vm/visitor")
            .await;
        let process = machine
            .until("systemctl show --property MainPID --value visitor | grep -v ^0")
            .await;
        let process = process.trim().parse().expect("a process id");
        let visitor = Self {
            entrance: machine
                .entrance()
                .inside(process, &["--net", "--mount", "--uts"]),
            password,
        };
        until("the visitor's Avahi runs", async || {
            let own = visitor.resolve("visitor.local").await;
            own.is_some().then_some(())
        })
        .await;
        visitor
    }

    /// The password that it gives.
    pub(super) fn password(&self) -> &str {
        &self.password
    }

    /// Is told another password.
    pub(super) fn learn(&mut self, password: String) {
        self.password = password;
    }

    /// The addresses of a name, by the system's own resolver; none if there are none.
    pub async fn resolve(&self, name: &str) -> Option<String> {
        let mut command = tokio::process::Command::from(self.entrance.command("getent"));
        let output = command.args(["ahosts", name]).output().await.ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (!text.is_empty()).then_some(text)
    }

    /// Asks for a page of a board.
    pub async fn page(&self, name: &str, path: &str) -> Page {
        self.ask("GET", name, path, &[]).await
    }

    /// Saves a file on a board.
    pub async fn save(&self, name: &str, path: &str, content: &[u8]) -> Page {
        self.ask("PUT", name, &format!("/fs/{path}"), content).await
    }

    /// Any request to a board, with the password.
    pub async fn ask(&self, method: &str, name: &str, path: &str, body: &[u8]) -> Page {
        let mut headers = HeaderMap::new();
        let authorization = HeaderValue::try_from(basic(&self.password)).expect("a plain password");
        headers.insert(AUTHORIZATION, authorization);
        let url = format!("http://{name}.local{path}");
        let body = bytes::Bytes::copy_from_slice(body);
        match curl::exchange(&self.entrance, method, &url, &headers, &body).await {
            Ok(reply) => reply.into(),
            Err(failure) => Page {
                status: 0,
                text: failure.to_string(),
            },
        }
    }

    /// Waits until a page of a board answers with this status, and gives it.
    pub async fn until(&self, name: &str, path: &str, status: u16) -> Page {
        let mut last = None;
        let what = format!("{name}{path} answers {status}");
        let found = crate::wait::within(super::DEADLINE, async || {
            let page = self.page(name, path).await;
            let is_it = page.status == status;
            last = Some(page.clone());
            is_it.then_some(page)
        })
        .await;
        found.unwrap_or_else(|| panic!("{what}, in vain; it last said {last:?}"))
    }

    /// Opens the console of a board, as soon as there is one.
    pub async fn console(&self, name: &str) -> Console {
        let mut last = String::new();
        let opened = crate::wait::within(super::DEADLINE, async || {
            let opened = self.try_console(name).await;
            opened.map_err(|refusal| last = refusal).ok()
        })
        .await;
        opened.unwrap_or_else(|| panic!("{name}: no console: {last}"))
    }

    async fn try_console(&self, name: &str) -> Result<Console, String> {
        let host = format!("{name}.local");
        let mut command = tokio::process::Command::from(self.entrance.command("nc"));
        let mut child = command
            .args([&host, "80"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let wire = tokio::io::join(stdout.expect("a pipe"), stdin.expect("a pipe"));
        // It ends with its input.
        tokio::spawn(async move { child.wait().await });
        let opened = Console::over(wire, &host, &self.password).await;
        opened.map_err(|error| format!("{error:?}"))
    }
}

impl From<Reply> for Page {
    fn from(reply: Reply) -> Self {
        Self {
            status: reply.status.as_u16(),
            text: reply.text(),
        }
    }
}
