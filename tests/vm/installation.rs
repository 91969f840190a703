//! The package comes to a machine whose boards are plugged in already, and goes from it.

use cpy_tests::vm::{Board, Lab, lab};

/// Whom the devices of boards belong to, each once.
async fn owners(lab: &Lab) -> String {
    lab.machine
        .run("stat --format %U /dev/ttyACM* /dev/sd* | sort --unique")
        .await
}

#[tokio::test]
async fn a_purge_lets_boards_go_and_an_installation_finds_them() {
    let mut lab = lab().await;
    let name = {
        let board = Board::new(&lab.machine, &["--bare"]);
        board.plug().await;
        lab.visitor.until(&board.name(), "/fs/code.py", 200).await;
        board.name()
    };
    let served = owners(&lab).await;
    lab.machine.run("apt-get purge --yes cpy-gateway").await;
    let links = lab.machine.try_run("find /dev/cpy-gateway -type l").await;
    let let_go = owners(&lab).await;

    // udev may read rules as soon as they are unpacked, long before the package is configured.
    lab.machine
        .run("dpkg --unpack /root/cpy-gateway.deb && udevadm trigger --settle && dpkg --configure cpy-gateway")
        .await;
    lab.learn_password().await;
    lab.visitor.until(&name, "/fs/code.py", 200).await;

    assert!(served.contains("_cpy-file-proxy"), "{served}");
    assert!(!links.text.contains("drive"), "{links:?}");
    assert_eq!(let_go.trim(), "root");
    assert_eq!(owners(&lab).await, served);
}
