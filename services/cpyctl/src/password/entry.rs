//! A password that a person types, or a script pipes in.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Stdin};
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use cpy_board::Password;
use futures_util::future::select_all;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// As long as the daemons take one.
const LONGEST: usize = 1024;

/// Reads a password from standard input; from a terminal twice, as nobody sees it.
pub(super) async fn read() -> Result<Password> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return one_line(&line(&stdin)?);
    }
    // None of these must leave a terminal behind that shows nothing.
    let end = end_signals().context("cannot watch for Ctrl-C")?;
    let hidden = Hidden::new(&stdin).context("cannot hide what is typed")?;
    let (tell, typed) = oneshot::channel();
    // A read of a terminal ends with the line, or with the process.
    thread::spawn(move || tell.send(twice()));
    let (first, second) = tokio::select! {
        typed = typed => typed.context("cannot read a password")??,
        () = end => {
            drop(hidden);
            eprintln!();
            bail!("interrupted; nothing is changed");
        }
    };
    drop(hidden);
    ensure!(
        first == second,
        "these are two different passwords; nothing is changed"
    );
    Ok(first)
}

/// Waits for one of the signals that end a program at a terminal: Ctrl-C, Ctrl-\, the terminal that closes, kill(1).
fn end_signals() -> io::Result<impl Future<Output = ()>> {
    let kinds = [
        SignalKind::interrupt(),
        SignalKind::quit(),
        SignalKind::hangup(),
        SignalKind::terminate(),
    ];
    let signals: io::Result<Vec<_>> = kinds.into_iter().map(signal).collect();
    let mut signals = signals?;
    Ok(async move {
        select_all(signals.iter_mut().map(|signal| Box::pin(signal.recv()))).await;
    })
}

fn twice() -> Result<(Password, Password)> {
    let stdin = io::stdin();
    Ok((
        asked(&stdin, "New password: ")?,
        asked(&stdin, "The same again: ")?,
    ))
}

fn asked(stdin: &Stdin, prompt: &str) -> Result<Password> {
    eprint!("{prompt}");
    let typed = line(stdin)?;
    // The end of the line was not shown either.
    eprintln!();
    one_line(&typed)
}

fn line(stdin: &Stdin) -> Result<String> {
    let mut line = String::new();
    stdin
        .lock()
        .take(LONGEST as u64 + 3)
        .read_line(&mut line)
        .context("cannot read a password")?;
    Ok(line)
}

/// A password as a line that a person gives. What is easily there by mistake, and cannot be seen, is refused.
fn one_line(text: &str) -> Result<Password> {
    let line = text.strip_suffix('\n').unwrap_or(text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    ensure!(
        line.len() <= LONGEST,
        "a password has at most {LONGEST} bytes"
    );
    ensure!(
        !line.contains(char::is_control),
        "a password is one line, without control characters"
    );
    ensure!(
        line.trim() == line,
        "a password neither begins nor ends with a space"
    );
    Ok(Password::try_from(line.to_owned())?)
}

/// A terminal that does not show what is typed, as long as this lives.
struct Hidden<'a> {
    terminal: &'a Stdin,
    before: Termios,
}

impl<'a> Hidden<'a> {
    fn new(terminal: &'a Stdin) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(terminal, OptionalActions::Flush, &hidden)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        // A terminal that has gone shows nothing.
        let _ = tcsetattr(self.terminal, OptionalActions::Now, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_password_is_refused_without_being_repeated() {
        let long = "topsecret".repeat(200);
        for wrong in [
            "",
            "\n",
            "two\nlines",
            " topsecret",
            "topsecret \n",
            "top\tsecret",
            &long,
        ] {
            let error = format!("{:#}", one_line(wrong).unwrap_err());
            assert!(
                error.contains("a password") && !error.contains("topsecret"),
                "{error}"
            );
        }
        assert_eq!(one_line("right\r\n").unwrap().reveal(), "right");
    }
}
