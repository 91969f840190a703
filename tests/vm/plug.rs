//! A board is plugged in, used, pulled out, and plugged in again.

use std::time::Instant;

use cpy_tests::vm::{Board, lab};

#[tokio::test]
async fn a_board_that_is_plugged_in_is_a_page_on_the_network() {
    let lab = lab().await;
    let visitor = &lab.visitor;
    let board = Board::new(&lab.machine, &[]);
    let name = board.name();

    let plugged = Instant::now();
    board.plug().await;
    visitor.until(&name, "/fs/code.py", 200).await;
    lab.figure("plug to HTTP 200 for a file", plugged.elapsed());
    let page = visitor.page(&name, "/").await;
    assert_eq!(page.status, 200, "{page:?}");

    let mut console = visitor.console(&name).await;
    let saved = visitor
        .save(&name, "code.py", b"print('saved', 'over', 'USB')\n")
        .await;
    assert_eq!(saved.status, 204, "{saved:?}");
    board.says("reload").await;
    console.until("saved over USB").await;

    board.unplug().await;
    let gone = visitor.until(&name, "/fs/code.py", 503).await;
    assert!(gone.text.contains("not plugged in"), "{gone:?}");
    console.until("The board is gone").await;

    board.plug().await;
    let back = visitor.until(&name, "/fs/code.py", 200).await;
    assert_eq!(back.text, "print('saved', 'over', 'USB')\n");
    console.until("The board is back").await;
    // What it prints before its console is open again is nobody's.
    console.send("\u{3}\u{4}").await;
    console.until("saved over USB").await;
}
