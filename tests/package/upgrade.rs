//! A newer version over the installed one.

use std::net::TcpStream as StdStream;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cpy_tests::wait::DEADLINE;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::machine::{BOARD, Machine, newer_deb};
use crate::{Suite, on_each_suite};

on_each_suite!(
    keeps_what_is_there_and_consoles_come_back,
    leaves_alone_what_is_not_wanted
);

fn keeps_what_is_there_and_consoles_come_back(suite: Suite) {
    let (machine, password) = Machine::with_package(suite);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let newer = machine.put(&newer_deb(directory.path()), "newer.deb");
    machine.run("sed -i 's/^#scrollback = .*/scrollback = 4096/' /etc/cpy-gateway/gateway.toml");
    machine.plug(BOARD);
    machine.serves(BOARD, &password);
    let before = machine.processes();

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let mut console = open(
            machine.container.connect(80).expect("it is served"),
            &password,
        )
        .await;
        until(&mut console, "Press any key").await;
        let printed = machine.install_file(&newer);
        assert!(!printed.contains(&password), "it is no news: {printed}");
        timeout(DEADLINE, async {
            while let Some(Ok(_)) = console.next().await {}
        })
        .await
        .expect("the old console is closed");
        // The socket was there all the time.
        let connection = machine.container.connect(80).expect("the port stays open");
        let mut console = open(connection, &password).await;
        console.send(Message::text("\r")).await.expect("it is open");
        until(&mut console, ">>> ").await;
    });

    let after = machine.processes();
    assert!(
        before.iter().zip(&after).all(|(old, new)| old != new),
        "{before:?} {after:?}"
    );
    machine.is_up();
    machine.serves(BOARD, &password);
    machine.run("grep -qx 'scrollback = 4096' /etc/cpy-gateway/gateway.toml");
    assert_eq!(machine.run("cpyctl password").trim(), password);
}

fn leaves_alone_what_is_not_wanted(suite: Suite) {
    let (machine, _) = Machine::with_package(suite);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let newer = machine.put(&newer_deb(directory.path()), "newer.deb");
    machine.run("systemctl --quiet disable --now cpy-mdns-advertiser.service");
    machine.install_file(&newer);
    assert!(!machine.is_active("cpy-mdns-advertiser.service"));
    assert!(
        !machine
            .container
            .succeeds("systemctl --quiet is-enabled cpy-mdns-advertiser.service")
    );
    assert!(machine.is_active("cpy-http-gateway.service"));
}

/// Opens the board's console.
async fn open(connection: StdStream, password: &str) -> WebSocketStream<TcpStream> {
    connection.set_nonblocking(true).expect("it can be set");
    let connection = TcpStream::from_std(connection).expect("it is not blocking");
    let mut request = format!("ws://{}/cp/serial/", BOARD.host)
        .into_client_request()
        .expect("an address");
    let authorization = format!("Basic {}", BASE64_STANDARD.encode(format!(":{password}")));
    let authorization = authorization.parse().expect("a header");
    request.headers_mut().insert("Authorization", authorization);
    let opened = timeout(DEADLINE, client_async(request, connection)).await;
    opened.expect("an answer in time").expect("a console").0
}

/// Waits until the board has said it.
async fn until(console: &mut WebSocketStream<TcpStream>, text: &str) {
    let mut seen = String::new();
    let reading = async {
        while !seen.contains(text) {
            let message = console
                .next()
                .await
                .expect("the console is open")
                .expect("a message");
            seen.push_str(message.to_text().unwrap_or_default());
        }
    };
    let in_time = timeout(DEADLINE, reading).await.is_ok();
    assert!(in_time, "the board did not say {text:?}: {seen:?}");
}
