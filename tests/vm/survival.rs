//! Daemons are killed, boards plugged in and out without rest, the machine restarted.

use cpy_tests::vm::{Board, UNITS, lab};

#[tokio::test]
async fn pages_saves_and_consoles_come_back_after_every_killed_daemon() {
    let lab = lab().await;
    let board = Board::new(&lab.machine, &["--bare"]);
    let name = board.name();
    board.plug().await;
    lab.visitor.until(&name, "/fs/code.py", 200).await;
    for unit in UNITS {
        lab.machine
            .run(&format!("systemctl kill --signal KILL {unit}"))
            .await;
        let restarts = format!(
            "systemctl is-active --quiet {unit} && \
             [ $(systemctl show --property NRestarts --value {unit}) -gt 0 ]"
        );
        lab.machine.until(&restarts).await;
        lab.visitor.until(&name, "/fs/code.py", 200).await;
        let saved = lab
            .visitor
            .save(&name, "code.py", format!("print('{unit}')\n").as_bytes())
            .await;
        assert_eq!(saved.status, 204, "{saved:?}");
        let mut console = lab.visitor.console(&name).await;
        console.until(unit).await;
    }
}

#[tokio::test]
async fn twenty_plugs_and_unplugs_in_a_row_end_in_a_working_board() {
    let lab = lab().await;
    let board = Board::new(&lab.machine, &["--bare"]);
    for _ in 0..20 {
        board.plug().await;
        board.unplug().await;
    }
    board.plug().await;
    lab.visitor.until(&board.name(), "/fs/code.py", 200).await;
    lab.everything_runs().await;
}

#[tokio::test]
async fn eight_boards_at_once_are_eight_pages() {
    let lab = lab().await;
    let boards: Vec<Board> = (0..8)
        .map(|_| Board::new(&lab.machine, &["--bare"]))
        .collect();
    for board in &boards {
        board.plug().await;
    }
    for board in &boards {
        lab.visitor.until(&board.name(), "/fs/code.py", 200).await;
    }
    for board in &boards {
        let content = format!("print('I am', '{}')\n", board.serial());
        let saved = lab
            .visitor
            .save(&board.name(), "code.py", content.as_bytes())
            .await;
        assert_eq!(saved.status, 204, "{saved:?}");
    }
    for board in &boards {
        let mut console = lab.visitor.console(&board.name()).await;
        console.until(&format!("I am {}", board.serial())).await;
    }
    let memory = lab
        .machine
        .run(&format!(
            "for unit in {}; do
                 process=$(systemctl show --property MainPID --value $unit)
                 echo \"$unit $(sed -n 's/^VmRSS:[^0-9]*//p' /proc/$process/status)\"
             done",
            UNITS.join(" ")
        ))
        .await;
    lab.note(&format!(
        "resident with 8 boards: {}",
        memory.trim().replace('\n', ", ")
    ));
}

#[tokio::test]
async fn boards_that_are_plugged_in_when_the_machine_starts_are_served() {
    let mut lab = lab().await;
    let (name, serial) = {
        let board = Board::new(&lab.machine, &["--bare"]).staying();
        board.plug().await;
        lab.visitor.until(&board.name(), "/fs/code.py", 200).await;
        (board.name(), board.serial().to_owned())
    };
    lab.reboot().await;
    lab.visitor.until(&name, "/fs/code.py", 200).await;
    let opened = lab
        .machine
        .run(
            "journalctl --boot --output short-monotonic --unit cpy-file-proxy \
             | sed -n 's/^\\[ *\\([0-9.]*\\)\\].*drive opened.*/\\1/p'",
        )
        .await;
    let started = lab
        .machine
        .run("systemctl show --property ActiveEnterTimestampMonotonic --value cpy-http-gateway")
        .await;
    lab.note(&format!(
        "boot, from the kernel's start: http-gateway ready after {} us, a board's drive read after {} s",
        started.trim(),
        opened.trim()
    ));
    let listing = lab.machine.run("cpyctl boards").await;
    assert!(
        listing.contains(&serial) || listing.contains(&name),
        "{listing}"
    );
    lab.machine
        .run("rm /etc/systemd/system/board-*.service; systemctl daemon-reload")
        .await;
}
