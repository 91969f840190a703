//! Disks that take nothing: the daemons serve what they can, say what is the matter, and go on when it is over.
//!
//! Where a directory should be there is a file, so that also a test that runs as root cannot write there.

use std::fs;
use std::path::Path;

use cpy_tests::gateway::{ADVERTISER, DAEMONS};
use cpy_tests::{Console, Gateway, wait};

const SERIAL: &str = "E6614C311B7E6F35";

/// A gateway with all its daemons, that finds these in its directory when it starts.
async fn with_files(files: &[&str]) -> Gateway {
    let mut gateway = Gateway::stopped("");
    for file in files {
        let path = gateway.directory().join(file);
        fs::create_dir_all(path.parent().expect("it is below it")).expect("a directory");
        fs::write(path, "").expect("a file");
    }
    for daemon in DAEMONS.into_iter().chain([ADVERTISER]) {
        gateway.start_daemon(daemon);
    }
    gateway.answers().await;
    gateway
}

/// What the overview says is wrong with the gateway.
async fn problems(gateway: &Gateway) -> String {
    let call = gateway.call("GET", "/cp/boards.json").host("localhost");
    call.expect(200).await.json()["problems"].to_string()
}

/// How often a daemon has said this.
fn times_said(gateway: &Gateway, daemon: &str, words: &str) -> usize {
    let log = gateway.daemon(daemon).output();
    log.lines().filter(|line| line.contains(words)).count()
}

#[tokio::test]
async fn where_nothing_can_be_remembered_boards_are_served_all_the_same() {
    let gateway = with_files(&["state"]).await;
    let board = gateway.plug(SERIAL, &["--size", "16384"]).await;
    Console::open(&gateway, &board).await.until("Hello").await;
    let put = |size: usize| {
        let call = gateway.call("PUT", "/fs/new.txt").to(&board);
        call.body(vec![b'x'; size])
    };
    put(1000).expect(201).await;
    let reply = put(1 << 20).expect(507).await;
    assert!(reply.text().contains("no room"), "{reply:?}");
    assert!(problems(&gateway).await.contains("cannot be remembered"));

    // It is tried again, and said no more than once.
    fs::remove_file(gateway.directory().join("state")).unwrap();
    wait::until("the problem is over", async || {
        (!problems(&gateway).await.contains("cannot be remembered")).then_some(())
    })
    .await;
    for file in ["http-gateway/ports.toml", "mdns-advertiser/names.toml"] {
        let path = gateway.directory().join("state").join(file);
        wait::until(file, async || {
            let text = fs::read_to_string(&path).ok()?;
            text.contains(SERIAL).then_some(())
        })
        .await;
    }
    for daemon in ["cpy-http-gateway", ADVERTISER] {
        assert_eq!(times_said(&gateway, daemon, "cannot remember"), 1);
    }
    put(1 << 20).expect(204).await;
}

#[tokio::test]
async fn where_nothing_can_be_published_the_pages_say_so_until_it_can() {
    let files = ["run/http-gateway", "run/mdns-advertiser", "run/boards"];
    let gateway = with_files(&files).await;
    let board = gateway.plug_unready(SERIAL, &[]);
    let state = async || {
        let call = gateway.call("GET", "/cp/board.json").board(&board);
        Some(call.try_send().await.ok()?.json()["problems"].to_string())
    };
    wait::until("the board's page says what is the matter", async || {
        let problems = state().await?;
        problems.contains("nobody knows its password").then_some(())
    })
    .await;
    let call = gateway.call("GET", "/fs/code.py").to(&board);
    call.expect(503).await;
    assert!(problems(&gateway).await.contains("cannot be told"));
    Console::try_open(&gateway, &board).await.unwrap_err();

    for file in files {
        fs::remove_file(gateway.directory().join(file)).unwrap();
    }
    gateway.ready(&board).await;
    let call = gateway.call("GET", "/fs/code.py").to(&board);
    call.expect(200).await;
    let is_there = |file: &str| Path::new(&gateway.directory().join("run").join(file)).exists();
    wait::until("all is published", async || {
        let all = [
            "http-gateway/ports.toml",
            "mdns-advertiser/names.toml",
            "mdns-advertiser/http.sock",
        ];
        (all.into_iter().all(is_there) && !problems(&gateway).await.contains("cannot be told"))
            .then_some(())
    })
    .await;
}
