//! Boards that come and go, and their ports.

use std::fmt::Display;
use std::fs;
use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::bench::{Bench, FEATHER, PICO, RIGHT, record};

fn get(host: impl Display, path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n")
}

fn at(bench: &Bench, port: u16) -> SocketAddr {
    SocketAddr::new(bench.address.ip(), port)
}

/// Waits until the board with this name answers on the port.
async fn answers(bench: &Bench, port: u16, hostname: &str) {
    let address = at(bench, port);
    let document = get(address, "/cp/board.json");
    bench
        .until_at(address, &document, |answer| {
            answer.text().contains(hostname)
        })
        .await;
}

#[tokio::test]
async fn every_board_has_a_port_of_its_own_and_keeps_it() {
    let mut bench = Bench::new().await;
    answers(&bench, 18001, "cpy-7e6f35").await;
    bench.plug(FEATHER);
    answers(&bench, 18002, "cpy-5a0a0b").await;
    let welcome = bench
        .ask_at(at(&bench, 18002), &get(at(&bench, 18002), "/"))
        .await;
    assert!(
        welcome.text() != bench.get("/", "").await.text(),
        "a board's port shows the board"
    );
    bench.unplug(PICO);
    bench.stop().await;
    bench.start().await;
    answers(&bench, 18002, "cpy-5a0a0b").await;
    bench.plug(PICO);
    answers(&bench, 18001, "cpy-7e6f35").await;
}

#[tokio::test]
async fn a_board_that_left_is_known_by_name_and_port_also_after_a_restart() {
    let mut bench = Bench::new().await;
    answers(&bench, 18001, "cpy-7e6f35").await;
    bench.unplug(PICO);
    let by_name = format!("{}{RIGHT}", get("cpy-7e6f35.local", "/fs/"));
    bench.until(&by_name, |answer| answer.status == 503).await;
    let by_port = get(at(&bench, 18001), "/cp/version.json");
    bench.ask_at(at(&bench, 18001), &by_port).await.is(503);
    bench.start().await;
    bench
        .ask(&by_name)
        .await
        .is(503)
        .says("cpy-7e6f35 is not plugged in.");
    bench
        .ask_at(at(&bench, 18001), &by_port)
        .await
        .is(503)
        .says("cpy-7e6f35 is not plugged in.");
    bench.plug(PICO);
    bench
        .until(&by_name, |answer| {
            answer.status == 200 || answer.status == 503
        })
        .await;
}

#[tokio::test]
async fn a_port_that_another_program_holds_is_passed_over() {
    let mut bench = Bench::empty().await;
    let _other = TcpListener::bind(at(&bench, 18001)).await.unwrap();
    bench.plug(PICO);
    bench.start().await;
    answers(&bench, 18002, "cpy-7e6f35").await;
}

#[tokio::test]
async fn the_port_that_settings_ask_for_comes_and_goes_with_them() {
    let bench = Bench::new().await;
    let mut asking = record(PICO);
    asking.settings.port = Some(18080);
    bench.write_record(PICO, &asking);
    answers(&bench, 18080, "cpy-7e6f35").await;
    asking.settings.port = Some(18081);
    bench.write_record(PICO, &asking);
    answers(&bench, 18081, "cpy-7e6f35").await;
    let deadline = tokio::time::Instant::now() + crate::bench::DEADLINE;
    while tokio::net::TcpStream::connect(at(&bench, 18080))
        .await
        .is_ok()
    {
        assert!(tokio::time::Instant::now() < deadline, "18080 stays open");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_port_that_cannot_be_had_hurts_nobody() {
    let bench = Bench::new().await;
    let _other = TcpListener::bind(at(&bench, 18090)).await.unwrap();
    let mut asking = record(PICO);
    asking.settings.port = Some(18090);
    bench.write_record(PICO, &asking);
    let document = get("cpy-7e6f35.local", "/cp/board.json");
    bench
        .until(&document, |answer| {
            answer.text().contains("asks for port 18090")
        })
        .await;
    answers(&bench, 18001, "cpy-7e6f35").await;
    asking.settings.port = None;
    bench.write_record(PICO, &asking);
    bench
        .until(&document, |answer| !answer.text().contains("18090"))
        .await;
}

#[tokio::test]
async fn a_damaged_port_book_is_set_aside() {
    let mut bench = Bench::empty().await;
    fs::create_dir_all(bench.state("")).unwrap();
    fs::write(bench.state("ports.toml"), "\0 not toml").unwrap();
    bench.plug(PICO);
    bench.start().await;
    answers(&bench, 18001, "cpy-7e6f35").await;
    assert!(bench.state("ports.damaged").exists());
    let book = fs::read_to_string(bench.state("ports.toml")).unwrap();
    assert!(book.contains(PICO), "{book}");
}

#[tokio::test]
async fn a_state_directory_that_cannot_be_written_does_not_stop_the_gateway() {
    let mut bench = Bench::empty().await;
    fs::write(bench.path().join("state"), "a file is in the way").unwrap();
    bench.plug(PICO);
    bench.start().await;
    answers(&bench, 18001, "cpy-7e6f35").await;
}

/// What the board is called, when as many as this are plugged in.
async fn name_among(bench: &Bench, total: usize, serial: &str) -> String {
    let boards = get(bench.address, "/cp/boards.json");
    let total = format!("\"total\":{total},");
    let all = bench
        .until(&boards, |answer| answer.text().contains(&total))
        .await
        .json();
    let mut boards = all["boards"].as_array().unwrap().iter();
    let board = boards.find(|board| board["serial"] == serial);
    board.unwrap()["hostname"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn boards_of_one_lot_keep_the_names_that_they_got() {
    // Both would be cpy-7e6f35; one serial sorts before the other.
    let lot = ["AA00000000007E6F35", "E6614C311B7E6F35"];
    for (first, second) in [(lot[0], lot[1]), (lot[1], lot[0])] {
        let mut bench = Bench::empty().await;
        bench.plug(first);
        bench.start().await;
        assert_eq!(name_among(&bench, 1, first).await, "cpy-7e6f35");
        bench.plug(second);
        let other = name_among(&bench, 2, second).await;
        assert_ne!(other, "cpy-7e6f35");
        assert_eq!(name_among(&bench, 2, first).await, "cpy-7e6f35");
        // The name of a board that left is not another's.
        bench.unplug(first);
        assert_eq!(name_among(&bench, 1, second).await, other);
        let old = get("cpy-7e6f35.local", "/cp/version.json");
        bench.ask(&old).await.is(503);
        bench.start().await;
        assert_eq!(name_among(&bench, 1, second).await, other);
        bench.ask(&old).await.is(503);
        bench.plug(first);
        assert_eq!(name_among(&bench, 2, first).await, "cpy-7e6f35");
        assert_eq!(name_among(&bench, 2, second).await, other);
        bench.unplug(second);
        assert_eq!(name_among(&bench, 1, first).await, "cpy-7e6f35");
        bench.start().await;
        bench.plug(second);
        assert_eq!(name_among(&bench, 2, second).await, other);
        assert_eq!(name_among(&bench, 2, first).await, "cpy-7e6f35");
    }
}
