//! Boards whose serial numbers say little, or too much.

use cpy_tests::vm::{Board, Lab, lab};

/// The boards that the gateway knows, as cpyctl lists them.
async fn listed(lab: &Lab) -> serde_json::Value {
    let text = lab.machine.run("cpyctl boards --json").await;
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[tokio::test]
async fn hostile_serials_make_no_path_but_the_boards_own() {
    let lab = lab().await;
    // A USB string has room for 126.
    let longest = "A".repeat(126);
    for (serial, called) in [
        ("", "usb-"),
        ("..", "usb-"),
        ("/", "usb-"),
        ("../../etc", "usb-"),
        ("a b", "usb-"),
        ("$(reboot)", "usb-"),
        ("%n", "usb-"),
        (&"A".repeat(200), &longest),
    ] {
        let board = Board::with_serial(&lab.machine, serial, &["--bare"]);
        board.plug().await;
        let found = lab
            .machine
            .until("[ -L /dev/cpy-gateway/*/drive ] && [ -L /dev/cpy-gateway/*/console ] && ls /dev/cpy-gateway")
            .await;
        let found = found.trim();
        assert!(found.starts_with(called), "{serial:?} is {found:?}");
        board.unplug().await;
        lab.machine.until("[ ! -e /dev/cpy-gateway/*/drive ]").await;
    }
    lab.everything_runs().await;
}

#[tokio::test]
async fn two_boards_with_one_serial_are_two_boards() {
    let lab = lab().await;
    let first = Board::new(&lab.machine, &["--bare"]);
    let second = Board::with_serial(&lab.machine, first.serial(), &["--bare"]);
    first.plug().await;
    lab.visitor.until(&first.name(), "/fs/code.py", 200).await;
    let saved = lab
        .visitor
        .save(&first.name(), "code.py", b"print('the first')\n")
        .await;
    assert_eq!(saved.status, 204, "{saved:?}");
    second.plug().await;
    let found = lab
        .machine
        .until("[ $(find /dev/cpy-gateway -name drive | wc -l) = 2 ] && ls /dev/cpy-gateway")
        .await;
    let mut found = found.split_whitespace();
    assert_eq!(found.next(), Some(first.serial()));
    assert!(found.next().is_some_and(|name| name.starts_with("usb-")));
    // The first one keeps what it is called, and stays itself.
    let page = lab.visitor.until(&first.name(), "/fs/code.py", 200).await;
    assert_eq!(page.text, "print('the first')\n");
    let boards = cpy_tests::vm::until("both boards are listed", async || {
        let boards = listed(&lab).await;
        let text = boards.to_string();
        (text.contains(first.serial()) && text.contains("usb-")).then_some(boards)
    })
    .await;
    assert!(boards.to_string().contains("usb-"), "{boards}");
}

#[tokio::test]
async fn boards_that_change_places_keep_their_names() {
    let lab = lab().await;
    let one = Board::new(&lab.machine, &["--bare"]);
    let two = Board::new(&lab.machine, &["--bare"]);
    for board in [&one, &two] {
        board.plug().await;
        lab.visitor.until(&board.name(), "/fs/code.py", 200).await;
        let content = format!("# {}\n", board.serial());
        let saved = lab
            .visitor
            .save(&board.name(), "code.py", content.as_bytes())
            .await;
        assert_eq!(saved.status, 204, "{saved:?}");
    }
    let places = [place(&lab, &one).await, place(&lab, &two).await];
    one.unplug().await;
    two.unplug().await;
    lab.machine.until("[ ! -e /dev/cpy-gateway/*/drive ]").await;
    // The sockets are given in the order in which boards come.
    for board in [&two, &one] {
        board.plug().await;
    }
    for board in [&one, &two] {
        let page = lab.visitor.until(&board.name(), "/fs/code.py", 200).await;
        assert_eq!(page.text, format!("# {}\n", board.serial()));
    }
    assert_eq!(places, [place(&lab, &two).await, place(&lab, &one).await]);
}

/// The socket that a board is plugged into.
async fn place(lab: &Lab, board: &Board<'_>) -> String {
    let link = format!("/dev/cpy-gateway/{}/drive", board.serial());
    let place = format!("udevadm info --query property --property ID_PATH {link}");
    lab.machine.run(&place).await
}
