//! Drives that the board keeps for itself.

use cpy_tests::vm::{Board, Gadget, lab};

#[tokio::test]
async fn a_write_protected_drive_is_read_and_refuses_saves_in_words() {
    let lab = lab().await;
    let board = Board::new(&lab.machine, &["--bare", "--read-only"]);
    let name = board.name();
    board.plug().await;
    lab.visitor.until(&name, "/fs/code.py", 200).await;
    let refused = lab.visitor.save(&name, "code.py", b"x").await;
    assert_eq!(refused.status, 409, "{refused:?}");
    assert!(refused.text.contains("write-protected"), "{refused:?}");
    let listing = lab.machine.run("cpyctl boards").await;
    assert!(listing.contains("write-protected"), "{listing}");
    let doctor = lab.machine.try_run("cpyctl doctor").await;
    assert!(doctor.text.contains("write-protected"), "{doctor:?}");
}

#[tokio::test]
async fn a_drive_that_is_taken_while_it_is_in_use_is_noticed_at_the_first_save() {
    let lab = lab().await;
    let gadget = Gadget::new(&lab.machine, &[]).await;
    let name = gadget.name();
    gadget.plug().await;
    lab.visitor.until(&name, "/fs/code.py", 200).await;
    let saved = lab.visitor.save(&name, "code.py", b"print(1)\n").await;
    assert_eq!(saved.status, 204, "{saved:?}");
    gadget.protect().await;
    let refused = lab.visitor.save(&name, "code.py", b"print(2)\n").await;
    assert!([409, 503].contains(&refused.status), "{refused:?}");
    let refused = cpy_tests::vm::until("the save is refused in words", async || {
        let refused = lab.visitor.save(&name, "code.py", b"print(2)\n").await;
        (refused.status == 409).then_some(refused)
    })
    .await;
    assert!(refused.text.contains("write-protected"), "{refused:?}");
    let page = lab.visitor.until(&name, "/fs/code.py", 200).await;
    assert_eq!(page.text, "print(1)\n");
}
