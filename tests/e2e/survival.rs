//! What goes wrong in daily use: boards that are pulled out, daemons that are killed, in any order.

use std::time::{Duration, Instant};

use cpy_tests::gateway::DAEMONS;
use cpy_tests::{Console, Gateway, http, wait};
use tokio::net::TcpStream;

const SERIAL: &str = "E6614C311B7E6F35";
const OTHER: &str = "E6614C31AAAAAA01";

#[tokio::test]
async fn an_unplugged_board_is_unavailable_within_a_second_and_comes_back() {
    let gateway = Gateway::start().await;
    let mut board = gateway.plug(SERIAL, &[]).await;
    let other = gateway.plug(OTHER, &[]).await;
    for _ in 0..3 {
        let took = gateway.unplug(&mut board).await;
        assert!(took < Duration::from_secs(1), "{took:?}");
        for target in ["/fs/", "/edit/", "/cp/serial/", "/cp/version.json"] {
            let reply = gateway.call("GET", target).to(&board).expect(503).await;
            assert!(reply.text().contains("plugged in"), "{target}: {reply:?}");
        }
        assert!(Console::try_open(&gateway, &board).await.is_err());
        let state = gateway
            .call("GET", "/cp/board.json")
            .board(&board)
            .expect(200)
            .await
            .json();
        assert_eq!(state["attached"], false);
        gateway
            .call("GET", "/fs/code.py")
            .to(&other)
            .expect(200)
            .await;
        board.plug();
        gateway.ready(&board).await;
        gateway
            .call("GET", "/fs/code.py")
            .to(&board)
            .expect(200)
            .await;
    }
}

#[tokio::test]
async fn unplug_in_mid_upload_keeps_the_old_file_and_tells_the_uploader() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let gateway = Gateway::start().await;
    let mut board = gateway.plug(SERIAL, &[]).await;
    let old = board.image().read("/code.py").unwrap();
    let mut upload = TcpStream::connect(gateway.address()).await.unwrap();
    let head = http::head("PUT", "/fs/code.py", &board) + "Content-Length: 100000\r\n\r\n";
    upload.write_all(head.as_bytes()).await.unwrap();
    upload.write_all(&vec![b'#'; 50_000]).await.unwrap();
    board.unplug();
    let begun = Instant::now();
    let mut answer = [0; 12];
    upload.read_exact(&mut answer).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 503");
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
    board.plug();
    gateway.ready(&board).await;
    let now = gateway
        .call("GET", "/fs/code.py")
        .to(&board)
        .expect(200)
        .await;
    assert_eq!(now.body, old);
}

#[tokio::test]
async fn every_daemon_may_be_killed_and_started_again_in_use() {
    let mut gateway = Gateway::start().await;
    let board = gateway.plug(SERIAL, &[]).await;
    for daemon in DAEMONS {
        gateway.kill(daemon);
        match daemon {
            "cpy-serial-bridge" => {
                let reply = gateway
                    .call("GET", "/cp/board.json")
                    .board(&board)
                    .expect(200)
                    .await;
                assert!(reply.json()["console"].is_null(), "{reply:?}");
                assert!(Console::try_open(&gateway, &board).await.is_err());
                gateway
                    .call("GET", "/fs/code.py")
                    .to(&board)
                    .expect(200)
                    .await;
            }
            "cpy-file-proxy" => {
                let reply = gateway
                    .call("GET", "/fs/code.py")
                    .to(&board)
                    .expect(503)
                    .await;
                assert!(reply.text().len() > 10, "{reply:?}");
                Console::open(&gateway, &board).await;
            }
            _ => assert!(
                gateway
                    .call("GET", "/")
                    .board(&board)
                    .try_send()
                    .await
                    .is_err()
            ),
        }
        gateway.start_daemon(daemon);
        gateway.answers().await;
        gateway.ready(&board).await;
        let put = gateway.call("PUT", "/fs/again.py").to(&board).body(daemon);
        let reply = put.send().await;
        assert!(reply.status.is_success(), "{daemon}: {reply:?}");
        assert_eq!(board.image().read("/again.py").unwrap(), daemon.as_bytes());
        Console::open(&gateway, &board)
            .await
            .until("Hello World!")
            .await;
    }
}

#[tokio::test]
async fn daemons_start_in_any_order_with_boards_plugged_in() {
    for order in [[2, 1, 0], [1, 2, 0], [0, 2, 1]] {
        let mut gateway = Gateway::stopped("");
        let board = gateway.plug_unready(SERIAL, &[]);
        for daemon in order {
            gateway.start_daemon(DAEMONS[daemon]);
        }
        gateway.answers().await;
        gateway.ready(&board).await;
        gateway
            .call("GET", "/fs/code.py")
            .to(&board)
            .expect(200)
            .await;
    }
}

#[tokio::test]
async fn saves_at_the_moment_of_a_kill_leave_the_old_or_the_new_file_and_no_lost_space() {
    let mut gateway = Gateway::start().await;
    let board = gateway.plug(SERIAL, &["--script", "/dev/null"]).await;
    let content = |round: u32| format!("{round:08}\n").repeat(40_000);
    let mut last = board.image().read("/code.py").unwrap();
    let mut cut = 0;
    for round in 0..20_u32 {
        let save = gateway
            .call("PUT", "/fs/code.py")
            .to(&board)
            .body(content(round));
        let save = tokio::spawn(save.try_send());
        // The kill comes at another moment of the save in every round; which one it is, is chance.
        tokio::time::sleep(Duration::from_micros(u64::from(round) * 300)).await;
        gateway.kill("cpy-file-proxy");
        let answer = save.await.unwrap();
        let now = board.image().read("/code.py").unwrap();
        let new = content(round).into_bytes();
        assert!(
            now == last || now == new,
            "round {round}: neither old nor new"
        );
        if answer.is_ok_and(|reply| reply.status.is_success()) {
            assert!(now == new, "round {round}: it was said to be saved");
        }
        cut += usize::from(!board.image().findings().is_empty());
        gateway.start_daemon("cpy-file-proxy");
        gateway.ready(&board).await;
        assert_eq!(board.image().findings(), "", "round {round}: space is lost");
        // What was begun is finished.
        last = board.image().read("/code.py").unwrap();
        assert!(
            last == now || last == new,
            "round {round}: neither old nor new"
        );
    }
    println!("{cut} of 20 saves were cut where that left clusters without an owner");
}

#[tokio::test]
async fn a_stopping_gateway_ends_in_time_with_clients_connected() {
    let mut gateway = Gateway::start().await;
    let board = gateway.plug(SERIAL, &[]).await;
    let mut console = Console::open(&gateway, &board).await;
    console.until("Hello World!").await;
    let _idle = TcpStream::connect(gateway.address()).await.unwrap();
    for daemon in DAEMONS {
        let begun = Instant::now();
        gateway.terminate(daemon);
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "{daemon}: {:?}",
            begun.elapsed()
        );
    }
}

#[tokio::test]
async fn boards_with_hostile_serials_and_dangling_links_do_not_disturb() {
    use std::os::unix::fs::symlink;
    let gateway = Gateway::start().await;
    let board = gateway.plug(SERIAL, &[]).await;
    let boards = gateway.boards_dir();
    for name in ["a b", "x.y", "..b"] {
        std::fs::create_dir_all(boards.join(name)).unwrap();
        symlink("/dev/null", boards.join(name).join("console")).unwrap();
    }
    std::fs::create_dir_all(boards.join("LOOP")).unwrap();
    symlink("drive", boards.join("LOOP/drive")).unwrap();
    symlink("/nonexistent", boards.join("LOOP/console")).unwrap();
    std::fs::create_dir_all(boards.join("NULLDRIVE")).unwrap();
    symlink("/etc/hostname", boards.join("NULLDRIVE/drive")).unwrap();
    let overview = wait::until("the odd drive is listed", async || {
        let overview = gateway
            .call("GET", "/cp/boards.json")
            .host("localhost")
            .send()
            .await
            .json();
        (overview["total"] == 2).then_some(overview)
    })
    .await;
    assert!(!overview.to_string().contains("LOOP"), "{overview}");
    gateway
        .call("GET", "/fs/code.py")
        .to(&board)
        .expect(200)
        .await;
}
