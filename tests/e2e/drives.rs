//! Drives in every state that a classroom brings: write-protected, damaged, busy, with settings of their own.

use cpy_tests::{Board, Gateway, wait};

const SERIAL: &str = "E6614C311B7E6F35";

#[tokio::test]
async fn a_write_protected_drive_can_be_read_and_says_why_it_cannot_be_written() {
    let gateway = Gateway::start().await;
    let board = gateway.plug(SERIAL, &["--read-only"]).await;
    gateway
        .call("GET", "/fs/code.py")
        .to(&board)
        .expect(200)
        .await;
    let changes = [
        ("PUT", "/fs/code.py"),
        ("PUT", "/fs/d/"),
        ("DELETE", "/fs/code.py"),
        ("MOVE", "/fs/code.py"),
    ];
    for (method, target) in changes {
        let call = gateway
            .call(method, target)
            .to(&board)
            .header("X-Destination", "/fs/x.py");
        let reply = call.expect(409).await;
        assert!(reply.text().contains("write-protected"), "{reply:?}");
    }
    let listing = gateway
        .call("GET", "/fs/")
        .to(&board)
        .header("Accept", "application/json");
    assert_eq!(listing.expect(200).await.json()["writable"], false);
    let disks = gateway
        .call("GET", "/cp/diskinfo.json")
        .board(&board)
        .expect(200)
        .await
        .json();
    assert_eq!(
        (&disks[0]["root"], &disks[0]["writable"]),
        (&"/".into(), &false.into()),
        "{disks}"
    );
}

#[tokio::test]
async fn a_drive_that_is_damaged_or_no_drive_at_all_is_said_to_be() {
    let gateway = Gateway::start().await;
    let mut board = gateway.plug(SERIAL, &[]).await;
    let other = gateway.plug("E6614C31AAAAAA01", &[]).await;
    let damaged = async |board: &mut Board, change: fn(&mut [u8])| {
        gateway.unplug(board).await;
        board.damage(|image| change(image));
        board.plug();
        wait::until("the drive is looked at", async || {
            let reply = gateway.call("GET", "/fs/code.py").to(board).send().await;
            // Whoever had it before the replug may be about to let go of it.
            let is_early = |word| reply.text().contains(word);
            (!["not plugged in", "another program"]
                .into_iter()
                .any(is_early))
            .then_some(reply)
        })
        .await
    };
    // A table in which every chain is a loop.
    damaged(&mut board, |image| image[1024..4096].fill(0x22)).await;
    let list = gateway.call("GET", "/fs/lib/").to(&board);
    let reply = list.header("Accept", "application/json").expect(500).await;
    assert!(reply.text().contains("damaged"), "{reply:?}");
    // No volume, and then nothing that makes sense.
    let reply = damaged(&mut board, |image| image[512..1024].fill(0)).await;
    assert_eq!(reply.status, 503, "{reply:?}");
    assert!(reply.text().contains("no FAT"), "{reply:?}");
    gateway
        .call("GET", "/fs/code.py")
        .to(&other)
        .expect(200)
        .await;
    let reply = damaged(&mut board, |image| image.fill(0xA5)).await;
    assert_eq!(reply.status, 503, "{reply:?}");
    assert!(reply.text().len() > 10, "{reply:?}");
    gateway
        .call("GET", "/fs/code.py")
        .to(&other)
        .expect(200)
        .await;
}

#[tokio::test]
async fn a_broken_settings_file_keeps_the_last_good_password() {
    let gateway = Gateway::start().await;
    let board = gateway.plug(SERIAL, &["--password", "its own"]).await;
    let call = |method, target| {
        gateway
            .call(method, target)
            .board(&board)
            .password("its own")
    };
    call("GET", "/fs/code.py").expect(200).await;
    call("PUT", "/fs/settings.toml")
        .body("CIRCUITPY_WEB_API_PASSWORD = \"half")
        .expect(204)
        .await;
    let status = wait::until("the problem is reported", async || {
        let status = gateway
            .call("GET", "/cp/board.json")
            .board(&board)
            .send()
            .await
            .json();
        status["problems"]
            .to_string()
            .contains("settings.toml")
            .then_some(status)
    })
    .await;
    assert!(
        status["problems"].to_string().contains("line 1"),
        "{status}"
    );
    call("GET", "/fs/code.py").expect(200).await;
    let new = "CIRCUITPY_WEB_API_PASSWORD = \"other\"\n";
    call("PUT", "/fs/settings.toml").body(new).expect(204).await;
    wait::until("the new password holds", async || {
        let get = gateway
            .call("GET", "/fs/code.py")
            .board(&board)
            .password("other");
        (get.send().await.status == 200).then_some(())
    })
    .await;
    call("GET", "/fs/code.py").expect(401).await;
}

#[tokio::test]
async fn two_boards_never_mix() {
    let gateway = Gateway::start().await;
    let boards = [
        gateway.plug(SERIAL, &[]).await,
        gateway.plug("E6614C31AAAAAA01", &["--size", "8192"]).await,
    ];
    let saves = (0..40).map(|n| {
        let board = &boards[n % 2];
        let content = format!("{} {n}", board.hostname());
        gateway
            .call("PUT", &format!("/fs/f{}.py", n / 2))
            .to(board)
            .body(content)
            .expect(201)
    });
    futures_util::future::join_all(saves).await;
    for n in 0..40 {
        let board = &boards[n % 2];
        let expected = format!("{} {n}", board.hostname());
        let file = format!("/f{}.py", n / 2);
        assert_eq!(board.image().read(&file).unwrap(), expected.as_bytes());
        let reply = gateway
            .call("GET", &format!("/fs{file}"))
            .to(board)
            .expect(200)
            .await;
        assert_eq!(reply.text(), expected);
    }
}

#[tokio::test]
async fn a_drive_that_is_busy_when_it_is_plugged_in_keeps_its_own_password() {
    use rustix::fs::{FlockOperation, flock};
    let mut gateway = Gateway::stopped("");
    let mut board = gateway.plug_unready(SERIAL, &["--password", "its own"]);
    wait::until("the image is made", async || board.image().read("/code.py")).await;
    board.unplug();
    let holder = std::fs::File::open(board.image().path()).unwrap();
    flock(&holder, FlockOperation::NonBlockingLockExclusive).unwrap();
    for daemon in cpy_tests::gateway::DAEMONS {
        gateway.start_daemon(daemon);
    }
    gateway.answers().await;
    board.plug();
    let reason = wait::until("the drive is said to be busy", async || {
        let state = gateway
            .call("GET", "/cp/board.json")
            .board(&board)
            .send()
            .await
            .json();
        let reason = state["drive"]["reason"].as_str()?.to_owned();
        (!reason.is_empty()).then_some(reason)
    })
    .await;
    assert!(reason.contains("another program"), "{reason}");
    let guess = gateway
        .call("GET", "/fs/settings.toml")
        .to(&board)
        .send()
        .await;
    assert_eq!(guess.status, 503, "{guess:?}");
    drop(holder);
    let own = async || {
        let get = gateway
            .call("GET", "/fs/code.py")
            .board(&board)
            .password("its own");
        (get.send().await.status == 200).then_some(())
    };
    wait::until("the board's own password holds", own).await;
    gateway
        .call("GET", "/fs/settings.toml")
        .to(&board)
        .expect(401)
        .await;
}

#[tokio::test]
async fn settings_are_followed_under_their_short_name_and_on_the_boards_side() {
    let gateway = Gateway::start().await;
    let board = gateway.plug(SERIAL, &["--password", "first"]).await;
    let put = gateway
        .call("PUT", "/fs/SETTIN~1.TOM")
        .board(&board)
        .password("first");
    put.body("CIRCUITPY_WEB_API_PASSWORD = \"second\"\n")
        .expect(204)
        .await;
    let holds = async |board: &Board, password: &str| {
        wait::until(&format!("{password} is the password"), async || {
            // Whoever looks at the board's page makes the gateway look.
            gateway
                .call("GET", "/cp/board.json")
                .board(board)
                .expect(200)
                .await;
            let get = gateway
                .call("GET", "/fs/code.py")
                .board(board)
                .password(password);
            (get.send().await.status == 200).then_some(())
        })
        .await;
    };
    holds(&board, "second").await;
    let own = gateway
        .plug("E6614C31AAAAAA01", &["--password", "first", "--read-only"])
        .await;
    own.image().write(
        "/settings.toml",
        b"CIRCUITPY_WEB_API_PASSWORD = \"third\"\n",
    );
    holds(&own, "third").await;
}
