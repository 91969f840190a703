//! A process that does nothing but hold namespaces, as long as the test holds its input open.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use super::entrance::{Entrance, is_root};

/// Namespaces made ready by a script. They go when this is dropped, or when the test ends in any other way.
#[derive(Debug)]
pub(super) struct Anchor(Child);

impl Anchor {
    /// Makes new namespaces, given as unshare's options, inside those of `entrance`, and waits until the script in
    /// them says that it is ready.
    pub(super) fn new(
        entrance: &Entrance,
        namespaces: &[&str],
        script: &Path,
        arguments: &[&str],
    ) -> Self {
        let mut command = entrance.command("unshare");
        let is_first = entrance.is_outside();
        if is_first && !is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        let mut child = command
            .args(namespaces)
            .arg(script)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare and nsenter are installed (package util-linux)");
        let said = first_line(&mut child);
        assert_eq!(
            said,
            "ready\n",
            "{} failed: is this machine allowed to make namespaces?",
            script.display()
        );
        Self(child)
    }

    /// The process that holds the namespaces.
    pub(super) fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Anchor {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits for the first line that a program prints on its output, a pipe; empty where it ends without.
pub(super) fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    let output = child.stdout.take().expect("its output is a pipe");
    BufReader::new(output)
        .read_line(&mut line)
        .expect("its output can be read");
    line
}
