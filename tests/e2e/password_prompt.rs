//! `cpyctl password --set` at a terminal.

use std::fs::{File, read_to_string};
use std::io::Write as _;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use cpy_tests::process::program;
use cpy_tests::wait;
use rustix::fs::{Mode, OFlags, open};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

/// A terminal: what a person types at, and what a program has.
struct Terminal {
    person: File,
    program: OwnedFd,
}

impl Terminal {
    fn new() -> Self {
        let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&person).expect("a terminal");
        unlockpt(&person).expect("a terminal");
        let path = ptsname(&person, []).expect("its name");
        let program =
            open(path, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("its other end");
        Self {
            person: person.into(),
            program,
        }
    }

    fn shows_what_is_typed(&self) -> bool {
        let modes = tcgetattr(self.program.as_fd())
            .expect("a terminal")
            .local_modes;
        modes.contains(LocalModes::ECHO)
    }

    /// Starts `cpyctl password --set` for a password in this directory, and waits until it hides what is typed.
    async fn asked(&self, dir: &Path) -> Child {
        let config = dir.join("gateway.toml");
        let file = dir.join("password");
        let key = format!("[http]\npassword_file = \"{}\"\n", file.display());
        std::fs::write(&config, key).expect("a directory to write in");
        let stdin = self.program.try_clone().expect("a descriptor");
        let child = Command::new(program("cpyctl"))
            .arg("--config")
            .arg(config)
            .args(["password", "--set"])
            .stdin(Stdio::from(stdin))
            .stderr(Stdio::piped())
            .spawn()
            .expect("cpyctl runs");
        wait::until("what is typed is hidden", async || {
            (!self.shows_what_is_typed()).then_some(())
        })
        .await;
        child
    }
}

#[tokio::test]
async fn a_prompt_that_is_interrupted_changes_nothing_and_gives_the_terminal_back() {
    let dir = tempfile::tempdir().unwrap();
    // As Ctrl-C, Ctrl-\, a terminal that closes and kill(1) do it.
    for signal in [Signal::INT, Signal::QUIT, Signal::HUP, Signal::TERM] {
        let terminal = Terminal::new();
        let child = terminal.asked(dir.path()).await;
        kill_process(Pid::from_child(&child), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{signal:?}: {said}");
        assert!(said.contains("interrupted; nothing is changed"), "{said}");
        assert!(terminal.shows_what_is_typed(), "{signal:?}");
        assert!(!dir.path().join("password").exists());
    }
}

#[tokio::test]
async fn a_password_that_is_typed_twice_is_set() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::new();
    let child = terminal.asked(dir.path()).await;
    terminal
        .person
        .write_all(b"topsecret\ntopsecret\n")
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(terminal.shows_what_is_typed());
    let password = read_to_string(dir.path().join("password")).unwrap();
    assert_eq!(password.trim_end(), "topsecret");
}
