//! What is plugged in and is no board, or not quite one. Each leaves a gateway that serves other boards, and words.

use cpy_tests::vm::{Board, Lab, fresh_image, lab};

/// An ordinary board beside the strange one, which must be served.
async fn all_is_well_with_others(lab: &Lab) {
    let other = Board::new(&lab.machine, &["--bare"]);
    other.plug().await;
    lab.visitor.until(&other.name(), "/fs/code.py", 200).await;
    other.unplug().await;
}

/// The links that udev has made, `BOARD/LINK` a line, sorted.
async fn links(lab: &Lab) -> String {
    let found = "cd /dev/cpy-gateway 2>/dev/null && find . -type l | sed 's,^./,,' | sort || true";
    lab.machine.run(found).await
}

#[tokio::test]
async fn a_stick_is_no_board() {
    let lab = lab().await;
    let image = "/run/boards/stick.img";
    lab.machine
        .run(&format!(
            "truncate --size 4M {image} && mkfs.vfat -n HOLIDAYS {image}"
        ))
        .await;
    let stick = Board::new(&lab.machine, &["--stick"]).with_image(image);
    stick.plug().await;
    lab.machine.until("ls /dev/disk/by-label/HOLIDAYS").await;
    lab.machine.run("udevadm settle").await;
    assert_eq!(links(&lab).await, "");
    // It can be mounted, as ever.
    lab.machine
        .run("mount /dev/disk/by-label/HOLIDAYS /mnt && umount /mnt")
        .await;
    all_is_well_with_others(&lab).await;
}

#[tokio::test]
async fn a_board_without_a_drive_has_a_console() {
    let lab = lab().await;
    let board = Board::new(&lab.machine, &["--bare", "--no-drive"]);
    let name = board.name();
    board.plug().await;
    let answer = lab.visitor.until(&name, "/fs/code.py", 503).await;
    assert!(answer.text.contains("drive"), "{answer:?}");
    let mut console = lab.visitor.console(&name).await;
    console.send("\u{3}\u{3}").await;
    console.until(">>> ").await;
    let doctor = lab.machine.try_run("cpyctl doctor").await;
    assert!(doctor.text.contains("has no drive"), "{doctor:?}");
}

#[tokio::test]
async fn a_board_without_a_console_has_a_drive() {
    let lab = lab().await;
    let board = Board::new(&lab.machine, &["--bare", "--no-console"]);
    let name = board.name();
    board.plug().await;
    lab.visitor.until(&name, "/fs/code.py", 200).await;
    let saved = lab.visitor.save(&name, "code.py", b"print(1)\n").await;
    assert_eq!(saved.status, 204, "{saved:?}");
    let doctor = lab.machine.try_run("cpyctl doctor").await;
    assert!(doctor.text.contains("has no console"), "{doctor:?}");
}

#[tokio::test]
async fn of_two_consoles_one_is_the_boards() {
    let lab = lab().await;
    let board = Board::new(&lab.machine, &["--bare", "--two-consoles"]);
    let name = board.name();
    board.plug().await;
    lab.visitor.until(&name, "/fs/code.py", 200).await;
    lab.machine.run("udevadm settle").await;
    let links = links(&lab).await;
    assert_eq!(links.matches("/console").count(), 1, "{links}");
    let mut console = lab.visitor.console(&name).await;
    console.send("\u{3}\u{3}").await;
    console.until(">>> ").await;
}

#[tokio::test]
async fn the_second_serial_port_is_not_taken_for_the_console() {
    let lab = lab().await;
    let board = Board::new(&lab.machine, &["--bare", "--data"]);
    board.plug().await;
    lab.visitor.until(&board.name(), "/fs/code.py", 200).await;
    lab.machine.run("udevadm settle").await;
    let serial = board.serial();
    assert_eq!(
        links(&lab).await,
        format!("{serial}/console\n{serial}/data\n{serial}/drive")
    );
    let mut console = lab.visitor.console(&board.name()).await;
    console.send("\u{3}\u{3}").await;
    console.until(">>> ").await;
}

#[tokio::test]
async fn a_broken_partition_table_is_said_in_words() {
    let lab = lab().await;
    let image = fresh_image(&lab.machine, &[]).await;
    // A partition that ends behind the end of the drive.
    lab.machine
        .run(&format!(
            "printf '\\377\\377\\377\\000' | dd of={image} bs=1 seek=458 conv=notrunc status=none"
        ))
        .await;
    let board = Board::new(&lab.machine, &["--bare"]).with_image(&image);
    board.plug().await;
    let answer = lab.visitor.until(&board.name(), "/fs/code.py", 503).await;
    let answer = if answer.text.contains("partition") {
        answer
    } else {
        cpy_tests::vm::until("the partition table is complained of", async || {
            let page = lab.visitor.page(&board.name(), "/fs/code.py").await;
            page.text.contains("partition").then_some(page)
        })
        .await
    };
    assert_eq!(
        answer.text.matches("partition 1 ends").count(),
        1,
        "{answer:?}"
    );
    let doctor = lab.machine.try_run("cpyctl doctor").await;
    assert!(doctor.text.contains("partition"), "{doctor:?}");
    all_is_well_with_others(&lab).await;
}

#[tokio::test]
async fn a_drive_of_this_label_that_is_not_usb_is_left_alone() {
    let lab = lab().await;
    let image = fresh_image(&lab.machine, &[]).await;
    let device = lab
        .machine
        .run(&format!(
            "modprobe loop; losetup --find --show --partscan {image}"
        ))
        .await;
    let device = device.trim();
    lab.machine
        .until(&format!("blkid {device}p1 | grep CIRCUITPY"))
        .await;
    lab.machine.run("udevadm settle").await;
    assert_eq!(links(&lab).await, "");
    lab.machine
        .run(&format!(
            "mount {device}p1 /mnt && umount /mnt; losetup --detach {device}"
        ))
        .await;
}

#[tokio::test]
async fn power_lost_during_enumeration_does_no_harm() {
    let lab = lab().await;
    for transfers in [1, 3, 6, 9] {
        let board = Board::new(
            &lab.machine,
            &["--bare", "--cut-enumeration", &transfers.to_string()],
        );
        board.try_plug().await;
        lab.machine
            .until(&format!("! systemctl is-active --quiet {}", board.unit()))
            .await;
    }
    lab.machine.until("udevadm settle").await;
    assert_eq!(links(&lab).await, "");
    all_is_well_with_others(&lab).await;
}
