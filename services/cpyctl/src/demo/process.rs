//! A program that belongs to the demo: found beside cpyctl or where it is installed, ended with it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

/// How long a program may take to end in an orderly way.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where the package puts what people do not run themselves.
const INSTALLED: &str = "/usr/libexec/cpy-gateway";

/// A running program.
#[derive(Debug)]
pub(crate) struct Process {
    name: &'static str,
    child: Child,
}

impl Process {
    /// Starts a program of the gateway. It ends when cpyctl does, however that happens; what it puts
    /// into a temporary directory goes into `temporary`.
    pub(crate) fn start<A: AsRef<OsStr>>(
        name: &'static str,
        temporary: &Path,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Self> {
        let program = find(name);
        let mut command = Command::new(&program);
        command
            .env("TMPDIR", temporary)
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

/// Where the gateway's programs are: beside this one, as built, or where the package puts them.
fn find(name: &str) -> PathBuf {
    let own = std::env::current_exe().ok();
    let here = own.as_deref().and_then(Path::parent);
    first_with(name, here.into_iter().chain([Path::new(INSTALLED)]))
}

fn first_with<'a>(name: &str, places: impl IntoIterator<Item = &'a Path>) -> PathBuf {
    let mut paths = places.into_iter().map(|place| place.join(name));
    paths
        .find(|path| path.exists())
        .unwrap_or_else(|| name.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_beside_this_one_and_then_where_they_are_installed() {
        let dir = tempfile::tempdir().unwrap();
        let places = ["bin", "libexec"].map(|name| dir.path().join(name));
        for place in &places {
            std::fs::create_dir(place).unwrap();
        }
        let found = || first_with("daemon", places.iter().map(PathBuf::as_path));
        assert_eq!(found(), Path::new("daemon"));
        for place in places.iter().rev() {
            std::fs::write(place.join("daemon"), "").unwrap();
            assert_eq!(found(), place.join("daemon"));
        }
    }
}
