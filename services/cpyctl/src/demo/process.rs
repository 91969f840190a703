//! A program that belongs to the demo: found beside cpyctl, ended with it.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

/// How long a program may take to end in an orderly way.
const PATIENCE: Duration = Duration::from_secs(5);

/// A running program.
#[derive(Debug)]
pub(crate) struct Process {
    name: &'static str,
    child: Child,
}

impl Process {
    /// Starts a program of the gateway. It ends when cpyctl does, however that happens.
    pub(crate) fn start<A: AsRef<OsStr>>(
        name: &'static str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Self> {
        let program = beside_this_one(name);
        let mut command = Command::new(&program);
        command
            .arg("--exit-with-parent")
            .args(arguments)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        // A demo's terminal shows its addresses; the daemons speak up when something is wrong.
        if std::env::var_os("RUST_LOG").is_none() {
            command.env("RUST_LOG", "warn");
        }
        command.stdout(Stdio::null());
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        Ok(Self { name, child })
    }

    /// Waits until the program ends by itself, and says how it did.
    pub(crate) async fn ended(&mut self) -> String {
        match self.child.wait().await {
            Ok(status) => format!("{} ended: {status}", self.name),
            Err(error) => format!("{} is lost: {error}", self.name),
        }
    }

    /// Asks the program to end, and makes it if it does not.
    pub(crate) async fn stop(mut self) {
        let pid = self
            .child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It may have ended in this moment.
            let _ = kill_process(pid, Signal::TERM);
        }
        if tokio::time::timeout(PATIENCE, self.child.wait())
            .await
            .is_err()
        {
            eprintln!("cpyctl: {} does not end; it is killed", self.name);
            let _ = self.child.kill().await;
        }
    }
}

fn beside_this_one(name: &str) -> PathBuf {
    let here = std::env::current_exe()
        .ok()
        .and_then(|own| Some(own.parent()?.join(name)));
    here.filter(|path| path.exists())
        .unwrap_or_else(|| name.into())
}
