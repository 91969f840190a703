//! A console: what its board's port and its clients share.
//!
//! The port's side prints and takes input; each client reads with a cursor of its own and types with
//! a keyboard of its own. Neither ever waits for the other. Lines of the console's own, in square
//! brackets, tell what happened to the board.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use cpy_board::Serial;
use cpy_board::status::{ConsoleState, ConsoleStatus};
use tokio::sync::watch;

use crate::activity::Activity;
use crate::decoder::Decoder;
use crate::input::{Input, Keyboard};
use crate::lock;
use crate::scrollback::{Cursor, Piece, Scrollback};

const GONE: &str =
    "\r\n[The board is gone. This console stays open and goes on when the board is back.]\r\n";
const BACK: &str = "\r\n[The board is back.]\r\n";

/// One board's console, whether or not the board is there.
#[derive(Debug)]
pub(crate) struct Console {
    serial: Serial,
    output: Mutex<Output>,
    printed: watch::Sender<()>,
    input: Arc<Input>,
    clients: watch::Sender<usize>,
}

#[derive(Debug)]
struct Output {
    scrollback: Scrollback,
    link: Link,
    activity: Activity,
}

#[derive(Debug)]
enum Link {
    /// The port was never open.
    Unopened,
    Open(Decoder),
    /// It was open, and is not any more.
    Lost,
}

impl Console {
    /// A console that has printed nothing yet.
    pub(crate) fn new(serial: Serial, scrollback: usize) -> Self {
        Self {
            serial,
            output: Mutex::new(Output {
                scrollback: Scrollback::new(scrollback),
                link: Link::Unopened,
                activity: Activity::new(),
            }),
            printed: watch::Sender::default(),
            input: Arc::default(),
            clients: watch::Sender::default(),
        }
    }

    /// Whose console it is.
    pub(crate) fn serial(&self) -> &Serial {
        &self.serial
    }

    /// What the console tells of a board that is plugged in.
    pub(crate) fn status(&self) -> ConsoleStatus {
        let output = lock(&self.output);
        ConsoleStatus {
            state: match output.link {
                Link::Open(_) => output.activity.state(),
                Link::Unopened | Link::Lost => ConsoleState::Waiting,
            },
            title: output.activity.title().to_owned(),
            clients: *self.clients.borrow(),
        }
    }

    /// How many clients there are, as it changes.
    pub(crate) fn clients(&self) -> watch::Receiver<usize> {
        self.clients.subscribe()
    }

    /// Shows so many bytes of the past to new clients from now on.
    pub(crate) fn show(&self, scrollback: usize) {
        lock(&self.output).scrollback.show(scrollback);
    }

    /// The port is open for as long as the guard lives.
    pub(crate) fn opened(&self) -> OpenConsole<'_> {
        let mut output = lock(&self.output);
        if matches!(output.link, Link::Lost) {
            output.scrollback.push(BACK);
        }
        output.link = Link::Open(Decoder::default());
        output.activity = Activity::new();
        drop(output);
        self.input.open();
        self.printed.send_replace(());
        tracing::info!(board = %self.serial, "console opened");
        OpenConsole(self)
    }

    /// One more client: what it reads and how it types.
    pub(crate) fn join(self: &Arc<Self>) -> (Screen, Keyboard) {
        self.clients.send_modify(|clients| *clients += 1);
        let screen = Screen {
            cursor: lock(&self.output).scrollback.recent(),
            printed: self.printed.subscribe(),
            console: Arc::clone(self),
        };
        (screen, self.input.keyboard())
    }
}

/// The port's side of a console whose port is open.
#[derive(Debug)]
pub(crate) struct OpenConsole<'a>(&'a Console);

impl OpenConsole<'_> {
    /// Takes what the board printed. It never waits: clients that are too slow are left behind.
    pub(crate) fn print(&self, bytes: &[u8]) {
        let mut output = lock(&self.0.output);
        let Output {
            scrollback,
            link: Link::Open(decoder),
            activity,
        } = &mut *output
        else {
            return;
        };
        let text = decoder.decode(bytes);
        activity.see(&text);
        scrollback.push(&text);
        drop(output);
        self.0.printed.send_replace(());
    }

    /// The next bytes that somebody typed.
    pub(crate) async fn typed(&self) -> Bytes {
        self.0.input.next().await
    }
}

impl Drop for OpenConsole<'_> {
    fn drop(&mut self) {
        self.0.input.close();
        let mut output = lock(&self.0.output);
        if let Link::Open(decoder) = std::mem::replace(&mut output.link, Link::Lost) {
            output.scrollback.push(decoder.finish());
        }
        output.scrollback.push(GONE);
        drop(output);
        self.0.printed.send_replace(());
        tracing::info!(board = %self.0.serial, "console closed");
    }
}

/// What one client reads of a console. While it lives, it counts as a client.
#[derive(Debug)]
pub(crate) struct Screen {
    console: Arc<Console>,
    cursor: Cursor,
    printed: watch::Receiver<()>,
}

impl Screen {
    /// Waits for the next piece that the client has not read. It is safe to drop the future half-way.
    pub(crate) async fn next(&mut self) -> Piece {
        loop {
            if let Some(piece) = lock(&self.console.output).scrollback.read(&mut self.cursor) {
                return piece;
            }
            self.printed
                .changed()
                .await
                .expect("the console, which the screen holds, holds the sender");
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.console.clients.send_modify(|clients| *clients -= 1);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn console() -> Arc<Console> {
        Arc::new(Console::new("A1".parse().unwrap(), 65_536))
    }

    fn read(screen: &mut Screen) -> String {
        std::iter::from_fn(|| screen.next().now_or_never())
            .map(|piece| piece.text)
            .collect()
    }

    #[test]
    fn a_character_left_open_at_the_unplug_is_replaced() {
        let console = console();
        let (mut screen, _keyboard) = console.join();
        let open = console.opened();
        open.print(b"a\xf0\x9f");
        assert_eq!(read(&mut screen), "a");
        drop(open);
        assert_eq!(read(&mut screen), format!("\u{fffd}{GONE}"));
        let open = console.opened();
        open.print(b"\x90\x8d");
        assert_eq!(read(&mut screen), format!("{BACK}\u{fffd}\u{fffd}"));
    }

    #[test]
    fn a_board_that_is_back_has_yet_to_say_what_it_does() {
        let console = console();
        assert_eq!(console.status().state, ConsoleState::Waiting);
        let open = console.opened();
        open.print("\x1b]0;🐍REPL | 10.0.3\x07".as_bytes());
        assert_eq!(console.status().state, ConsoleState::Repl);
        assert_eq!(console.status().title, "🐍REPL | 10.0.3");
        drop(open);
        assert_eq!(console.status().state, ConsoleState::Waiting);
        let _open = console.opened();
        assert_eq!(console.status().state, ConsoleState::Unknown);
        assert_eq!(console.status().title, "");
    }

    #[test]
    fn clients_are_counted() {
        let console = console();
        let one = console.join();
        let two = console.join();
        assert_eq!(console.status().clients, 2);
        drop((one, two));
        assert_eq!(console.status().clients, 0);
    }
}
