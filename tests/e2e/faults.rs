//! Whatever is killed, and whenever: what was said to be saved is saved, and what was not is as it was or as it was to be.

use std::time::Duration;

use cpy_tests::{Board, Console, Gateway, wait};

const SERIAL: &str = "E6614C311B7E6F35";

/// More than one transfer, so that there is a middle.
fn content(round: usize) -> Vec<u8> {
    format!("# {round:08}\n").repeat(20_000).into_bytes()
}

/// What goes away in the middle of a save, and comes back.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Killed(&'static str),
    Unplugged,
}

const FAULTS: [Fault; 4] = [
    Fault::Killed("cpy-file-proxy"),
    Fault::Killed("cpy-http-gateway"),
    Fault::Killed("cpy-serial-bridge"),
    Fault::Unplugged,
];

/// Waits until a save is said to be possible again, and what was cut is finished or undone.
async fn settled(gateway: &Gateway, board: &Board) {
    gateway.answers().await;
    gateway.ready(board).await;
    wait::until("the drive is in order", async || {
        let page = gateway.call("GET", "/cp/board.json").board(board);
        let page = page.try_send().await.ok()?.json();
        (page["drive"]["state"] == "ready" && page["drive"]["reason"] == "").then_some(())
    })
    .await;
}

#[tokio::test]
async fn whatever_goes_away_in_mid_save_nothing_is_lost() {
    let mut gateway = Gateway::start().await;
    let mut board = gateway.plug(SERIAL, &["--script", "/dev/null"]).await;
    let mut last = board.image().read("/code.py").unwrap();
    let (mut saved, mut finished) = (0, 0);
    for round in 0..32 {
        let fault = FAULTS[round % FAULTS.len()];
        let new = content(round);
        let call = gateway.call("PUT", "/fs/code.py").to(&board);
        let save = tokio::spawn(call.body(new.clone()).try_send());
        // It comes at another moment of the save in every round; which one it is, is chance.
        tokio::time::sleep(Duration::from_micros(round as u64 * 400)).await;
        match fault {
            Fault::Killed(daemon) => {
                gateway.kill(daemon);
                gateway.start_daemon(daemon);
            }
            Fault::Unplugged => {
                board.unplug();
                board.plug();
            }
        }
        let answer = save.await.expect("it does not panic");
        settled(&gateway, &board).await;
        let now = board.image().read("/code.py").expect("it is there");
        assert!(
            now == last || now == new,
            "round {round}, {fault:?}: neither the old file nor the new one"
        );
        if answer.is_ok_and(|reply| reply.status.is_success()) {
            assert!(
                now == new,
                "round {round}, {fault:?}: it was said to be saved"
            );
            saved += 1;
        } else if now == new {
            finished += 1;
        }
        assert_eq!(board.image().findings(), "", "round {round}, {fault:?}");
        last = now;
    }
    assert!(
        saved > 0 && saved < 32,
        "no fault came into a save: {saved}"
    );
    println!("of 32 saves {saved} were answered, and {finished} done without an answer");
    Console::open(&gateway, &board).await;
}
