//! A console as the fuzz targets reach it (tests/fuzz): what its board prints and what its clients send, bytes in,
//! plain values out. It is there with the feature `fuzzing` only, for nobody else, and owns nothing but the way in.

use std::sync::Arc;

use cpy_board::status::ConsoleStatus;
use cpy_board::{Serial, Shutdown};
use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::client::{self, Client};
use crate::console::Console;

/// What a console shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// What a client has read that was there from the beginning.
    pub read: String,
    /// What a client reads that comes now.
    pub recent: String,
    /// What is said of the board.
    pub status: ConsoleStatus,
}

/// What a console shows that keeps `scrollback` bytes, when its board has printed these pieces.
pub fn shown<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, scrollback: usize) -> Shown {
    let console = console(scrollback);
    let (mut screen, _keyboard) = console.join();
    let open = console.opened();
    let mut read = String::new();
    for piece in pieces {
        open.print(piece);
        while let Some(piece) = screen.next().now_or_never() {
            read.push_str(&piece.text);
        }
    }
    let status = console.status();
    let (mut late, _keyboard) = console.join();
    let recent = std::iter::from_fn(|| late.next().now_or_never()).map(|piece| piece.text);
    Shown {
        recent: recent.collect(),
        read,
        status,
    }
}

/// Serves one client, whose WebSocket is open, at a console that has printed `printed`. Returns what it has typed.
pub async fn typed<S>(socket: S, printed: &[u8]) -> Vec<u8>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let console = console(64 * 1024);
    let open = console.opened();
    open.print(printed);
    let (screen, keyboard) = console.join();
    let client = Client {
        screen,
        keyboard,
        shutdown: Shutdown::new(),
    };
    let config = Some(client::websocket_config());
    let socket = WebSocketStream::from_raw_socket(socket, Role::Server, config).await;
    let mut typed = Vec::new();
    let mut served = std::pin::pin!(client.run(socket));
    loop {
        tokio::select! {
            biased;
            bytes = open.typed() => typed.extend_from_slice(&bytes),
            () = &mut served => break,
        }
    }
    while let Some(bytes) = open.typed().now_or_never() {
        typed.extend_from_slice(&bytes);
    }
    typed
}

fn console(scrollback: usize) -> Arc<Console> {
    let serial: Serial = "A1".parse().expect("letters and digits are a serial");
    Arc::new(Console::new(serial, scrollback))
}
